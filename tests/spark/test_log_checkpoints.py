"""Log checkpoints are written beside the commits of what lands, and readers use them."""

import shutil
from pathlib import Path

import pytest
from deltalake import DeltaTable
from pyspark.sql import SparkSession

from include.lake.delta_log import POINTER, checkpoint_version
from include.lake.tables import TABLES
from include.lake.watermarks import landed_offsets
from include.market.wire import TopicPartition
from include.settings import Settings
from spark_jobs import log_checkpoints
from spark_jobs.appends import delta_log
from spark_jobs.log_checkpoints import LogCheckpoints
from spark_jobs.sinks import create_table
from tests.support.kafka_records import book_message, landing, records, rows_of, text

GOOD = text(book_message(events=[]))


def checkpoints_of(settings: Settings) -> list[str]:
    log = Path(settings.lake, "book_changes", "_delta_log")
    return sorted(path.name for path in log.glob("*.checkpoint*"))


def make_tables(spark: SparkSession, settings: Settings) -> None:
    for name in ("book_changes", "quarantine"):
        create_table(spark, settings, TABLES[name])


def test_a_commit_never_writes_the_log_checkpoint_and_the_thread_does(
    spark: SparkSession, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_tables(spark, settings)
    monkeypatch.setattr(log_checkpoints, "COMMITS_A_CHECKPOINT", 3)
    beside = LogCheckpoints(spark, settings.lake, [TABLES["book_changes"], TABLES["quarantine"]])
    stream, written = landing(settings), []
    for number in range(7):
        stream.write(records(spark, "market.book", [GOOD], first=number), number)
        before = checkpoints_of(settings)
        written += beside.write_due()
        assert len(checkpoints_of(settings)) <= len(before) + 1
    assert written == ["book_changes", "book_changes"]
    assert [int(name[:20]) for name in checkpoints_of(settings)] == [2, 5]
    assert sorted(row["offset"] for row in rows_of(spark, settings, "book_changes")) == [*range(7)]
    assert DeltaTable(f"{settings.lake}/book_changes").to_pyarrow_table().num_rows == 7
    assert landed_offsets(settings.lake, [TopicPartition("market.book", 0)]) == {
        TopicPartition("market.book", 0): 7
    }


def test_a_stream_goes_on_with_checkpoints_when_the_log_it_began_with_is_removed(
    spark: SparkSession, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_tables(spark, settings)
    monkeypatch.setattr(log_checkpoints, "COMMITS_A_CHECKPOINT", 3)
    beside = LogCheckpoints(spark, settings.lake, [TABLES["book_changes"]])
    stream, written = landing(settings), []
    for number in range(12):
        stream.write(records(spark, "market.book", [GOOD], first=number), number)
        written += beside.write_due()
        for name in checkpoints_of(settings)[-1:]:  # as Delta does with what is old
            for path in Path(settings.lake, "book_changes", "_delta_log").glob("0*.*"):
                if path.name[:20] < name[:20]:
                    path.unlink()
                    path.with_name(f".{path.name}.crc").unlink(missing_ok=True)
    assert written == ["book_changes"] * 4
    assert [int(name[:20]) for name in checkpoints_of(settings)] == [11]
    held = delta_log(spark, f"{settings.lake}/book_changes").unsafeVolatileSnapshot().logSegment()
    assert held.deltas().size() < 2 * log_checkpoints.COMMITS_A_CHECKPOINT
    assert sorted(row["offset"] for row in rows_of(spark, settings, "book_changes")) == [*range(12)]
    assert DeltaTable(f"{settings.lake}/book_changes").to_pyarrow_table().num_rows == 12


def test_one_that_delta_could_not_write_is_tried_again_and_reported(
    spark: SparkSession,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    make_tables(spark, settings)
    monkeypatch.setattr(log_checkpoints, "COMMITS_A_CHECKPOINT", 2)
    monkeypatch.setattr(log_checkpoints, "COMMITS_A_TRY", 1)
    beside = LogCheckpoints(spark, settings.lake, [TABLES["book_changes"], TABLES["quarantine"]])
    stream, pointer = landing(settings), Path(settings.lake, "book_changes/_delta_log", POINTER)
    pointer.mkdir()  # Delta swallows that it cannot be written
    for number in range(3):
        assert beside.faults == ()
        stream.write(records(spark, "market.book", [GOOD], first=number), number)
        assert beside.write_due() == []
    (fault,) = beside.faults
    assert fault.startswith("the log checkpoint of book_changes was not written, 3 times in a row")
    assert "log checkpoint not written table=book_changes failures=3" in caplog.text
    shutil.rmtree(pointer)
    stream.write(records(spark, "market.book", [GOOD], first=3), 3)
    assert beside.write_due() == ["book_changes"]
    assert beside.faults == ()
    assert checkpoint_version(pointer) == 4


def test_fifty_commits_write_none_by_themselves(spark: SparkSession, settings: Settings) -> None:
    make_tables(spark, settings)
    stream = landing(settings)
    for number in range(51):
        stream.write(records(spark, "market.book", [GOOD], first=number), number)
    assert checkpoints_of(settings) == []
