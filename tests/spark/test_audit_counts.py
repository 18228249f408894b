"""Both readers of the audit count the same, and what a plain count of the rows gives."""

import random
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
from deltalake import write_deltalake
from pyspark.sql import SparkSession

from include.lake.audit.conservation import (
    OffsetCounts,
    count_with_duckdb,
    open_audited_tables,
)
from include.lake.audit.listing import list_agreed_files
from include.lake.tables import QUARANTINE, TABLES
from include.lake.writing import arrow_schema
from include.settings import Settings
from spark_jobs.audit_lake import RECORD_SCHEMA, count_with_spark
from spark_jobs.sinks import create_tables
from tests.conftest import make_settings

Place = tuple[str, int, int, int]  # table, partition, offset, event_index
UNTIL = 900
AT = datetime(2026, 11, 21, tzinfo=UTC)


def places(chance: random.Random) -> list[Place]:
    """Messages of none to a hundred events; some lost, doubled in part or whole, or aside too."""
    rows: list[Place] = []
    for offset in range(3, 1000):
        luck, partition = chance.random(), offset % 2
        size = chance.choice((0, 1, 1, 1, 2, 9, 10, 11, 64, 100))
        events = range(size) if size else [-1]
        if luck < 0.02:
            continue
        if luck < 0.05:
            rows.append(("quarantine", partition, offset, 0))
        if 0.04 < luck:
            rows += [("book_changes", partition, offset, event) for event in events]
        if luck > 0.97:
            rows += [("book_changes", partition, offset, event) for event in list(events)[-3:]]
    return rows


def by_hand(rows: list[Place], partition: int, until: int = UNTIL) -> OffsetCounts:
    mine = [row for row in rows if row[1] == partition and row[2] < until]
    landed = {row[2] for row in mine if row[0] == "book_changes"}
    quarantined = {row[2] for row in mine if row[0] == "quarantine"}
    doubled = sum(copies - 1 for copies in Counter(mine).values())
    offsets = landed | quarantined
    return OffsetCounts(
        min(offsets),
        max(offsets),
        len(landed),
        len(quarantined),
        len(landed & quarantined),
        doubled,
    )


def write(settings: Settings, table: str, rows: list[Place]) -> None:
    schema = arrow_schema(TABLES[table])
    values = {
        "topic": ["market.book"] * len(rows),
        "partition": [row[1] for row in rows],
        "offset": [row[2] for row in rows],
        "event_index": [row[3] for row in rows],
        "kafka_time": [AT] * len(rows),
    }
    columns = [pa.array(values.get(field.name, [None] * len(rows)), field.type) for field in schema]
    write_deltalake(f"{settings.lake}/{table}", pa.table(columns, schema=schema), mode="append")


def test_both_readers_count_what_is_there(spark: SparkSession, settings: Settings) -> None:
    rows = places(random.Random(5))
    for table in ("book_changes", "quarantine"):
        write(settings, table, [row for row in rows if row[0] == table])
    committed = {("market.book", 0): UNTIL, ("market.book", 1): UNTIL, ("market.trades", 0): 7}
    tables = open_audited_tables(settings.lake)
    expected = {("market.book", partition): by_hand(rows, partition) for partition in (0, 1)}
    assert all(
        counts.doubled > 20 and counts.in_both > 1 and counts.missing > 1
        for counts in expected.values()
    )
    assert count_with_duckdb(tables, committed) == expected
    assert count_with_spark(spark, settings, tables=tables, committed=committed) == expected


def test_without_bounds_everything_counts(spark: SparkSession, settings: Settings) -> None:
    rows = [("book_changes", 0, offset, event) for offset in range(130) for event in range(3)]
    write(settings, "book_changes", rows)
    tables = open_audited_tables(settings.lake)
    expected = {("market.book", 0): OffsetCounts(0, 129, 130, 0, 0, 0)}
    assert count_with_duckdb(tables, {}) == expected
    assert count_with_spark(spark, settings, tables=tables, committed={}) == expected


def write_with_spark(spark: SparkSession, settings: Settings, name: str, rows: list[Place]) -> None:
    places = [("market.book", row[1], row[2], row[3]) for row in rows]
    frame = spark.createDataFrame(places, RECORD_SCHEMA)
    frame.write.format("delta").mode("append").save(f"{settings.lake}/{name}")


def test_agreed_files_are_read_as_delta_reads_them(spark: SparkSession, tmp_path: Path) -> None:
    """In a folder whose name is a pattern; what a later version left out is not counted."""
    settings = make_settings(tmp_path / "a [b]{c} *d?")
    create_tables(spark, settings, (TABLES["book_changes"], QUARANTINE))
    rows = places(random.Random(8))
    for name in ("book_changes", "quarantine"):
        write_with_spark(spark, settings, name, [row for row in rows if row[0] == name])
    gone = [("book_changes", 0, 99_999, 0)]
    write_with_spark(spark, settings, "book_changes", gone)
    spark.sql(f"DELETE FROM delta.`{settings.lake}/book_changes` WHERE offset = 99999")
    tables = open_audited_tables(settings.lake)
    expected = {
        ("market.book", 0): by_hand(rows, 0, until=10**6),
        ("market.book", 1): by_hand(rows, 1, until=10**6),
    }
    assert all(list_agreed_files(table) for table in tables.values())
    assert count_with_spark(spark, settings, tables=tables, committed={}) == expected

    for checksum in Path(settings.lake).glob("*/_delta_log/*.crc"):
        checksum.unlink()
    assert all(list_agreed_files(table) is None for table in tables.values())
    assert count_with_spark(spark, settings, tables=tables, committed={}) == expected
