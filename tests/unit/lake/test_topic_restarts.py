"""A topic that was recreated, cut or overtaken by retention: accepted, and audited."""

import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from include.errors import PlatformError
from include.lake.audit.conservation import AuditReport
from include.lake.epoch import Epoch, find_refusal, open_epoch, read_epoch, write_epoch
from include.lake.topic_changes import KafkaTopics, find_restarts
from include.lake.topic_restarts import (
    RECREATED,
    REMOVED,
    SHORTER,
    TopicRestart,
    read_restarts,
    write_restarts,
)
from include.lake.watermarks import landed_offsets
from include.market.wire import TopicPartition
from tests.support.audited_lake import (
    BATCHES,
    BOOK,
    PER_BATCH,
    AuditedLake,
    clean_lake,
    levels,
)

NOW = datetime(2026, 11, 26, 4, 0, tzinfo=UTC)
END = BATCHES * PER_BATCH  # what the lake has of each partition: offsets 0 to END - 1


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> AuditedLake:
    audited = clean_lake(tmp_path_factory.mktemp("sound"))
    write_epoch(marker(audited), Epoch(dict.fromkeys(audited.kafka, 0), dict(audited.topic_ids)))
    return audited


@pytest.fixture
def world(sound: AuditedLake, tmp_path: Path) -> AuditedLake:
    shutil.copytree(sound.home, tmp_path, dirs_exist_ok=True)
    return sound.at(tmp_path)


def marker(audited: AuditedLake) -> Path:
    folder = audited.home / "checkpoints" / "land"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / "epoch.json"


def restarts_of(audited: AuditedLake) -> list[TopicRestart]:
    topics = KafkaTopics(audited.kafka, audited.topic_ids)
    return find_restarts(audited.home, audited.lake, topics, found_at=NOW)


def recreate(audited: AuditedLake, first: int, end: int) -> None:
    """market.book is another topic now, of which Kafka has offsets from `first` to before `end`."""
    audited.topic_ids[BOOK.topic] = "another"
    audited.kafka[BOOK] = (first, end)
    audited.committed.pop(BOOK, None)


def land_book(audited: AuditedLake, first: int, end: int) -> None:
    """Land lake offsets as the stream does after the restart; Kafka's are not touched."""
    rows = [row for offset in range(first, end) for row in levels(offset)]
    audited.commit("book_changes", rows, {BOOK: end})


def start(audited: AuditedLake) -> Epoch:
    """A new checkpoint begins, as the stream begins it."""
    return open_epoch(
        marker(audited).parent,
        ranges=audited.kafka,
        watermarks=landed_offsets(audited.lake, audited.kafka),
        topic_ids=audited.topic_ids,
        restarts=read_restarts(audited.lake),
    )


def check(report: AuditReport, name: str) -> tuple[bool, str]:
    (found,) = [check for check in report.checks if check.name == name]
    return found.ok, found.detail


def clean(report: AuditReport) -> bool:
    assert report.ok, [check for check in report.checks if not check.ok]
    return True


def test_nothing_restarts_where_nothing_happened(world: AuditedLake) -> None:
    assert restarts_of(world) == []
    assert landed_offsets(world.lake, [BOOK]) == {BOOK: END}
    assert check(world.audit(), "I1 topics") == (True, "every topic is the one that was read first")


@pytest.mark.parametrize("end", [5, END, END + 30])
def test_a_topic_created_anew_is_refused_until_it_is_accepted(world: AuditedLake, end: int) -> None:
    """Also where its new offsets reach beyond those that the old one had landed."""
    clean(world.audit())  # sealed
    recreate(world, 0, end)
    assert not world.audit().ok
    assert "market.book was recreated (id another)" in check(world.audit(), "I1 topics")[1]
    with pytest.raises(PlatformError, match=r"topic market\.book was recreated.*doctor --rep"):
        start(world)
    (restart,) = restarts_of(world)
    assert (restart.offset, restart.kafka_offset, restart.lost_from) == (END, 0, END)
    assert restart.cause == RECREATED
    write_restarts(world.lake, [restart])
    assert restarts_of(world) == []
    epoch = start(world)
    assert (epoch.starts[BOOK], epoch.shift(BOOK)) == (0, END)
    assert read_epoch(marker(world)).topic_ids[BOOK.topic] == "another"  # type: ignore[union-attr]
    world.committed[BOOK] = 0
    clean(world.audit())
    land_book(world, END, END + end)
    world.committed[BOOK] = end
    assert landed_offsets(world.lake, [BOOK]) == {BOOK: end}
    report = world.audit()
    clean(report)
    assert check(report, "I1 topics") == (
        True,
        f"market.book/0 was recreated (id another): its offset 0 is {END} of the lake",
    )
    (line,) = [audit for audit in report.partitions if audit.topic == BOOK.topic]
    assert (line.first, line.last, line.missing) == (0, END + end - 1, 0)
    assert report.partitions == world.audit(full=True).partitions


def test_it_is_not_accepted_a_second_time_and_a_third_topic_is(world: AuditedLake) -> None:
    recreate(world, 0, 3)
    write_restarts(world.lake, restarts_of(world))
    land_book(world, END, END + 3)
    start(world)
    world.topic_ids[BOOK.topic] = "third"
    world.kafka[BOOK] = (0, 7)
    (restart,) = restarts_of(world)
    assert (restart.offset, restart.topic_id) == (END + 3, "third")
    write_restarts(world.lake, [restart])
    assert start(world).shift(BOOK) == END + 3


def test_messages_missing_of_the_new_topic_are_still_found(world: AuditedLake) -> None:
    recreate(world, 0, 9)
    write_restarts(world.lake, restarts_of(world))
    start(world)
    land_book(world, END + 2, END + 9)
    world.committed[BOOK] = 9
    ok, detail = check(world.audit(), "I1 conservation")
    assert not ok and "market.book/0: 2 missing" in detail


def test_a_new_topic_begins_behind_what_only_quarantine_has(world: AuditedLake) -> None:
    """A crash between the two commits of a batch leaves quarantine ahead of the table."""
    world.commit("quarantine", [], {BOOK: END + 4})
    recreate(world, 2, 9)
    (restart,) = restarts_of(world)
    assert (restart.offset, restart.kafka_offset, restart.lost_from) == (END + 6, 2, END)
    write_restarts(world.lake, [restart])
    land_book(world, END + 6, END + 13)
    world.committed[BOOK] = 9
    ok, detail = check(world.audit(), "I1 topics")
    assert ok and f"; {END} to {END + 5} are lost" in detail
    assert check(world.audit(), "I1 conservation") == (True, "every offset once")


def test_retention_that_overtook_the_reader_is_accepted_and_named(world: AuditedLake) -> None:
    world.kafka[BOOK] = (END + 5, END + 9)
    (restart,) = restarts_of(world)
    assert (restart.cause, restart.lost_from, restart.offset) == (REMOVED, END, END + 5)
    ok, detail = check(world.audit(), "I1 end")
    assert not ok and f"offsets {END} to {END + 4} left Kafka before they landed" in detail
    write_restarts(world.lake, [restart])
    assert landed_offsets(world.lake, [BOOK]) == {BOOK: END + 5}
    world.committed[BOOK] = END + 5
    clean(world.audit())
    land_book(world, END + 5, END + 9)
    world.committed[BOOK] = END + 9
    report = world.audit()
    clean(report)
    assert f"market.book/0 goes on at {END + 5}; {END} to {END + 4} are lost" in str(report.checks)
    clean(world.audit())  # from the seals


def test_a_topic_that_lost_its_end_goes_on_behind_what_has_landed(world: AuditedLake) -> None:
    world.kafka[BOOK] = (0, END - 8)
    with pytest.raises(PlatformError, match=f"up to offset {END}, but Kafka ends at {END - 8}"):
        start(world)
    (restart,) = restarts_of(world)
    assert (restart.cause, restart.offset, restart.kafka_offset) == (SHORTER, END, END - 8)
    write_restarts(world.lake, [restart])
    epoch = start(world)
    assert (epoch.starts[BOOK], epoch.shift(BOOK)) == (END - 8, 8)
    world.committed.pop(BOOK)
    clean(world.audit())


def test_a_checkpoint_of_the_earlier_topic_is_refused_after_acceptance_too(
    world: AuditedLake,
) -> None:
    """A cut between the two steps of the repair: the table has the place, the checkpoint stays."""
    folder = marker(world).parent
    (folder / "stream" / "offsets").mkdir(parents=True)
    (folder / "stream" / "offsets" / "0").write_text('v1\n{}\n{"market.book": {"0": 7}}')
    recreate(world, 0, 3)
    write_restarts(world.lake, restarts_of(world))
    refusal = find_refusal(
        folder,
        ranges=world.kafka,
        watermarks=landed_offsets(world.lake, world.kafka),
        topic_ids=world.topic_ids,
        restarts=read_restarts(world.lake),
    )
    assert "was recreated" in str(refusal)


def test_a_number_changed_in_the_epoch_is_noticed(world: AuditedLake) -> None:
    file = marker(world)
    file.write_text(file.read_text().replace('/0": 0', '/0": 7', 1))
    assert read_epoch(file) is None


def test_restarts_are_written_once(world: AuditedLake) -> None:
    restart = TopicRestart(TopicPartition("market.book", 0), "x", 9, 0, 9, RECREATED, NOW)
    write_restarts(world.lake, [restart])
    write_restarts(world.lake, [replace(restart, topic_id="y")])
    (stored,) = read_restarts(world.lake)
    assert stored.topic_id == "y"
