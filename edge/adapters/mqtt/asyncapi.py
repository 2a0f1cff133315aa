"""The AsyncAPI description of our own messages, made from the same table that decodes them.

`python -m edge.adapters.mqtt.asyncapi > docs/asyncapi.json` writes it anew.
"""

import json
from typing import Any

import msgspec

from edge.adapters.mqtt.messages import CHANNELS, TOPIC_ROOT, Channel


def document() -> dict[str, Any]:
    """Return the AsyncAPI 3.0 document as plain values."""
    schemas, components = msgspec.json.schema_components(
        [channel.form for channel in CHANNELS], ref_template="#/components/schemas/{name}"
    )
    forms = {channel.topic: schema for channel, schema in zip(CHANNELS, schemas, strict=True)}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Stammgast: messages to the store box",
            "version": "1",
            "description": "CloudEvents 1.0 in structured JSON mode over MQTT 3.1.1 or 5. QoS 1 "
            "messages are acknowledged once committed; a repeated (source, id) counts once.",
        },
        "channels": {
            channel.topic: {
                "address": TOPIC_ROOT + channel.topic,
                "messages": {channel.kind: {"$ref": f"#/components/messages/{channel.kind}"}},
            }
            for channel in CHANNELS
        },
        "operations": {f"receive-{channel.kind}": _operation(channel) for channel in CHANNELS},
        "components": {
            "messages": {
                channel.kind: _message(channel, forms[channel.topic]) for channel in CHANNELS
            },
            "schemas": components,
        },
    }


def _operation(channel: Channel) -> dict[str, Any]:
    return {
        "action": "receive",
        "channel": {"$ref": f"#/channels/{channel.topic}"},
        "summary": channel.summary,
        "bindings": {"mqtt": {"qos": channel.qos}},
    }


def _message(channel: Channel, data: dict[str, Any]) -> dict[str, Any]:
    text = {"type": "string", "minLength": 1}
    return {
        "name": channel.kind,
        "summary": channel.summary,
        "contentType": "application/cloudevents+json",
        "payload": {
            "type": "object",
            "required": ["id", "source", "specversion", "type", "time", "data"],
            "properties": {
                "id": text,
                "source": {**text, "format": "uri-reference"},
                "specversion": {"const": "1.0"},
                "type": {"const": f"stammgast.{channel.kind}.v1"},
                "time": {"type": "string", "format": "date-time"},
                "datacontenttype": {"const": "application/json"},
                "data": data,
            },
        },
    }


if __name__ == "__main__":
    print(json.dumps(document(), indent=2, ensure_ascii=False))
