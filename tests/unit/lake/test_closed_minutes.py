"""Delta's trade_minutes: little is written whatever the history, and a file holds one day."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from include.lake import synced_commits as syncing
from include.lake.closed_minutes import (
    NEVER,
    closed_until,
    closing_watermarks,
    counted_offsets,
    join_files,
    merge_closed,
)
from include.lake.reading import open_table, query
from include.lake.tables import QUALITY_RESULTS, TRADE_MINUTES
from include.lake.writing import arrow_rows, replace_rows
from tests.support.minute_rows import START, minute_rows, stored_bytes

DAY = 1440
MEGABYTE = 1_000_000
COUNT = "SELECT count(*), count(DISTINCT (venue, symbol, minute)) FROM trade_minutes"


def days_of_files(lake: Path) -> Iterator[tuple[int, int]]:
    """First and last day, counted from START, of each data file."""
    table = open_table(str(lake), TRADE_MINUTES.name)
    assert table is not None
    files = pa.table(table.get_add_actions(flatten=True))
    for low, high in zip(
        files["min.minute"].to_pylist(), files["max.minute"].to_pylist(), strict=True
    ):
        yield (low - START).days, (high - START).days


def test_what_a_refresh_writes_does_not_grow_with_the_history(tmp_path: Path) -> None:
    lake, folder = str(tmp_path), tmp_path / "trade_minutes"
    merge_closed(lake, minute_rows(range(30 * DAY)))
    before = stored_bytes(folder)
    assert before > 10 * MEGABYTE
    for number in range(12):  # a new minute each, every second time with one of today that was late
        late = [30 * DAY + number - 1] if number % 2 else []
        merge_closed(lake, minute_rows([*late, 30 * DAY + number], seed=number))
    written = stored_bytes(folder) - before
    assert written < 0.3 * MEGABYTE, written
    merge_closed(lake, minute_rows([3 * DAY + 5, 9 * DAY + 5]))  # healed after weeks
    assert stored_bytes(folder) - before - written < 2 * MEGABYTE
    assert all(first == last for first, last in days_of_files(tmp_path))
    total = (30 * DAY + 12) * 4
    assert query(lake, COUNT)[1] == [(total, total)]


def test_joining_leaves_a_file_a_day_and_never_joins_days(tmp_path: Path) -> None:
    lake = str(tmp_path)
    merge_closed(lake, minute_rows(range(2 * DAY - 2)))
    for number in range(2 * DAY - 2, 2 * DAY + 3):
        merge_closed(lake, minute_rows([number], seed=number))
    before = query(lake, "SELECT * FROM trade_minutes ORDER BY ALL")
    assert len(list(days_of_files(tmp_path))) == 7
    assert join_files(lake, max_files=64) == 1  # the day that is over
    assert sorted(days_of_files(tmp_path))[:2] == [(0, 0), (1, 1)]
    assert join_files(lake, max_files=1) == 1
    assert sorted(days_of_files(tmp_path)) == [(0, 0), (1, 1), (2, 2)]
    written = stored_bytes(tmp_path / "trade_minutes")
    assert join_files(lake, max_files=1) == 0
    assert stored_bytes(tmp_path / "trade_minutes") == written
    assert query(lake, "SELECT * FROM trade_minutes ORDER BY ALL") == before


def test_the_log_says_what_the_minutes_are_made_from(tmp_path: Path) -> None:
    lake = str(tmp_path)
    assert closed_until(lake) == NEVER
    until = START + timedelta(minutes=3)
    merge_closed(lake, minute_rows(range(3)), watermarks=closing_watermarks({0: 7, 2: 9}, until))
    merge_closed(lake, minute_rows([1]))  # a restated one moves nothing
    merge_closed(lake, minute_rows([4]))
    assert join_files(lake, max_files=1) == 1
    table = open_table(lake, TRADE_MINUTES.name)
    assert table is not None
    table.create_checkpoint()
    for commit in (tmp_path / "trade_minutes" / "_delta_log").glob("*.json"):
        commit.unlink()  # as the clean-up of the log does
    table = open_table(lake, TRADE_MINUTES.name)
    assert table is not None
    assert closed_until(lake) == until
    assert counted_offsets(table, 3) == {0: 7, 2: 9}


def test_a_write_is_on_the_disk_with_its_commit_and_their_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[Path] = []
    monkeypatch.setattr(syncing, "sync_path", synced.append)
    row = {"run_id": "r", "suite": "s", "expectation": "e", "success": True, "checked_at": START}
    results = arrow_rows(QUALITY_RESULTS, [{name: row.get(name) for name in QUALITY_RESULTS.names}])
    replace_rows(str(tmp_path), QUALITY_RESULTS, results, run_id="r")
    folder = tmp_path / "quality_results"
    log = folder / "_delta_log"
    commits = [log / f"{version:020d}.json" for version in (0, 1)]
    assert {*folder.glob("*.parquet"), *commits, log, folder, tmp_path} <= set(synced)
    assert synced.index(next(folder.glob("*.parquet"))) < synced.index(commits[1])
    synced.clear()
    replace_rows(str(tmp_path), QUALITY_RESULTS, results, run_id="r")
    assert commits[1] not in synced
    assert log / f"{2:020d}.json" in synced
