"""What may be asked about Kafka's records, and the bounded answers."""

import asyncio
import base64
import threading
from typing import Any

import msgspec
import pytest

from include.bus import Record
from include.errors import QueryError
from include.settings import load
from streaming.dashboard.flows import requests
from streaming.dashboard.flows.pages import MAX_WAITING, AskedAtOnce
from streaming.dashboard.flows.requests import (
    count_flows,
    explain_record,
    find_record,
    find_records,
    list_record,
    parse_lookup,
)

TRADE = {"type": "trade", "trade_id": "7", "price": "1.50", "order_id": "o-1"}
MESSAGE = {
    "v": 1,
    "venue": "gemini",
    "symbol": "BTC-USD",
    "kind": "trade",
    "conn": "c9",
    "seq": [4, 5],
    "venue_time": None,
    "received_time": 1_000_000,
    "events": [TRADE],
}


def record(value: bytes, *, topic: str = "market.trades", offset: int = 42) -> Record:
    return Record(topic, 1, offset, 1500, b"gemini|BTC-USD", value)


GOOD = record(msgspec.json.encode(MESSAGE))


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({}, "topic= is none of market.trades"),
        ({"topic": "market.trade"}, "topic=market.trade is none of market.trades"),
        ({"topic": "market.book", "text": "x" * 201}, "text has 201 characters"),
        ({"topic": "market.book", "offset": "-1"}, "offset=-1 is no number"),
        ({"topic": "market.book", "partition": "two"}, "partition=two is no number"),
        ({"topic": "market.book", "offset": "9" * 30}, "is no number"),
    ],
)
def test_what_is_wrong_is_one_sentence(query: dict[str, str], sentence: str) -> None:
    with pytest.raises(QueryError, match=sentence):
        parse_lookup(query)


def test_a_filter_is_that_of_tail() -> None:
    lookup = parse_lookup({"topic": "market.trades", "venue": "gemini", "text": "1.50"})
    assert lookup.record_filter.takes(GOOD)
    assert not lookup.record_filter.takes(record(b"1.50"))


def test_a_record_is_explained_with_its_frame_and_where_it_lands() -> None:
    answer = explain_record(GOOD)
    assert (answer["topic"], answer["partition"], answer["offset"]) == ("market.trades", 1, 42)
    frame = {"venue": "gemini", "conn": "c9", "seq": [4, 5], "received_time": 1_000_000}
    assert answer["frame"] == frame
    assert (answer["table"], answer["order_ids"], answer["raw_frame"]) == ("trades", ["o-1"], None)
    assert answer["message"]["events"] == [TRADE]
    line = list_record(GOOD)
    assert (line["venue"], line["kind"], line["offset"]) == ("gemini", "trade", 42)


def test_a_rejected_frame_is_shown_as_the_venue_sent_it() -> None:
    payload = base64.b64encode(b'{"half": "a fra').decode()
    reject = {"type": "reject", "reason": "r", "detail": "", "payload": payload}
    value = msgspec.json.encode(MESSAGE | {"kind": "reject", "events": [reject]})
    answer = explain_record(record(value, topic="market.rejects"))
    assert answer["raw_frame"] == '{"half": "a fra'
    junk = msgspec.json.encode(MESSAGE | {"events": [{"payload": 7}, "x", {"payload": "é"}]})
    assert explain_record(record(junk, topic="market.rejects"))["raw_frame"] is None
    assert explain_record(record(junk))["order_ids"] == []


def test_junk_and_large_records_are_shown_too() -> None:
    assert explain_record(record(b"\xff junk"))["message"].endswith(" junk")
    large = explain_record(record(msgspec.json.encode(MESSAGE | {"more": "x" * 300_000})))
    assert large["is_cut"] and len(large["message"]) <= 200_000 < large["bytes"]
    assert len(list_record(record(b"y" * 300_000))["text"]) <= 400


def test_of_many_records_the_newest_hundred_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    many = [record(b"{}", offset=number) for number in range(250)]
    monkeypatch.setattr(requests, "browse_records", lambda *_, **__: iter(many))
    answer = find_records(load({}), parse_lookup({"topic": "market.trades"}))
    assert [line["offset"] for line in answer["records"]] == list(range(249, 149, -1))


def test_an_offset_that_kafka_skipped_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def one_later(*_: Any, **__: Any) -> Any:
        yield record(b"{}", offset=43)

    monkeypatch.setattr(requests, "browse_records", one_later)
    place = {"topic": "market.trades", "partition": "1", "offset": "42"}
    with pytest.raises(QueryError, match=r"market\.trades/1 has no record at offset 42"):
        find_record(load({}), parse_lookup(place))
    with pytest.raises(QueryError, match="named by topic, partition and offset"):
        find_record(load({}), parse_lookup({"topic": "market.trades"}))


def test_a_range_that_is_none_is_refused() -> None:
    with pytest.raises(QueryError, match="range=2y is none of 15m, 1h"):
        count_flows(load({}), {"range": "2y"}, now_s=0)


def test_while_eight_wait_a_ninth_gets_a_sentence() -> None:
    gate, threads = threading.Event(), AskedAtOnce()

    def find(_query: object) -> dict[str, Any]:
        gate.wait(5)
        return {"done": True}

    async def ask() -> None:
        waiting = [asyncio.create_task(threads.run(find, {})) for _ in range(MAX_WAITING)]
        await asyncio.sleep(0)
        with pytest.raises(QueryError, match="too many people"):
            await threads.run(find, {})
        gate.set()
        assert await asyncio.gather(*waiting) == [{"done": True}] * MAX_WAITING
        assert await threads.run(find, {}) == {"done": True}

    asyncio.run(ask())
