"""What a stream's checkpoint tells, read from files as Spark writes them."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from include.errors import PlatformError
from include.lake.checkpoint import (
    batch_spans,
    batches_to_keep,
    committed_offsets,
    drop_orphans,
    find_damage,
)
from include.lake.epoch import Epoch, open_epoch
from include.market.wire import TopicPartition

HEAD = 'v1\n{"batchWatermarkMs":0,"batchTimestampMs":1763712000000,"conf":{}}\n'


def written(folder: Path, batches: dict[int, str], *, committed: int) -> Path:
    for name in ("offsets", "commits"):
        (folder / name).mkdir()
    for number, ends in batches.items():
        (folder / "offsets" / str(number)).write_text(HEAD + ends)
        if number <= committed:
            (folder / "commits" / str(number)).write_text('v1\n{"nextBatchWatermarkMs":0}')
    (folder / "metadata").write_text('{"id":"0598242f"}')
    return folder


BATCHES = {
    0: '{"market.trades":{"0":3,"1":2},"market.book":{"0":10}}',
    1: '{"market.trades":{"0":5,"1":9},"market.book":{"0":10},"market.quotes":{"0":4}}',
}


def test_a_batch_spans_what_came_since_the_one_before(tmp_path: Path) -> None:
    folder = written(tmp_path, BATCHES, committed=0)
    assert batch_spans(folder, 1) == {
        ("market.trades", 0): (3, 5),
        ("market.trades", 1): (2, 9),
        ("market.quotes", 0): (0, 4),
    }


def test_the_first_batch_and_a_missing_file_tell_nothing(tmp_path: Path) -> None:
    folder = written(tmp_path, BATCHES, committed=0)
    assert batch_spans(folder, 0) is None
    assert batch_spans(folder, 2) is None


def test_only_committed_batches_count_as_landed(tmp_path: Path) -> None:
    folder = written(tmp_path, BATCHES, committed=0)
    assert committed_offsets(folder) == {
        ("market.trades", 0): 3,
        ("market.trades", 1): 2,
        ("market.book", 0): 10,
    }
    assert committed_offsets(tmp_path / "nowhere") == {}


def test_a_checkpoint_that_spark_can_go_on_from_is_whole(tmp_path: Path) -> None:
    assert find_damage(tmp_path / "nowhere") is None
    for committed in (0, 1):
        folder = tmp_path / str(committed)
        folder.mkdir()
        assert find_damage(written(folder, BATCHES, committed=committed)) is None


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda folder: (folder / "offsets" / "1").write_text(""), "offsets/1 is empty or cut off"),
        (lambda folder: (folder / "offsets" / "1").write_text(HEAD), "offsets/1 is empty"),
        (lambda folder: (folder / "offsets" / "1").write_text(HEAD + '{"mark'), "is empty or cut"),
        (lambda folder: (folder / "offsets" / "1").unlink(), "batch 1 is committed, but its"),
        (lambda folder: shutil.rmtree(folder / "offsets"), "2 commits without an offsets file"),
        (lambda folder: shutil.rmtree(folder / "commits"), "no commit of one before is there"),
        (lambda folder: (folder / "metadata").unlink(), "its metadata file is missing"),
        (lambda folder: (folder / "metadata").write_text("{"), "metadata file is missing or unr"),
    ],
)
def test_damage_is_named(tmp_path: Path, harm: Callable[[Path], object], message: str) -> None:
    folder = written(tmp_path, BATCHES, committed=1)
    harm(folder)
    assert message in str(find_damage(folder))


PART = TopicPartition("market.trades", 0)
OTHER = TopicPartition("market.trades", 1)
RANGES = {PART: (0, 9), OTHER: (4, 9)}
IDS = {"market.trades": "id-1"}


def test_a_lost_checkpoint_begins_a_new_epoch_and_a_damaged_one_none(tmp_path: Path) -> None:
    first = open_epoch(tmp_path, ranges=RANGES, watermarks={}, topic_ids=IDS)
    assert first.starts == {PART: 0, OTHER: 4}
    (tmp_path / "stream").mkdir()
    written(tmp_path / "stream", BATCHES, committed=1)
    assert open_epoch(tmp_path, ranges=RANGES, watermarks={PART: 3}, topic_ids=IDS) == first
    (tmp_path / "stream" / "offsets" / "1").write_text("")
    with pytest.raises(PlatformError, match=r"`land` is damaged: offsets/1 .* doctor --repair"):
        open_epoch(tmp_path, ranges=RANGES, watermarks={}, topic_ids=IDS)
    shutil.rmtree(tmp_path / "stream")
    second = open_epoch(tmp_path, ranges=RANGES, watermarks={PART: 3, OTHER: 2}, topic_ids=IDS)
    assert second.starts == {PART: 3, OTHER: 4}
    assert second.starting_offsets() == '{"market.trades": {"0": 3, "1": 4}}'


@pytest.mark.parametrize("content", [None, "", "\0" * 64, "{", "[]", '{"starts": 1}'])
def test_a_checkpoint_without_a_readable_epoch_is_damaged(
    tmp_path: Path, content: str | None
) -> None:
    (tmp_path / "stream").mkdir()
    written(tmp_path / "stream", BATCHES, committed=1)
    if content is not None:
        (tmp_path / "epoch.json").write_text(content)
    with pytest.raises(PlatformError, match=r"epoch\.json is missing or unreadable"):
        open_epoch(tmp_path, ranges=RANGES, watermarks={}, topic_ids=IDS)


def test_a_topic_that_was_recreated_is_refused(tmp_path: Path) -> None:
    open_epoch(tmp_path, ranges=RANGES, watermarks={}, topic_ids=IDS)
    with pytest.raises(PlatformError, match="was recreated"):
        open_epoch(tmp_path, ranges=RANGES, watermarks={}, topic_ids={"market.trades": "id-2"})


def test_a_topic_that_ends_before_what_has_landed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PlatformError, match="up to offset 12, but Kafka ends at 9"):
        open_epoch(tmp_path, ranges=RANGES, watermarks={PART: 12}, topic_ids=IDS)


def test_a_checksum_without_its_file_is_dropped(tmp_path: Path) -> None:
    folder = written(tmp_path, BATCHES, committed=1)
    for name in ("commits/.1.crc", "commits/.2.crc", "offsets/.7.crc"):
        (folder / name).write_text("x")
    assert {path.name for path in drop_orphans(folder)} == {".2.crc", ".7.crc"}
    assert (folder / "commits" / ".1.crc").exists()
    assert drop_orphans(folder) == []


@pytest.mark.parametrize("junk", [b"\xff" * 9, b'v1\n{"a":', b'v1\n["a"]', b"\0" * 30])
def test_a_commit_of_other_bytes_than_its_line_of_json_is_named(
    tmp_path: Path, junk: bytes
) -> None:
    folder = written(tmp_path, BATCHES, committed=1)
    (folder / "commits" / "1").write_bytes(junk)
    assert find_damage(folder) == "commits/1 is empty or cut off"


def test_a_partition_began_where_kafka_and_the_lakes_shift_put_it() -> None:
    first, second, third = (TopicPartition("market.book", number) for number in range(3))
    epoch = Epoch({first: 5, second: 7}, {}, shifts={second: 100})
    assert [epoch.start_in_lake(part) for part in (first, second, third)] == [5, 107, None]


def test_a_file_that_is_no_batch_number_is_passed_over(tmp_path: Path) -> None:
    folder = written(tmp_path, BATCHES, committed=0)
    for name in ("²", ".1.crc", "1.tmp", "x"):
        (folder / "commits" / name).write_text("")
    assert find_damage(folder) is None
    assert committed_offsets(folder)[TopicPartition("market.trades", 0)] == 3


@pytest.mark.parametrize(
    ("size", "most", "kept"),
    [(900, 1000, 20), (1000, 1000, 20), (4000, 1000, 5), (10**9, 1000, 2), (10**9, 0, 20)],
)
def test_a_large_checkpoint_keeps_fewer_batches(size: int, most: int, kept: int) -> None:
    assert batches_to_keep(20, size_bytes=size, most_bytes=most) == kept
