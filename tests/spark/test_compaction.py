"""Compaction beside writes: the same rows before and after, in fewer files."""

import threading
from collections import Counter

import pytest
from pyspark.sql import SparkSession

from include.lake.reading import open_table
from include.lake.tables import TABLES
from include.settings import Settings
from spark_jobs import compact_tables
from spark_jobs.compact_tables import compact, crowded_tables
from spark_jobs.landing import Landing
from spark_jobs.sinks import create_table, locate_table
from tests.support.kafka_records import NEW_EPOCH, book_message, records, rows_of, text


def places(spark: SparkSession, settings: Settings) -> Counter[tuple[int, int]]:
    rows = rows_of(spark, settings, "book_changes")
    return Counter((row["offset"], row["event_index"]) for row in rows)


def test_compaction_beside_appends_changes_no_row(spark: SparkSession, settings: Settings) -> None:
    for name in ("book_changes", "quarantine"):
        create_table(spark, settings, TABLES[name])
    landing = Landing(settings, epoch=NEW_EPOCH, hooks={})

    def append(first: int, until: int) -> None:
        for n in range(first, until):
            batch = records(spark, "market.book", [text(book_message())], first=n)
            landing.write(batch, n)

    append(0, 5)
    beside = threading.Thread(target=append, args=(5, 8))
    beside.start()
    (compaction,) = compact(spark, settings, ["book_changes", "trades"])
    beside.join()
    assert (compaction.table, compaction.files_before >= 5) == ("book_changes", True)
    assert compaction.files_after < compaction.files_before + 3
    assert places(spark, settings) == Counter({(n, i): 1 for n in range(8) for i in (0, 1)})
    (repeated,) = compact(spark, settings, ["book_changes"])
    assert (repeated.files_after, places(spark, settings).total()) == (1, 16)
    before = spark.read.format("delta").option("versionAsOf", 5)
    assert before.load(locate_table(settings, "book_changes")).count() == 10


def test_what_has_been_joined_is_not_written_again(
    spark: SparkSession, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_table(spark, settings, TABLES["book_changes"])
    landing = Landing(settings, epoch=NEW_EPOCH, hooks={})

    def append(first: int, until: int) -> set[str]:
        for n in range(first, until):
            batch = records(spark, "market.book", [text(book_message())], first=n)
            landing.write(batch, n)
        table = open_table(settings.lake, "book_changes")
        assert table is not None
        return set(table.file_uris())

    append(0, 3)
    crowded = crowded_tables(settings.lake, ["book_changes", "trades"], max_files=2)
    assert crowded == ["book_changes"]
    assert crowded_tables(settings.lake, crowded, max_files=3) == []
    monkeypatch.setattr(compact_tables, "JOINED_BYTES", 1)
    compact(spark, settings, ["book_changes"], vacuum=False)
    joined = append(3, 3)
    append(3, 5)
    compact(spark, settings, ["book_changes"], vacuum=False)
    assert joined < append(5, 5)
    assert places(spark, settings) == Counter({(n, i): 1 for n in range(5) for i in (0, 1)})
