"""Rows below the floors are deleted beside the stream's appends, and nothing else is written."""

import threading
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from click.testing import CliRunner
from pyspark.sql import SparkSession

from include.lake.audit.auditing import Delivered, audit_lake
from include.lake.audit.conservation import AuditReport
from include.lake.audit.listing import list_agreed_files
from include.lake.floors import read_floors
from include.lake.reading import open_table
from include.lake.tables import TABLES
from include.market.wire import Topic, TopicPartition
from include.settings import Settings
from spark_jobs import compact_tables
from spark_jobs.compact_tables import compact
from spark_jobs.drop_rows import delete_dropped_rows, move_settings_floors
from spark_jobs.landing import Landing
from spark_jobs.sinks import create_tables
from tests.conftest import make_settings
from tests.support.audited_lake import open_reader
from tests.support.kafka_records import AT, NEW_EPOCH, RECORD, book_message, rows_of, text

BOOK = TopicPartition(Topic.BOOK, 0)
LATER_AT = AT + timedelta(days=30)  # a row of the future makes no other one old
KEEP = {"LAKE_KEEP_DAYS_BOOK_CHANGES": "2", "LAKE_KEEP_DAYS_TICKERS": "3"}


def batch_of_day(spark: SparkSession, day: int) -> Any:
    """Three messages of a day; the second of them cannot be read."""
    values = [text(book_message()), b"junk", text(book_message())]
    at = AT + timedelta(days=day)
    rows = [(BOOK.topic, 0, 3 * day + n, at, b"gemini|BTC-USD", v) for n, v in enumerate(values)]
    return spark.createDataFrame(rows, RECORD)


def audit(settings: Settings, days: int) -> AuditReport:
    delivered = Delivered({BOOK: (0, 3 * days)}, {BOOK.topic: "id"}, {BOOK: 3 * days})
    return audit_lake(settings.world_store, settings.lake, delivered, open_reader=open_reader)


def files_of(settings: Settings, name: str) -> set[str]:
    table = open_table(settings.lake, name)
    assert table is not None
    return set(table.file_uris())


def test_rows_are_dropped_beside_appends(spark: SparkSession, settings: Settings) -> None:
    settings = make_settings(settings.var, **KEEP)
    create_tables(spark, settings, [TABLES[name] for name in ("book_changes", "quarantine")])
    landing = Landing(settings, epoch=NEW_EPOCH, hooks={})
    for day in range(6):
        landing.write(batch_of_day(spark, day), day)
    assert audit(settings, 6).ok
    (floor,) = move_settings_floors(settings, moved_at=LATER_AT)
    # the newest row is of day 5, so rows before day 3 go: three messages a day
    assert (floor.part, floor.offset, floor.dropped_offsets) == (BOOK, 9, 9)
    kept = files_of(settings, "book_changes")
    faults: list[BaseException] = []

    def append() -> None:
        try:
            for day in range(6, 12):
                landing.write(batch_of_day(spark, day), day)
        except BaseException as error:
            faults.append(error)

    beside = threading.Thread(target=append)
    beside.start()
    deleted = delete_dropped_rows(spark, settings)
    beside.join()
    assert faults == []
    assert deleted == {"book_changes": 12, "quarantine": 3}
    offsets = sorted({row["offset"] for row in rows_of(spark, settings, "book_changes")})
    assert offsets == [offset for offset in range(9, 36) if offset % 3 != 1]
    assert len(kept & files_of(settings, "book_changes")) == 3  # a file a day, none rewritten
    assert delete_dropped_rows(spark, settings) == {"book_changes": 0, "quarantine": 0}
    landing.write(batch_of_day(spark, 12), 12)
    report = audit(settings, 13)
    assert report.ok, report.checks
    assert [(line.first, line.landed, line.quarantined) for line in report.partitions] == [
        (0, 26, 13)
    ]
    compact(spark, settings, ["book_changes", "quarantine"])
    assert {floor.offset for floor in move_settings_floors(settings, moved_at=LATER_AT)} == {30}
    table = open_table(settings.lake, "book_changes")
    assert table is not None
    assert list_agreed_files(table) is not None
    delete_dropped_rows(spark, settings)
    assert min(row["offset"] for row in rows_of(spark, settings, "book_changes")) == 30
    assert audit(settings, 13).ok


def test_a_lake_without_floors_is_left_alone(spark: SparkSession, settings: Settings) -> None:
    assert move_settings_floors(settings, moved_at=LATER_AT) == []
    assert read_floors(settings.lake) == {}
    assert delete_dropped_rows(spark, settings) == {}


@pytest.mark.parametrize("is_clean", [True, False])
def test_the_nightly_job_drops_what_a_clean_audit_has_sealed(
    spark: SparkSession, settings: Settings, monkeypatch: pytest.MonkeyPatch, is_clean: bool
) -> None:
    settings = make_settings(settings.var, **KEEP)
    create_tables(spark, settings, [TABLES[name] for name in ("book_changes", "quarantine")])
    landing = Landing(settings, epoch=NEW_EPOCH, hooks={})
    for day in range(4):
        landing.write(batch_of_day(spark, day), day)

    def audit_world(_: Settings) -> AuditReport:
        return replace(audit(settings, 4), ok=is_clean)

    monkeypatch.setattr(compact_tables, "audit_world", audit_world)
    monkeypatch.setattr(compact_tables, "from_environment", lambda: settings)
    monkeypatch.setattr(compact_tables, "open_session", lambda *_: spark)
    monkeypatch.setattr(type(spark), "stop", lambda _: None)
    result = CliRunner().invoke(compact_tables.main, ["book_changes"])
    assert result.exit_code == 0, result.output
    assert read_floors(settings.lake) == {}  # one table alone: nothing is dropped
    result = CliRunner().invoke(compact_tables.main, [])
    assert result.exit_code == 0, result.output
    offsets = {row["offset"] for row in rows_of(spark, settings, "book_changes")}
    assert min(offsets) == (3 if is_clean else 0)
