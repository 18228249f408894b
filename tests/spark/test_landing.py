"""Kafka records of every kind go to their table or to quarantine, each exactly once."""

import json
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from pyspark.sql import SparkSession

from include.lake.tables import LANDED, QUARANTINE, TABLE_OF_TOPIC, TABLES
from include.settings import Settings
from spark_jobs.sinks import create_table, locate_table
from tests.support.kafka_records import (
    US,
    book_message,
    landing,
    records,
    rows_of,
    text,
)

Message = dict[str, Any]


TOO_FINE_TOP = {"bid": "1", "bid_quantity": "1", "ask": "2.000000001", "ask_quantity": "1"}


def fine_book(price: str | float) -> Message:
    message = book_message()
    message["events"][0]["price"] = price
    return message


@pytest.fixture
def lake(spark: SparkSession, settings: Settings) -> Settings:
    for name in ("book_changes", "trades", "quarantine"):
        create_table(spark, settings, TABLES[name])
    return settings


def test_a_book_message_leaves_one_row_a_change(spark: SparkSession, lake: Settings) -> None:
    landing(lake).write(records(spark, "market.book", [text(book_message())]), 0)
    rows = sorted(rows_of(spark, lake, "book_changes"), key=lambda row: row["event_index"])
    assert [row["event_index"] for row in rows] == [0, 1]
    row = rows[0].asDict()
    assert row["price"] == Decimal("9225.25") and row["remaining"] == Decimal("0.5")
    assert row["delta"] == Decimal("-0.25") and row["top_ask_quantity"] == Decimal("4")
    assert (row["seq_first"], row["seq_last"], row["venue_event_id"]) == (1, 1, 3564640297)
    assert row["venue_time"] == datetime(2023, 11, 14, 22, 13, 20)  # noqa: DTZ001 (Spark gives naive UTC)
    assert rows_of(spark, lake, "quarantine") == []


def test_a_message_without_events_keeps_one_row(spark: SparkSession, lake: Settings) -> None:
    beat = book_message(kind="heartbeat", events=[], top=None)
    landing(lake).write(records(spark, "market.book", [text(beat)]), 0)
    (row,) = rows_of(spark, lake, "book_changes")
    assert (row["event_index"], row["kind"], row["price"]) == (-1, "heartbeat", None)


def test_what_cannot_be_read_is_set_aside_whole_with_its_reason(
    spark: SparkSession, lake: Settings
) -> None:
    without_price = book_message()
    without_price["events"][0] = {"type": "change", "side": "bid", "remaining": "1"}
    dateless = book_message()
    del dateless["received_time"]
    cases: list[tuple[bytes | None, str]] = [
        (None, "empty"),
        (b"", "empty"),
        (b'\xff\xfe{"v":1}', "not_utf8"),
        (b"junk", "not_json"),
        (text(book_message())[:-7], "not_json"),
        (text(book_message(events="x")), "wrong_type"),
        (text(book_message(venue_time="yesterday")), "wrong_type"),
        (text(book_message(events=None)), "missing_field"),
        (text(dateless), "missing_field"),
        (text(book_message(v=2)), "unknown_version"),
        (text(without_price), "missing_event_field"),
        (b"x" * 5_000_000, "not_json"),
        (b"[1,2]", "wrong_type"),
        (text(book_message(top=TOO_FINE_TOP)), "too_fine"),
        (text(fine_book("1.123456789")), "too_fine"),
        (text(fine_book(1.5e-9)), "too_fine"),
        (text(fine_book("1E-30")), "too_fine"),
        (text(fine_book("123456789012.123456780000001")), "too_fine"),
    ]
    sound = text(fine_book("1234.56789000000000000000000000"))
    values = [value for value, _ in cases] + [sound]
    landing(lake).write(records(spark, "market.book", values), 0)
    quarantined = {row["offset"]: row for row in rows_of(spark, lake, "quarantine")}
    assert {n: quarantined[n]["reason"] for n in quarantined} == {
        n: r for n, (_, r) in enumerate(cases)
    }
    assert all(
        quarantined[n]["value"] == (None if v is None else bytearray(v))
        for n, (v, _) in enumerate(cases)
    )
    assert {row["offset"] for row in rows_of(spark, lake, "book_changes")} == {len(cases)}
    details = [quarantined[n]["detail"] for n, (_, r) in enumerate(cases) if r == "too_fine"]
    assert details == [
        f"for table book_changes, column {number}"
        for number in (
            "top_ask: 2.000000001",
            "price: 1.123456789",
            "price: 1.5E-9",
            "price: 1E-30",
            "price: 123456789012.123456780000001",
        )
    ]


def test_fields_that_no_column_has_are_kept(spark: SparkSession, lake: Settings) -> None:
    drifted = book_message(session={"id": 7})
    drifted["events"][1] = {**drifted["events"][1], "price": 9225.25, "liquidity\u00e9": [1, "x"]}
    drifted["top"] = {**drifted["top"], "depth": 3}
    escaped = text(book_message(reason='with "quotes": inside'))
    landing(lake).write(
        records(spark, "market.book", [text(book_message()), text(drifted), escaped]), 0
    )
    rows = rows_of(spark, lake, "book_changes")
    extra = {(row["offset"], row["event_index"]): row["extra"] for row in rows}
    assert extra[0, 0] is None and extra[0, 1] is None
    of_message = {"message": {"session": '{"id":7}'}, "top": {"depth": "3"}}
    assert json.loads(extra[1, 0]) == of_message
    assert json.loads(extra[1, 1]) == {"event": {"liquidity\u00e9": '[1,"x"]'}, **of_message}
    assert json.loads(extra[2, 0]) == {"message": {"reason": 'with "quotes": inside'}}
    assert {row["price"] for row in rows} == {Decimal("9225.25")}
    assert rows_of(spark, lake, "quarantine") == []


def test_a_table_that_lacks_columns_gets_them(spark: SparkSession, settings: Settings) -> None:
    table = TABLES["trades"]
    create_table(spark, settings, replace(table, columns=table.columns[:-1]))
    create_table(spark, settings, table)
    table_df = spark.read.format("delta").load(locate_table(settings, "trades"))
    assert table_df.columns == list(table.names)
    assert table_df.schema["extra"].metadata["comment"] == table.columns[-1].comment


def test_a_batch_applied_twice_changes_nothing(spark: SparkSession, lake: Settings) -> None:
    batch = records(spark, "market.book", [text(book_message()), b"junk"])
    for _ in range(2):
        landing(lake).write(batch, 7)
    assert len(rows_of(spark, lake, "book_changes")) == 2
    assert len(rows_of(spark, lake, "quarantine")) == 1


def test_a_rebuilt_checkpoint_neither_skips_nor_doubles(
    spark: SparkSession, lake: Settings
) -> None:
    batch = records(spark, "market.book", [text(book_message()), b"junk"])
    landing(lake).write(batch, 0)
    longer = batch.union(records(spark, "market.book", [text(book_message()), b"more"], first=2))
    landing(lake).write(longer, 0)
    assert sorted(row["offset"] for row in rows_of(spark, lake, "book_changes")) == [0, 0, 2, 2]
    assert sorted(row["offset"] for row in rows_of(spark, lake, "quarantine")) == [1, 3]


def test_a_rejected_frame_is_unpacked_into_quarantine(spark: SparkSession, lake: Settings) -> None:
    from include.market import wire

    message = wire.reject_message(
        b"\xff\x00not a frame",
        venue="gemini",
        conn="c1",
        received_time=US,
        reason="not_utf8",
        detail="byte 0",
    )
    values = [wire.encode(message), b"{}"]
    landing(lake).write(records(spark, "market.rejects", values), 0)
    first, second = sorted(rows_of(spark, lake, "quarantine"), key=lambda row: row["offset"])
    assert (first["reason"], bytes(first["value"])) == ("not_utf8", b"\xff\x00not a frame")
    assert (second["reason"], bytes(second["value"])) == ("unreadable_reject", b"{}")


def test_every_landed_topic_has_one_table() -> None:
    assert len(TABLE_OF_TOPIC) == len(LANDED)
    assert QUARANTINE.name not in {table.name for table in LANDED}
