"""Kafka records as the stream reads them, and a landing of them."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from pyspark.sql import SparkSession

from include.lake.epoch import Epoch
from include.settings import Settings
from spark_jobs.landing import Landing
from spark_jobs.sinks import locate_table

RECORD = "topic string, partition int, offset bigint, timestamp timestamp, key binary, value binary"
AT = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
US = 1_700_000_000_000_000
NEW_EPOCH = Epoch(starts={}, topic_ids={})


def book_message(**changes: Any) -> dict[str, Any]:
    change = {
        "type": "change",
        "side": "bid",
        "price": "9225.25",
        "remaining": "0.5",
        "delta": "-0.25",
        "reason": "cancel",
        "venue_event_id": 3564640297,
    }
    return {
        "v": 1,
        "venue": "gemini",
        "symbol": "BTC-USD",
        "kind": "book",
        "conn": "c1",
        "seq": [1, 1],
        "venue_time": US,
        "received_time": US + 5,
        "events": [change, change],
        "top": {"bid": "1", "bid_quantity": "2", "ask": "3", "ask_quantity": "4"},
        **changes,
    }


def records(
    spark: SparkSession, topic: str, values: Sequence[bytes | None], *, first: int = 0
) -> Any:
    rows = [(topic, 0, first + n, AT, b"gemini|BTC-USD", value) for n, value in enumerate(values)]
    return spark.createDataFrame(rows, RECORD)


def landing(settings: Settings) -> Any:
    """A stream that has just started: what has landed it knows from the tables alone."""
    return Landing(settings, epoch=NEW_EPOCH, hooks={})


def rows_of(spark: SparkSession, settings: Settings, table: str) -> list[Any]:
    return spark.read.format("delta").load(locate_table(settings, table)).collect()


def text(message: dict[str, Any]) -> bytes:
    return json.dumps(message).encode()
