"""The document of the wire accepts what is encoded, and nothing of another topic."""

import json
import re
from decimal import Decimal as D
from typing import Any

import jsonschema
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.market import events, wire
from include.market.asyncapi import EVENT_OF_KIND, SUMMARIES, describe_wire, message_schema
from include.market.events import Message, Top
from include.market.signals import PublishedSignal
from include.market.wire import TOPIC_OF_KIND, Topic
from spark_jobs.signal_publisher import encode as encode_signal

VALIDATORS = {topic: jsonschema.Draft202012Validator(message_schema(topic)) for topic in SUMMARIES}
DECIMALS = st.decimals(min_value=D("-1e9"), max_value=D("1e9"), places=8)
VALUES: dict[Any, Any] = {
    str: st.text(max_size=5),
    int: st.integers(-(2**53), 2**53),
    float: st.floats(allow_nan=False, allow_infinity=False),
    bool: st.booleans(),
    D: DECIMALS,
    type(None): st.none(),
}


def of_type(kind: Any) -> Any:
    """Values of a field's type, as msgspec describes it."""
    info = msgspec.inspect.type_info(kind) if not isinstance(kind, msgspec.inspect.Type) else kind
    if isinstance(info, msgspec.inspect.UnionType):
        return st.one_of(*map(of_type, info.types))
    if isinstance(info, msgspec.inspect.LiteralType):
        return st.sampled_from(info.values)
    if isinstance(info, msgspec.inspect.StructType):
        return st.builds(info.cls, **{field.name: of_type(field.type) for field in info.fields})
    names = {"Str": str, "Int": int, "Float": float, "Bool": bool, "Decimal": D, "None": type(None)}
    name = type(info).__name__.removesuffix("Type")
    if name == "VarTuple":
        return st.lists(of_type(info.item_type), max_size=2).map(tuple)
    return VALUES[names[name]]


def messages(kind: str) -> Any:
    has_events = kind in EVENT_OF_KIND
    listed = st.lists(of_type(EVENT_OF_KIND[kind]), max_size=2) if has_events else st.just([])
    tops = st.none() | of_type(Top) if TOPIC_OF_KIND[kind] == Topic.BOOK else st.none()
    return st.builds(
        Message,
        venue=st.text(max_size=5),
        symbol=st.text(max_size=5),
        kind=st.just(kind),
        conn=st.text(max_size=5),
        seq=st.none() | st.tuples(VALUES[int], VALUES[int]),
        venue_time=st.none() | VALUES[int],
        received_time=VALUES[int],
        events=listed.map(tuple),
        top=tops,
    )


@pytest.mark.parametrize("kind", TOPIC_OF_KIND)
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_what_is_encoded_is_what_the_document_describes(kind: str, data: Any) -> None:
    if kind == "signal":
        return
    message = data.draw(messages(kind))
    VALIDATORS[TOPIC_OF_KIND[kind]].validate(json.loads(wire.encode(message)))


def test_a_signal_of_the_stream_is_what_the_document_describes() -> None:
    signal = PublishedSignal("gemini", "BTC-USD", "price_volume", D("1.5"), 0, 60_000_000)
    validator = VALIDATORS[Topic.SIGNALS]
    validator.validate(json.loads(encode_signal(signal)))
    fields = json.loads(encode_signal(signal))
    assert not validator.is_valid(fields | {"value": 1.5})
    assert not validator.is_valid(fields | {"v": 2})
    assert validator.is_valid(
        fields | {"source": {"topic": Topic.BOOK, "partition": 0, "offset": 7}}
    )


def message(kind: str = "trade", **changes: Any) -> dict[str, Any]:
    event = events.Trade("1", D(1), D(2), "buy", 3)
    fields = json.loads(
        wire.encode(Message("gemini", "BTC-USD", kind, "c", (1, 1), 3, 4, (event,)))
    )
    return fields | changes


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "ticker"},
        {"v": 2},
        {"received_time": None},
        {"received_time": "4"},
        {"seq": [1]},
        {"events": [{"type": "ticker", "last": "1"}]},
        {"events": [{"type": "trade", "trade_id": "1"}]},
        {"top": {"bid": "1", "bid_quantity": "1", "ask": "2", "ask_quantity": "1"}},
    ],
    ids=str,
)
def test_what_is_no_message_of_the_topic_is_not_valid(wrong: dict[str, Any]) -> None:
    validator = VALIDATORS[Topic.TRADES]
    assert validator.is_valid(message())
    assert not validator.is_valid(message(**wrong))


def test_the_document_has_every_topic_and_leads_nowhere_else() -> None:
    document = describe_wire("1.2.3")
    assert set(document["channels"]) == set(wire.TOPICS) == set(SUMMARIES)
    text = json.dumps(document)
    for part in set(re.findall(r'"\\$ref": "#/([^"]+)"', text)):
        found: Any = document
        for name in part.split("/"):
            found = found[name]
    assert document["info"]["version"] == "1.2.3"
