"""What each book message adds to its window, by Spark, against sums done by hand."""

import json
from decimal import Decimal

import pytest
from pyspark.sql import SparkSession

from include.lake.tables import TABLE_OF_TOPIC
from include.market.windows import Liquidity
from spark_jobs.signal_publisher import encode
from spark_jobs.transforms.liquidity import book_flows
from spark_jobs.transforms.measures import measure_rows
from spark_jobs.transforms.messages import parse_messages
from spark_jobs.transforms.prices import price_rows
from tests.support.kafka_records import AT, book_message, records, text

MINUTE_US = 60_000_000
START_US = 1_524_546_840 * 1_000_000


def change(side: str, price: str, remaining: str) -> dict[str, object]:
    return {"type": "change", "side": side, "price": price, "remaining": remaining}


def test_each_message_adds_price_times_remaining_to_its_side(spark: SparkSession) -> None:
    messages = [
        book_message(venue_time=START_US, events=[change("bid", "100.5", "2")], seq=[1, 1]),
        book_message(
            venue_time=START_US + 1,
            events=[
                change("ask", "101", "0.5"),
                change("ask", "200.00", "3"),
                change("bid", "7", "0.00000001"),
            ],
        ),
        book_message(venue_time=START_US + 1, events=[change("bid", "10", "0")]),
        book_message(venue_time=None, events=[change("bid", "1000", "1000")]),
        book_message(kind="heartbeat", events=[], venue_time=START_US + 5),
        book_message(
            venue_time=START_US, events=[change("bid", "999999999999.99999999", "999999999999")]
        ),
    ]
    batch = parse_messages(
        records(spark, "market.book", [b"junk", *[text(m) for m in messages]]),
        TABLE_OF_TOPIC["market.book"],
    )
    rows = [
        (row["offset"], row["venue_time"], row["bid"], row["ask"])
        for row in book_flows(batch).orderBy("offset").collect()
    ]
    assert rows == [
        (1, START_US, Decimal("201"), None),
        (2, START_US + 1, Decimal("0.00000007"), Decimal("650.5")),
        (3, START_US + 1, Decimal("0"), None),
        (4, None, None, None),
        (5, START_US + 5, None, None),
        (6, START_US, Decimal("999999999998999999990000.00000001"), None),
    ]


AT_US = int(AT.timestamp()) * 1_000_000  # when Kafka stamped the records


@pytest.mark.parametrize("ahead_s", [61, 72_000])
def test_a_receipt_after_the_records_stamp_is_that_of_the_stamp(
    spark: SparkSession, ahead_s: int
) -> None:
    ahead = AT_US + ahead_s * 1_000_000
    times = [(ahead, ahead), (None, ahead), (AT_US, AT_US + 60_000_000)]
    values = [text(book_message(venue_time=at, received_time=got)) for at, got in times]
    batch = parse_messages(records(spark, "market.book", values), TABLE_OF_TOPIC["market.book"])
    received = [AT_US, AT_US, AT_US + 60_000_000]
    flows = book_flows(batch).orderBy("offset").collect()
    assert [(row["venue_time"], row["received_time"]) for row in flows] == [
        (at, believed) for (at, _), believed in zip(times, received, strict=True)
    ]
    measures = measure_rows(batch).where("type = 'mid_price'").orderBy("offset").collect()
    assert [row["received_time"] for row in measures] == received
    assert [row["timestamp"] for row in measures] == [ahead, AT_US, AT_US]
    quotes = [{"type": "quote", "price": "1", "currency": "USD"}]
    value = text(book_message(kind="quote", venue_time=None, received_time=ahead, events=quotes))
    of_quotes = parse_messages(
        records(spark, "market.quotes", [value]), TABLE_OF_TOPIC["market.quotes"]
    )
    (quote,) = price_rows(of_quotes, "market.quotes").collect()
    assert (quote["at_us"], quote["received_time"]) == (AT_US, AT_US)


def test_a_signal_message_has_the_agreed_form() -> None:
    window = Liquidity(
        "gemini", "BTC-USD", START_US, START_US + MINUTE_US, Decimal("9225.25"), None
    )
    assert [json.loads(encode(signal)) for signal in window.signals()] == [
        {
            "v": 1,
            "venue": "gemini",
            "symbol": "BTC-USD",
            "type": "bid",
            "value": "9225.250000000000",
            "timestamp": START_US + MINUTE_US,
            "window_start": START_US,
        }
    ]
