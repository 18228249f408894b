"""What `tail` shows of a record, and which records a filter takes."""

from typing import Any

import msgspec
import pytest

from include.bus import Record
from include.bus.record_browsing import (
    Beginning,
    describe_briefly,
    describe_record,
    parse_filter,
)
from include.errors import QueryError
from include.market.wire import TopicPartition

PART = TopicPartition("market.trades", 1)
TRADE = {"type": "trade", "trade_id": "7", "price": "1.50"}
MESSAGE = {"venue": "binance", "symbol": "BTC-USDT", "kind": "trade", "received_time": 1_000_000}


def record(value: bytes, *, time_ms: int = 1500) -> Record:
    return Record(PART.topic, PART.partition, 42, time_ms, b"binance|BTC-USDT", value)


GOOD = record(msgspec.json.encode(MESSAGE | {"events": [TRADE] * 5}))
JUNK = record(b"\xff junk", time_ms=-1)


def test_a_record_is_shown_with_its_place_time_and_events() -> None:
    line = describe_briefly(GOOD)
    assert line.startswith("market.trades/1@42  1970-01-01 00:00:01.000000  binance BTC-USDT trade")
    assert line.count('"trade_id":"7"') == 3 and line.endswith("and 2 more")
    whole = describe_record(GOOD)
    assert (whole["partition"], whole["offset"]) == (1, 42)
    assert whole["kafka_time"] == "1970-01-01T00:00:01.500000+00:00"
    assert len(whole["message"]["events"]) == 5


def test_what_is_no_message_is_shown_too() -> None:
    assert "junk" in describe_briefly(JUNK)
    assert describe_record(JUNK)["message"].endswith(" junk")
    assert describe_record(JUNK)["kafka_time"] is None


@pytest.mark.parametrize("time", [2**63 - 1, -(2**63), 10**18, "soon", None])
@pytest.mark.parametrize("events", [[TRADE], {"a": 1}, 7, None])
def test_a_message_of_no_time_and_of_no_list_of_events_is_shown(time: Any, events: Any) -> None:
    odd = MESSAGE | {"received_time": time, "events": events}
    stamp_ms = time if isinstance(time, int) else 0
    shown = record(msgspec.json.encode(odd), time_ms=stamp_ms)
    assert "  -  binance BTC-USDT trade" in describe_briefly(shown)
    assert describe_record(shown)["message"] == odd
    assert (describe_record(shown)["kafka_time"] is None) == isinstance(time, int)


@pytest.mark.parametrize(
    ("conditions", "taken"),
    [
        ((), (True, True)),
        (("venue=binance", "symbol=BTC-USDT"), (True, False)),
        (("venue=gemini",), (False, False)),
        (("text=junk",), (False, True)),
        (("kind=trade", 'text="trade_id":"7"'), (True, False)),
        (("kind=trade", "text=8.25"), (False, False)),
    ],
)
def test_all_conditions_of_a_filter_must_hold(
    conditions: tuple[str, ...], taken: tuple[bool, bool]
) -> None:
    wanted = parse_filter(conditions)
    assert (wanted.takes(GOOD), wanted.takes(JUNK)) == taken


@pytest.mark.parametrize("condition", ["binance", "price=3", "=x"])
def test_what_is_no_filter_is_named(condition: str) -> None:
    with pytest.raises(QueryError, match=f"'{condition}' is no filter"):
        parse_filter([condition])


def test_it_begins_so_many_before_the_end_or_where_it_is_told() -> None:
    kept = (100, 250)
    assert Beginning(10).offset_in(PART, kept) == 240
    assert Beginning(500).offset_in(PART, kept) == 100
    assert Beginning(10, offset=100).offset_in(PART, kept) == 100
    for offset in (99, 251):
        with pytest.raises(QueryError, match=r"keeps offsets 100 to 249, not"):
            Beginning(10, offset=offset).offset_in(PART, kept)
