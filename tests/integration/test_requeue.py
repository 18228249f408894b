"""Quarantined records go back to their table after a fix: once, minutes included."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from pyspark.sql import SparkSession

from include.lake.audit.agreement import check_agreement
from include.lake.audit.landed_minutes import COMPARED
from include.lake.tables import TABLE_OF_TOPIC, TABLES
from include.serving.trade_minutes import refresh, served_minutes
from include.settings import Settings
from spark_jobs import requeue_quarantine
from spark_jobs.landing import Landing
from spark_jobs.sinks import create_table, locate_table
from spark_jobs.transforms import messages
from tests.support.kafka_records import NEW_EPOCH, records
from tests.support.postgres import fetch_tuples

TOPIC = "market.trades"
AT = 1_700_000_000_000_000


def trade(number: int, *, version: int) -> bytes:
    event = {
        "type": "trade",
        "trade_id": str(number),
        "price": "10",
        "quantity": str(number),
        "side": "buy",
        "traded_at": AT,
    }
    return json.dumps(
        {
            "v": version,
            "venue": "binance",
            "symbol": "BTC-USDT",
            "kind": "trade",
            "conn": "c",
            "seq": [number, number],
            "venue_time": AT,
            "received_time": AT,
            "events": [event],
            "top": None,
        }
    ).encode()


@pytest.fixture
def world(spark: SparkSession, service_settings: Settings, postgres_dsn: Any) -> Iterator[Settings]:
    """Two sound trades, one of a version that is not known yet, and junk; minutes counted."""
    for name in ("trades", "quarantine"):
        create_table(spark, service_settings, TABLES[name])
    batch = records(
        spark, TOPIC, [trade(1, version=1), trade(2, version=2), b"junk", trade(3, version=1)]
    )
    Landing(service_settings, epoch=NEW_EPOCH, hooks={}).write(batch, 0)
    refresh(service_settings, now=datetime.now(UTC))
    yield service_settings


def places(spark: SparkSession, settings: Settings, table: str) -> list[int]:
    rows = spark.read.format("delta").load(locate_table(settings, table)).collect()
    return sorted(row["offset"] for row in rows)


def test_what_can_be_read_now_is_landed_once_even_after_a_crash(
    spark: SparkSession, world: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (places(spark, world, "trades"), places(spark, world, "quarantine")) == ([0, 3], [1, 2])
    assert requeue_quarantine.requeue_topic(spark, world, TOPIC) == (TOPIC, 0, 2)
    monkeypatch.setattr(messages, "VERSION", 2)
    quarantine = spark.read.format("delta").load(locate_table(world, "quarantine"))
    read = messages.parse_messages(
        quarantine.withColumnRenamed("kafka_time", "timestamp"), TABLE_OF_TOPIC[TOPIC]
    )
    sound = read.where("problem IS NULL")
    requeue_quarantine.put_back(spark, world, TABLE_OF_TOPIC[TOPIC], sound)  # and then it died
    assert (places(spark, world, "trades"), places(spark, world, "quarantine")) == (
        [0, 1, 3],
        [1, 2],
    )
    assert requeue_quarantine.requeue_topic(spark, world, TOPIC) == (TOPIC, 1, 1)
    assert (places(spark, world, "trades"), places(spark, world, "quarantine")) == ([0, 1, 3], [2])
    total = "SELECT total_count_buy, total_base_buy FROM trade_minutes"
    assert fetch_tuples(world.dsn(), total) == [(3, 6)]
    positions, minutes = served_minutes(world.dsn(), COMPARED)
    agreement = check_agreement(world.lake, offsets=positions, served=minutes)
    assert agreement.ok, agreement
