"""The AsyncAPI description of our own messages, made from the same table that decodes them.

`python -m edge.adapters.mqtt.asyncapi > docs/asyncapi.json` writes it anew.
"""

import json
from typing import Any

import msgspec

from edge.adapters.mqtt.messages import (
    ANSWER,
    ANSWERS,
    CHANNELS,
    TOPIC_ROOT,
    AnswerForm,
    Channel,
)

_ANSWERED = "What goes with the labels that an app without a member scanned."


def document() -> dict[str, Any]:
    """Return the AsyncAPI 3.0 document as plain values."""
    schemas, components = msgspec.json.schema_components(
        [AnswerForm, *(channel.form for channel in CHANNELS)],
        ref_template="#/components/schemas/{name}",
    )
    answer, *taken = schemas
    forms = {channel.topic: schema for channel, schema in zip(CHANNELS, taken, strict=True)}
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
        }
        | {
            ANSWERS: {
                "address": f"{TOPIC_ROOT}{ANSWERS}/{{visit_token}}",
                "parameters": {"visit_token": {"description": "As the scan had it."}},
                "messages": {ANSWER: {"$ref": f"#/components/messages/{ANSWER}"}},
            }
        },
        "operations": {f"receive-{channel.kind}": _operation(channel) for channel in CHANNELS}
        | {
            f"send-{ANSWER}": {
                "action": "send",
                "channel": {"$ref": f"#/channels/{ANSWERS}"},
                "summary": _ANSWERED,
                "bindings": {"mqtt": {"qos": 0}},
            }
        },
        "components": {
            "messages": {
                channel.kind: _message(channel.kind, channel.summary, forms[channel.topic])
                for channel in CHANNELS
            }
            | {ANSWER: _message(ANSWER, _ANSWERED, answer)},
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


def _message(kind: str, summary: str, data: dict[str, Any]) -> dict[str, Any]:
    text = {"type": "string", "minLength": 1}
    return {
        "name": kind,
        "summary": summary,
        "contentType": "application/cloudevents+json",
        "payload": {
            "type": "object",
            "required": ["id", "source", "specversion", "type", "time", "data"],
            "properties": {
                "id": text,
                "source": {**text, "format": "uri-reference"},
                "specversion": {"const": "1.0"},
                "type": {"const": f"stammgast.{kind}.v1"},
                "time": {"type": "string", "format": "date-time"},
                "datacontenttype": {"const": "application/json"},
                "data": data,
            },
        },
    }


if __name__ == "__main__":
    print(json.dumps(document(), indent=2, ensure_ascii=False))
