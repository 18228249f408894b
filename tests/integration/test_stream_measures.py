"""Imbalance and mid price go from market.book to market.signals in Spark's real-time mode."""

import json
import random
from decimal import Decimal
from fractions import Fraction
from typing import Any

from pyspark.sql import SparkSession

from include.bus import Consumer, Producer, ensure_topics
from include.settings import Settings
from spark_jobs.measures import start_measures
from tests.support.services import eventually

AT = 1_700_000_000_000_000


def book(n: int, chance: random.Random) -> dict[str, Any]:
    bid = Decimal(chance.randrange(9_000_00, 9_100_00)) / 100
    return {
        "v": 1,
        "venue": "binance",
        "symbol": "BTC-USDT",
        "kind": "book",
        "conn": "c",
        "seq": [n, n],
        "venue_time": None,
        "received_time": AT + n,
        "events": [],
        "top": {
            "bid": str(bid),
            "ask": str(bid + Decimal("0.01")),
            "bid_quantity": str(Decimal(chance.randrange(10**9)) / 10**8),
            "ask_quantity": str(Decimal(chance.randrange(1, 10**9)) / 10**8),
        },
    }


def expected(message: dict[str, Any]) -> dict[str, Fraction]:
    top = {name: Fraction(value) for name, value in message["top"].items()}
    total = top["bid_quantity"] + top["ask_quantity"]
    return {
        "imbalance": (top["bid_quantity"] - top["ask_quantity"]) / total,
        "mid_price": (top["bid"] + top["ask"]) / 2,
    }


def test_every_book_update_gives_its_two_measures_once(
    spark: SparkSession, service_settings: Settings, kafka_broker: str
) -> None:
    ensure_topics(kafka_broker)
    chance = random.Random(11)
    messages = [book(n, chance) for n in range(300)]
    crossed = book(300, chance) | {"top": messages[0]["top"] | {"ask": "1"}}
    invalid = book(301, chance) | {"top": None}
    values = [json.dumps(message).encode() for message in (*messages, crossed, invalid)]
    query = start_measures(spark, service_settings)
    measures: list[dict[str, Any]] = []
    try:
        producer = Producer(kafka_broker, client_id="t")
        consumer = Consumer(kafka_broker, topics=["market.signals"])
        for value in (b"junk", *values):
            producer.send("market.book", b"binance|BTC-USDT", value)
        producer.close()

        def all_there() -> bool:
            for record in consumer.poll(0.5):
                assert record.key == b"binance|BTC-USDT"
                measures.append(json.loads(record.value))
            return len(measures) >= 2 * len(messages)

        eventually(all_there, timeout_s=90, what="two measures an update")
        assert consumer.poll(1.0) == []
        consumer.close()
    finally:
        query.stop()
    assert query.exception() is None
    for n, message in enumerate(messages):
        of_update = [row for row in measures if row["source"]["offset"] == n + 1]
        assert sorted(row["type"] for row in of_update) == ["imbalance", "mid_price"]
        for row in of_update:
            exact = expected(message)[row["type"]]
            assert abs(Fraction(row["value"]) - exact) <= Fraction(1, 10**12), (row, exact)
            assert row["timestamp"] == row["window_start"] == AT + n
