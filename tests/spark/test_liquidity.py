"""The 60-second liquidity numbers against sums done by hand."""

from decimal import Decimal

from pyspark.sql import SparkSession

from include.lake.tables import TABLE_OF_TOPIC
from spark_jobs.transforms.liquidity import (
    book_events,
    signal_messages,
    signal_rows,
    window_sums,
)
from spark_jobs.transforms.messages import parse_messages
from tests.support.kafka_records import book_message, records, text

MINUTE_US = 60_000_000
START_US = 1_524_546_840 * 1_000_000


def change(side: str, price: str, remaining: str) -> dict[str, object]:
    return {"type": "change", "side": side, "price": price, "remaining": remaining}


def test_liquidity_of_two_minutes(spark: SparkSession) -> None:
    messages = [
        book_message(venue_time=START_US, events=[change("bid", "100.5", "2")], seq=[1, 1]),
        book_message(venue_time=START_US + 59_999_999, events=[change("ask", "101", "0.5")]),
        book_message(venue_time=START_US + 1, events=[change("ask", "200.00", "3")]),
        book_message(venue_time=START_US + 1, events=[change("bid", "10", "0")]),
        book_message(venue_time=START_US + MINUTE_US, events=[change("bid", "7", "0.00000001")]),
        book_message(venue_time=None, events=[change("bid", "1000", "1000")]),
        book_message(kind="heartbeat", events=[], venue_time=START_US),
    ]
    batch = parse_messages(
        records(spark, "market.book", [text(m) for m in messages]), TABLE_OF_TOPIC["market.book"]
    )
    rows = signal_rows(window_sums(book_events(batch), window_s=60)).collect()
    sums = {(row["window_start"].timestamp(), row["type"]): row["value"] for row in rows}
    # 100.5*2 = 201; 101*0.5 + 200*3 = 650.5; 650.5/201 = 3.236318407960...
    first, second = START_US / 1e6, START_US / 1e6 + 60
    assert sums[first, "bid"] == Decimal("201")
    assert sums[first, "ask"] == Decimal("650.5")
    assert sums[first, "price_volume"] == Decimal("3.236318407960")
    assert sums[second, "bid"] == Decimal("0.00000007")
    assert set(sums) == {(first, "bid"), (first, "ask"), (first, "price_volume"), (second, "bid")}


def test_a_signal_message_has_the_agreed_form(spark: SparkSession) -> None:
    batch = parse_messages(
        records(spark, "market.book", [text(book_message(venue_time=START_US))]),
        TABLE_OF_TOPIC["market.book"],
    )
    (row,) = signal_messages(signal_rows(window_sums(book_events(batch), window_s=60))).collect()
    import json

    assert row["key"] == "gemini|BTC-USD"
    assert json.loads(row["value"]) == {
        "v": 1,
        "venue": "gemini",
        "symbol": "BTC-USD",
        "type": "bid",
        "value": "9225.250000000000",
        "timestamp": START_US + MINUTE_US,
        "window_start": START_US,
    }
