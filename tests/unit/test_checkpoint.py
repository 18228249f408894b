"""What a stream's checkpoint tells, read from files as Spark writes them."""

from pathlib import Path

from include.lake.checkpoint import batch_counts, committed_offsets

HEAD = 'v1\n{"batchWatermarkMs":0,"batchTimestampMs":1763712000000,"conf":{}}\n'


def written(folder: Path, batches: dict[int, str], *, committed: int) -> Path:
    for name in ("offsets", "commits"):
        (folder / name).mkdir()
    for number, ends in batches.items():
        (folder / "offsets" / str(number)).write_text(HEAD + ends)
        if number <= committed:
            (folder / "commits" / str(number)).write_text('v1\n{"nextBatchWatermarkMs":0}')
    return folder


BATCHES = {
    0: '{"market.trades":{"0":3,"1":2},"market.book":{"0":10}}',
    1: '{"market.trades":{"0":5,"1":9},"market.book":{"0":10},"market.quotes":{"0":4}}',
}


def test_a_batch_spans_what_came_since_the_one_before(tmp_path: Path) -> None:
    folder = written(tmp_path, BATCHES, committed=0)
    assert batch_counts(folder, 1) == {"market.trades": 9, "market.quotes": 4}


def test_the_first_batch_and_a_missing_file_tell_nothing(tmp_path: Path) -> None:
    folder = written(tmp_path, BATCHES, committed=0)
    assert batch_counts(folder, 0) is None
    assert batch_counts(folder, 2) is None


def test_only_committed_batches_count_as_landed(tmp_path: Path) -> None:
    folder = written(tmp_path, BATCHES, committed=0)
    assert committed_offsets(folder) == {
        ("market.trades", 0): 3, ("market.trades", 1): 2, ("market.book", 0): 10,
    }  # fmt: skip
    assert committed_offsets(tmp_path / "nowhere") == {}
