"""Rows of messages without Spark: each row of its event, and all left alone if one is odd."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal as D
from typing import Any

import pyarrow as pa
import pytest

from include.lake.tables import TABLES
from include.market.events import BookChange, Message, Top, Trade
from include.market.wire import encode
from spark_jobs.arrow_decoding import decode_rows

AT = datetime(2026, 4, 20, tzinfo=UTC)
US = int(AT.timestamp()) * 1_000_000
DAY_US = 86_400 * 1_000_000
SENT = AT + timedelta(seconds=1)
EARLIEST_US, LATEST_US = 946_684_800_000_000, 4_102_444_800_000_000  # 2000 and 2100


def trade(number: int, **changes: Any) -> Message:
    fields = {"trade_id": str(number), "price": D("1.5"), "quantity": D(2), "side": "buy"}
    event = Trade(**(fields | {"traded_at": US} | changes))  # type: ignore[arg-type]
    return Message("gemini", "BTC-USD", "trade", "c", (number, number), US, US, (event,))


def book(number: int, *prices: str, top: Top | None = None) -> Message:
    changes = tuple(BookChange("bid", D(price), D(1), venue_event_id=number) for price in prices)
    return Message("gemini", "BTC-USD", "book", "c", (number, number + 1), US, US, changes, top)


def batch(topic: str, values: list[bytes], *, kafka_time: datetime = SENT) -> pa.RecordBatch:
    count = len(values)
    return pa.record_batch(
        {
            "topic": pa.array([topic] * count),
            "partition": pa.array([3] * count, pa.int32()),
            "offset": pa.array(range(70, 70 + count), pa.int64()),
            "timestamp": pa.array([kafka_time] * count, pa.timestamp("us", "UTC")),
            "value": pa.array(values, pa.binary()),
        }
    )


def trade_rows(*values: bytes, kafka_time: datetime = SENT) -> pa.Table | None:
    records = batch("market.trades", list(values), kafka_time=kafka_time)
    return decode_rows(records, TABLES["trades"])


def changed(message: Message, **fields: Any) -> bytes:
    return json.dumps(json.loads(encode(message)) | fields).encode()


def test_a_row_has_its_record_its_message_and_its_event() -> None:
    rows = trade_rows(encode(trade(5)), encode(trade(6, price=D("0.00000001"))))
    assert rows is not None
    first, second = rows.to_pylist()
    expected = {
        "topic": "market.trades",
        "partition": 3,
        "offset": 70,
        "kafka_time": SENT,
        "event_index": 0,
        "venue": "gemini",
        "symbol": "BTC-USD",
        "kind": "trade",
        "conn": "c",
        "seq_first": 5,
        "seq_last": 5,
        "venue_time": AT,
        "received_time": AT,
        "trade_id": "5",
        "price": D("1.5"),
        "quantity": D(2),
        "side": "buy",
        "traded_at": AT,
        "extra": None,
    }
    assert {name: first[name] for name in expected} == expected
    assert (second["offset"], second["trade_id"], second["price"]) == (71, "6", D("0.00000001"))


def test_each_event_of_a_message_is_a_row_and_a_message_without_any_is_one() -> None:
    top = Top(D(100), D(3), D(101), D(4))
    messages = [
        book(10, "100", "99", top=top),
        Message("gemini", "BTC-USD", "heartbeat", "c", None, None, US, ()),
        book(12, "98"),
        book(14, "97", "96", "95"),
    ]
    records = batch("market.book", [encode(message) for message in messages])
    rows = decode_rows(records, TABLES["book_changes"])
    assert rows is not None
    names = ("offset", "event_index", "kind", "price", "seq_first", "seq_last", "top_ask")
    cells = [tuple(row[name] for name in names) for row in rows.to_pylist()]
    assert cells == [
        (70, 0, "book", D(100), 10, 11, D(101)),
        (70, 1, "book", D(99), 10, 11, D(101)),
        (71, -1, "heartbeat", None, None, None, None),
        (72, 0, "book", D(98), 12, 13, None),
        (73, 0, "book", D(97), 14, 15, None),
        (73, 1, "book", D(96), 14, 15, None),
        (73, 2, "book", D(95), 14, 15, None),
    ]


GOOD = encode(trade(5))


ODD_RECORDS = {
    "empty": b"",
    "null": b"null",
    "a list": b"[1]",
    "cut off": GOOD[:-1],
    "a blank behind": GOOD + b" ",
    "a line break": GOOD.replace(b":", b":\n", 1),
    "two objects": GOOD + b"\n" + GOOD,
    "an escape": GOOD.replace(b"gemini", b"gem\\u0069ni"),
    "no UTF-8": GOOD.replace(b"gemini", b"gem\xffni"),
    "another version": changed(trade(5), v=2),
    "an unknown field": changed(trade(5), more=1),
    "no connection": changed(trade(5), conn=None),
    "no receipt": changed(trade(5), received_time=None),
    "no events": changed(trade(5), events=None),
    "a null event": changed(trade(5), events=[None]),
    "an empty event": changed(trade(5), events=[{"type": "trade"}]),
    "half a range": changed(trade(5), seq=[7]),
    "a time as text": changed(trade(5), received_time="7"),
    "a fine price": encode(trade(5, price=D("0.000000000001"))),
}


@pytest.mark.parametrize("odd", ODD_RECORDS.values(), ids=ODD_RECORDS)
def test_one_odd_record_leaves_all_to_the_careful_way(odd: bytes) -> None:
    assert trade_rows(GOOD) is not None
    assert trade_rows(GOOD, odd) is None
    assert trade_rows(odd, GOOD) is None


def is_taken(time_us: int, *, kafka_time: datetime = SENT) -> set[bool]:
    """Whether a message is, with this as each of its times in turn."""
    fields: Mapping[str, bytes] = {
        "venue_time": changed(trade(5), venue_time=time_us),
        "received_time": changed(trade(5), received_time=time_us),
        "traded_at": encode(trade(5, traded_at=time_us)),
    }
    return {trade_rows(value, kafka_time=kafka_time) is not None for value in fields.values()}


def test_a_time_is_within_2000_and_a_day_after_the_records_own() -> None:
    latest = US + 1_000_000 + DAY_US
    assert is_taken(EARLIEST_US) == {True}
    assert is_taken(EARLIEST_US - 1) == {False}
    assert is_taken(latest - 1) == {True}
    assert is_taken(latest) == {False}


@pytest.mark.parametrize(
    "kafka_time", [datetime(1999, 12, 31, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)]
)
def test_where_kafkas_own_time_is_none_any_before_2100_is_taken(kafka_time: datetime) -> None:
    assert is_taken(LATEST_US - 1, kafka_time=kafka_time) == {True}
    assert is_taken(LATEST_US, kafka_time=kafka_time) == {False}


def test_a_trade_worth_more_than_any_is_left_to_the_careful_way() -> None:
    largest = D(10) ** 15
    assert trade_rows(encode(trade(5, price=D(10) ** 8, quantity=D(9_999_999)))) is not None
    assert trade_rows(encode(trade(5, price=D(10) ** 8, quantity=largest / D(10) ** 8))) is None
    assert trade_rows(GOOD, encode(trade(5, price=D(10) ** 9, quantity=D(10) ** 7))) is None
