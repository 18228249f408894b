"""Compaction beside writes: the same rows before and after, in fewer files."""

import threading
from collections import Counter

import pytest
from pyspark.sql import SparkSession

from include.lake.reading import open_table
from include.lake.tables import TABLES
from include.settings import Settings
from spark_jobs import compact_tables
from spark_jobs.compact_tables import bytes_of_large_files, compact, crowded_tables
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
    assert repeated.files_after <= 2 and places(spark, settings).total() == 16
    before = spark.read.format("delta").option("versionAsOf", 5)
    assert before.load(locate_table(settings, "book_changes")).count() == 10


def test_rows_are_written_again_as_often_as_the_logarithm_of_their_number() -> None:
    """Joined with all others each time, they were so half as often as there were joins."""
    joins, sizes, written = 256, list[int](), 0
    for _ in range(joins):
        sizes += [100, 120, 80]
        large = bytes_of_large_files(sizes)
        joined = [size for size in sizes if size < large]
        sizes = [size for size in sizes if size >= large] + ([sum(joined)] if joined else [])
        written += sum(joined)
        assert len(sizes) <= 12
    assert sum(sizes) == joins * 300
    assert written <= 10 * joins * 300


def test_files_of_the_largest_size_and_single_ones_stay() -> None:
    largest = compact_tables.JOINED_BYTES
    assert bytes_of_large_files([]) == bytes_of_large_files([7]) == 0
    assert bytes_of_large_files([largest] * 9) == 0
    assert bytes_of_large_files([largest, 5, 5, 3]) == 6
    assert bytes_of_large_files([40, 20, 9, 9]) == 10


def test_a_file_that_outweighs_the_new_ones_is_left(
    spark: SparkSession, settings: Settings
) -> None:
    create_table(spark, settings, TABLES["book_changes"])
    landing = Landing(settings, epoch=NEW_EPOCH, hooks={})

    def append(first: int, until: int, n: int) -> None:
        texts = [text(book_message())] * (until - first)
        landing.write(records(spark, "market.book", texts, first=first), n)

    def files_after_compaction() -> set[str]:
        compact(spark, settings, ["book_changes"], vacuum=False)
        table = open_table(settings.lake, "book_changes")
        assert table is not None
        return set(table.file_uris())

    append(0, 4000, 0)
    append(4000, 4001, 1)
    joined = files_after_compaction()
    for n in range(2, 5):
        append(3999 + n, 4000 + n, n)
    twice = files_after_compaction()
    assert len(joined) == 1 and len(twice) == 2 and joined < twice
    assert files_after_compaction() == twice
    assert places(spark, settings) == Counter({(n, i): 1 for n in range(4004) for i in (0, 1)})


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
