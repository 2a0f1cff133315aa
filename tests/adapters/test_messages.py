"""Our own messages: every one decodes, every malformed one is a MessageError with a reason."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import paho.mqtt.client as mqtt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.adapters.mqtt import asyncapi
from edge.adapters.mqtt.messages import CHANNELS, TOPIC_ROOT, decode, subscriptions
from edge.core.errors import MessageError
from edge.core.events import (
    AppSighting,
    CheckIn,
    EventKey,
    HeardBeacon,
    Scan,
    StaffState,
    StockLevels,
    Tick,
)
from edge.core.notices import Purpose
from edge.core.sales import Return, ReturnLine, Sale, SaleLine, Void
from edge.core.statements import ConsentChange

# 2026-03-01T12:00:00Z
NOON_S = 1_772_366_400.0

DATA: dict[str, dict[str, Any]] = {
    "checkins": {"member_id": "M1", "place": "entrance"},
    "sales": {
        "receipt_id": "R1", "till_id": "3", "member_id": "M1",
        "sold_at": "2026-03-01T13:00:00+01:00",
        "lines": [{"line_no": 1, "sku": "", "gtin": "04012345678901", "quantity": 0.42}],
    },
    "voids": {"receipt_id": "R1", "line_nos": [1]},
    "returns": {"return_id": "T1", "lines": [{"sku": "S1"}]},
    "stock": {"levels": [{"sku": "S1", "quantity": 0}]},
    "consents": {
        "member_id": "M1", "purpose": "profile", "is_given": False,
        "notice_version": "2026-01", "language": "de", "method": "app",
    },
    "scans": {"sku": "S1", "zone": "shoes"},
    "app-sightings": {"member_id": "M1", "beacons": [{"beacon": "b", "rssi_dbm": -70}]},
    "staff": {"tablet_id": "T1", "state": "serving", "member_id": "M1"},
    "tick": {"now": "2026-03-01T12:00:00Z"},
}  # fmt: skip

EVENTS = {
    "checkins": CheckIn("M1", "entrance", NOON_S),
    "sales": Sale("R1", "3", NOON_S, (SaleLine(1, "", "04012345678901", 0.42, 0, False),), "M1"),
    "voids": Void("R1", (1,), NOON_S),
    "returns": Return("T1", None, None, (ReturnLine("S1", None, 1),), NOON_S),
    "stock": StockLevels((("S1", 0),), NOON_S),
    "consents": ConsentChange("M1", Purpose.PROFILE, False, NOON_S, "2026-01", "de", "app"),
    "scans": Scan(None, "S1", None, "shoes", NOON_S),
    "app-sightings": AppSighting("M1", (HeardBeacon("b", -70.0),), NOON_S),
    "staff": StaffState("T1", True, "M1", None),
    "tick": Tick(NOON_S),
}


def event(topic: str, **changes: Any) -> dict[str, Any]:
    """A valid CloudEvent for a topic, with some attributes changed (None: left out)."""
    kind = next(c.kind for c in CHANNELS if c.topic == topic)
    whole = {
        "specversion": "1.0", "id": "e1", "source": "/tests", "type": f"stammgast.{kind}.v1",
        "time": "2026-03-01T12:00:00Z", "datacontenttype": "application/json",
        "data": DATA[topic], **changes,
    }  # fmt: skip
    return {key: value for key, value in whole.items() if value is not None}


def _decode(topic: str, document: object) -> Any:
    return decode(TOPIC_ROOT + topic, json.dumps(document).encode())


@pytest.mark.parametrize("topic", DATA)
def test_every_message_becomes_its_event(topic: str) -> None:
    """A full table: one valid message per topic and the event it means."""
    arrival = _decode(topic, event(topic))
    assert arrival.event == EVENTS[topic]
    assert arrival.key == EventKey("/tests", "e1")
    assert arrival.at_s == NOON_S


def test_every_topic_of_the_contract_is_tested() -> None:
    """A new channel needs a row above."""
    assert set(DATA) == {channel.topic for channel in CHANNELS}


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        pytest.param(event("checkins", id=None), "not_cloudevent", id="no id"),
        pytest.param(event("checkins", id=""), "not_cloudevent", id="empty id"),
        pytest.param(event("checkins", specversion="0.3"), "not_cloudevent", id="old version"),
        pytest.param(event("checkins", time=None), "not_cloudevent", id="no time"),
        pytest.param(event("checkins", time="yesterday"), "not_cloudevent", id="no such time"),
        pytest.param(
            event("checkins", time="2026-03-01T12:00:00"), "time_without_zone", id="local time"
        ),
        pytest.param(event("checkins", type="stammgast.sale.v1"), "wrong_type", id="wrong type"),
        pytest.param(event("checkins", data=None), "not_cloudevent", id="no data"),
        pytest.param(event("checkins", data={"member_id": 7}), "wrong_data", id="number as id"),
        pytest.param(
            event("checkins", data={"member_id": "M", "place": "moon"}), "wrong_data", id="place"
        ),
        pytest.param([1, 2], "not_cloudevent", id="an array"),
        pytest.param(event("checkins", id="x" * 200), "not_cloudevent", id="long id"),
    ],
)
def test_a_malformed_message_names_its_reason(document: object, reason: str) -> None:
    """One broken attribute each."""
    with pytest.raises(MessageError) as caught:
        _decode("checkins", document)
    assert caught.value.reason == reason


def test_negative_quantities_are_refused() -> None:
    """A negating twin line is a void; on this topic it is a mistake."""
    data = {**DATA["sales"], "lines": [{"line_no": 1, "sku": "S", "quantity": -1}]}
    with pytest.raises(MessageError, match="wrong_data"):
        _decode("sales", event("sales", data=data))


@pytest.mark.parametrize("line_no", [-1, 65_536, 2**31, 2**63, 2**70])
def test_line_numbers_that_no_column_holds_are_refused(line_no: int) -> None:
    """A receipt is kept in sixteen bits a line; what does not fit must not reach the disk."""
    lines = [{"line_no": line_no, "sku": "S"}]
    for topic, data in (("sales", {"lines": lines}), ("voids", {"line_nos": [line_no]})):
        with pytest.raises(MessageError, match="wrong_data"):
            _decode(topic, event(topic, data={**DATA[topic], **data}))


@pytest.mark.parametrize("time", ["1969-12-31T23:59:59Z", "0001-01-01T00:00:00Z"])
def test_times_before_1970_are_refused(time: str) -> None:
    """On disk a moment is unsigned."""
    with pytest.raises(MessageError, match="time_out_of_range"):
        _decode("sales", event("sales", data={**DATA["sales"], "sold_at": time}))
    with pytest.raises(MessageError, match="time_out_of_range"):
        _decode("returns", event("returns", time=time))


def test_an_error_repeats_no_value_of_the_message() -> None:
    """Messages hold member ids; what is logged must not."""
    data = {**DATA["consents"], "purpose": "M-secret-4711"}
    with pytest.raises(MessageError) as caught:
        _decode("consents", event("consents", data=data))
    assert "4711" not in str(caught.value)


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\xff\xfe{}", id="not UTF-8"),
        pytest.param(b'{"id": "1", "sour', id="truncated"),
        pytest.param(b"[" * 30_000, id="deeply nested"),
        pytest.param(b'{"data":' + b'{"a":' * 5_000 + b"1" + b"}" * 5_001, id="nested data"),
    ],
)
def test_bytes_that_are_no_message(payload: bytes) -> None:
    """They raise a MessageError and nothing else."""
    with pytest.raises(MessageError):
        decode(TOPIC_ROOT + "checkins", payload)


@given(st.sampled_from([c.topic for c in CHANNELS]), st.binary(max_size=300))
def test_arbitrary_bytes_raise_only_message_errors(topic: str, payload: bytes) -> None:
    """Whatever arrives, the loop meets a MessageError or an event."""
    try:
        decode(TOPIC_ROOT + topic, payload)
    except MessageError:
        return


_json = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=20) | st.integers(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=10,
)


@given(st.sampled_from(sorted(DATA)), st.data())
def test_arbitrary_data_raises_only_message_errors(topic: str, draw: st.DataObject) -> None:
    """A valid envelope around any data, with one known field replaced by anything."""
    data = dict(DATA[topic])
    data[draw.draw(st.sampled_from(sorted(data)))] = draw.draw(_json)
    try:
        _decode(topic, event(topic, data=data))
    except MessageError:
        return


def test_every_topic_of_the_contract_is_heard() -> None:
    """One filter, a level below the root; what it hears besides is counted as unknown."""
    ((heard, qos),) = subscriptions()
    assert qos == max(channel.qos for channel in CHANNELS)
    assert all(mqtt.topic_matches_sub(heard, TOPIC_ROOT + channel.topic) for channel in CHANNELS)


@pytest.mark.parametrize("topic", DATA)
def test_examples_fit_the_published_description(topic: str) -> None:
    """The AsyncAPI document accepts what the code accepts."""
    document = asyncapi.document()
    message = next(iter(document["channels"][topic]["messages"].values()))["$ref"].rpartition("/")
    schema = document["components"]["messages"][message[2]]["payload"]
    jsonschema.validate(event(topic), {**schema, "components": document["components"]})
    broken = event(topic, data="no object")
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(broken, {**schema, "components": document["components"]})


def test_the_published_description_is_current() -> None:
    """`docs/asyncapi.json` is what the code generates."""
    published = Path(__file__).parents[2] / "docs" / "asyncapi.json"
    assert json.loads(published.read_text(encoding="utf-8")) == json.loads(
        json.dumps(asyncapi.document())
    )


def test_examples_are_cloudevents(data_folder: Path) -> None:
    """The schema of the CloudEvents specification accepts every example."""
    schema = json.loads((data_folder / "cloudevents" / "cloudevents.json").read_text())
    for topic in DATA:
        jsonschema.validate(event(topic), schema)
