"""Exactly once by the watermarks in the tables themselves, whatever becomes of all else."""

import os
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from delta.tables import DeltaTable
from pyspark.sql import SparkSession

from include.errors import PlatformError
from include.lake.epoch import Epoch, open_epoch, write_epoch
from include.lake.tables import TABLES
from include.lake.topic_changes import KafkaTopics, find_restarts
from include.lake.topic_restarts import read_restarts, write_restarts
from include.lake.watermarks import landed_offsets
from include.market.wire import TopicPartition
from include.settings import Settings
from spark_jobs import log_checkpoints
from spark_jobs.landing import Landing
from spark_jobs.log_checkpoints import LogCheckpoints
from spark_jobs.sinks import create_table, locate_table
from tests.support.kafka_records import US, book_message, landing, records, rows_of, text

PART = TopicPartition("market.book", 0)
GOOD = text(book_message(events=[]))
DAY_US = 86_400_000_000


@pytest.fixture
def lake(spark: SparkSession, settings: Settings) -> Settings:
    for name in ("book_changes", "quarantine"):
        create_table(spark, settings, TABLES[name])
    return settings


def offsets(spark: SparkSession, settings: Settings, table: str = "book_changes") -> list[int]:
    return sorted(row["offset"] for row in rows_of(spark, settings, table))


def write(
    spark: SparkSession, settings: Settings, first: int, count: int, by: object = None
) -> None:
    batch = records(spark, "market.book", [GOOD] * count, first=first)
    (by or landing(settings)).write(batch, 0)  # type: ignore[attr-defined]


def log_files(settings: Settings, table: str = "book_changes") -> list[Path]:
    return sorted((Path(locate_table(settings, table)) / "_delta_log").glob("*.json"))


def test_a_batch_is_known_after_the_log_was_cleaned(
    spark: SparkSession, lake: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_checkpoints, "COMMITS_A_CHECKPOINT", 50)
    write(spark, lake, 0, 2)
    table, old = (
        DeltaTable.forPath(spark, locate_table(lake, "book_changes")),
        time.time() - 4 * 86400,
    )
    beside = LogCheckpoints(spark, lake.lake, [TABLES["book_changes"]])
    written: list[str] = []
    for _ in range(26):  # two commits each: log checkpoints remove what is older than two days
        written += beside.write_due()
        table.vacuum(48)
        for file in log_files(lake):
            os.utime(file, (old, old))
    written += beside.write_due()
    assert written == ["book_changes"]
    assert not log_files(lake)[0].name.startswith("0" * 20)
    write(spark, lake, 0, 2)
    assert offsets(spark, lake) == [0, 1]


def test_a_users_comment_and_delete_change_nothing(spark: SparkSession, lake: Settings) -> None:
    write(spark, lake, 0, 2)
    comment = "spark.databricks.delta.commitInfo.userMetadata"
    spark.conf.set(comment, "request 17: remove a row")
    spark.sql(f"DELETE FROM delta.`{locate_table(lake, 'book_changes')}` WHERE offset = 0")
    spark.conf.unset(comment)
    write(spark, lake, 0, 3)
    assert offsets(spark, lake) == [1, 2]


def test_a_batch_planned_anew_with_more_offsets_loses_none(
    spark: SparkSession, lake: Settings
) -> None:
    write(spark, lake, 0, 3)
    write(spark, lake, 1, 5)  # the file of the offsets of 1 and 2 was lost in a power cut
    assert offsets(spark, lake) == [0, 1, 2, 3, 4, 5]


def test_offsets_that_never_landed_are_named_and_nothing_is_written(
    spark: SparkSession, lake: Settings
) -> None:
    write(spark, lake, 0, 2)
    with pytest.raises(PlatformError, match=r"offsets 2 to 4 of market\.book/0 have not landed"):
        write(spark, lake, 5, 1)
    assert offsets(spark, lake) == [0, 1]


def test_a_second_stream_is_fenced_by_the_table(spark: SparkSession, lake: Settings) -> None:
    first, second = landing(lake), landing(lake)
    write(spark, lake, 0, 1, first)
    write(spark, lake, 0, 2, second)
    with pytest.raises(PlatformError, match="another stream has landed records"):
        write(spark, lake, 1, 2, first)
    assert offsets(spark, lake) == [0, 1]


def test_a_batch_of_nothing_but_junk_moves_the_watermark(
    spark: SparkSession, lake: Settings
) -> None:
    landing(lake).write(records(spark, "market.book", [b"junk", b"more"]), 0)
    assert landed_offsets(lake.lake, [PART]) == {PART: 2}
    landing(lake).write(records(spark, "market.book", [b"junk", b"more", GOOD]), 0)
    assert (offsets(spark, lake), offsets(spark, lake, "quarantine")) == ([2], [0, 1])


def test_a_crash_between_quarantine_and_table_doubles_nothing(
    spark: SparkSession, lake: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = records(spark, "market.book", [GOOD, b"junk", GOOD])
    dying = landing(lake)
    monkeypatch.setattr(dying, "_commit", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        dying.write(batch, 0)
    assert (offsets(spark, lake), offsets(spark, lake, "quarantine")) == ([], [1])
    landing(lake).write(batch, 0)
    assert (offsets(spark, lake), offsets(spark, lake, "quarantine")) == ([0, 2], [1])


@pytest.mark.parametrize("harm", [lambda file: file.unlink(), lambda file: file.write_text("")])
def test_nothing_is_committed_past_a_lost_commit(
    spark: SparkSession, lake: Settings, harm: Any
) -> None:
    stream = landing(lake)
    write(spark, lake, 0, 1, stream)
    write(spark, lake, 1, 1, stream)
    newest = log_files(lake)[-1]
    harm(newest)
    with pytest.raises(PlatformError, match=r"newest commit of table book_changes .* doctor"):
        write(spark, lake, 2, 1, stream)
    assert log_files(lake)[-1].name <= newest.name


@pytest.mark.parametrize(
    "at_us",
    [0, 253_402_300_800_000_000, 10**18, 2**63 - 1, -(2**63), 4_070_908_800_000_000],
    ids=["1970", "year 10000", "nanoseconds", "largest", "least", "2099"],
)
@pytest.mark.parametrize("field", ["venue_time", "received_time"])
def test_an_impossible_time_goes_to_quarantine_and_its_neighbours_land(
    spark: SparkSession, lake: Settings, at_us: int, field: str
) -> None:
    wrong = text(book_message(**{field: at_us}))
    landing(lake).write(records(spark, "market.book", [GOOD, wrong, GOOD]), 0)
    assert offsets(spark, lake) == [0, 2]
    assert [(row["offset"], row["reason"]) for row in rows_of(spark, lake, "quarantine")] == [
        (1, "out_of_range")
    ]


def test_a_time_ahead_by_less_than_a_day_lands(spark: SparkSession, lake: Settings) -> None:
    from tests.support.kafka_records import AT

    ahead = int(AT.timestamp() * 1e6) + DAY_US - 1
    values = [text(book_message(venue_time=time_us)) for time_us in (US, ahead, ahead + 1)]
    landing(lake).write(records(spark, "market.book", values), 0)
    assert Counter(offsets(spark, lake)) == Counter({0: 2, 1: 2})


def test_a_topic_created_anew_lands_behind_the_old_one(spark: SparkSession, lake: Settings) -> None:
    """The old topic's offsets 0 to 9 have landed; the new one has 12 messages, one of them junk."""
    write(spark, lake, 0, 10)
    topics = KafkaTopics({PART: (0, 12)}, {PART.topic: "new"})
    old = Epoch(starts={PART: 0}, topic_ids={PART.topic: "old"})
    folder = lake.home / "checkpoints" / "land"
    folder.mkdir(parents=True)
    write_epoch(folder / "epoch.json", old)
    write_restarts(
        lake.lake,
        find_restarts(lake.home, lake.lake, topics, found_at=datetime(2026, 11, 26, tzinfo=UTC)),
    )
    epoch = open_epoch(
        folder,
        ranges=topics.ranges,
        watermarks=landed_offsets(lake.lake, topics.ranges),
        topic_ids=topics.ids,
        restarts=read_restarts(lake.lake),
    )
    assert (epoch.starts, epoch.shifts) == ({PART: 0}, {PART: 10})
    values = [GOOD] * 5 + [b"junk"] + [GOOD] * 6
    for _ in range(2):  # again, as after a crash
        stream = Landing(lake, epoch=epoch, hooks={}, spans=lambda _: {PART: (0, 12)})
        stream.write(records(spark, "market.book", values), 0)
    assert offsets(spark, lake) == [*range(15), *range(16, 22)]
    assert offsets(spark, lake, "quarantine") == [15]
    assert landed_offsets(lake.lake, [PART]) == {PART: 12}
    by_records = Landing(lake, epoch=epoch, hooks={})
    by_records.write(records(spark, "market.book", [GOOD], first=12), 1)
    assert offsets(spark, lake)[-1] == 22


@pytest.mark.parametrize("has_extra", [False, True], ids=["by Arrow", "record by record"])
def test_a_trade_worth_more_than_any_goes_to_quarantine_and_its_neighbours_land(
    spark: SparkSession, lake: Settings, has_extra: bool
) -> None:
    create_table(spark, lake, TABLES["trades"])

    def trade(number: int, price: str, quantity: str) -> bytes:
        event = {"type": "trade", "trade_id": str(number), "price": price, "quantity": quantity}
        event |= {"side": "buy", "traded_at": US}
        more = {"unheard_of": 1} if has_extra else {}
        message = book_message(kind="trade", seq=[number, number], events=[event])
        return text(message | {"top": None} | more)

    values = [
        trade(1, "2.00000000", "3.0"),
        trade(2, "999999999999.00000000", "999999999.0000000000"),
        trade(3, "2.00000000", "3.0"),
    ]
    landing(lake).write(records(spark, "market.trades", values), 0)
    assert offsets(spark, lake, "trades") == [0, 2]
    assert [(row["offset"], row["reason"]) for row in rows_of(spark, lake, "quarantine")] == [
        (1, "out_of_range")
    ]
