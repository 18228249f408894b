"""A refresh opens the files it needs: all others may be absent, and the answer is the same."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable

from include.errors import QueryError
from include.lake import minutes as trade_minutes
from include.lake.file_selection import files_from_offsets, files_in_spans, list_files, list_uris
from include.lake.minutes import changed_minutes
from include.lake.reading import create_view
from include.lake.recounted_minutes import minutes_between
from tests.support.landed_rows import AT, land, ledger, trade
from tests.support.listed_files import list_absent_files

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


def bounds(first: int, last: int, *, s: float, partition: int = 0) -> tuple[dict[str, Any], ...]:
    """Statistics of a second's trades, `s` seconds after AT."""
    low = {"partition": partition, "offset": first, "traded_at": AT + s * SECOND}
    return low, low | {"offset": last, "traded_at": AT + (s + 1) * SECOND}


def an_hour_of_files(lake: Path, *, count: int) -> None:
    """So many files before AT, of ten trades a second, that are not there."""
    land(lake, "trades", [])
    of_the_hour = [bounds(n * 10, n * 10 + 9, s=n - count - 60) for n in range(count)]
    list_absent_files(lake, "trades", of_the_hour)


def test_a_refresh_opens_the_new_files_and_those_of_the_touched_minutes(tmp_path: Path) -> None:
    an_hour_of_files(tmp_path, count=3600)
    land(tmp_path, "trades", [trade(36_000, "1", "buy", "10", "1")])
    land(tmp_path, "trades", [trade(36_001, "2", "buy", "10", "1", s=1)])
    changed = changed_minutes(str(tmp_path), {0: 36_001})
    (minute,) = changed.minutes.to_pylist()
    assert (minute["minute"], minute["total_count_buy"], changed.offsets) == (AT, 2, {0: 36_002})
    assert len(changed.counted_files) == 3602
    between = minutes_between(str(tmp_path), AT, AT + MINUTE, offsets={0: 36_002})
    assert between.to_pylist() == [minute]


def test_a_refresh_of_many_files_opens_as_many_as_one_of_few(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[int] = []

    def counting(*args: Any, files: list[str], **options: Any) -> None:
        opened.append(len(files))
        create_view(*args, files=files, **options)

    monkeypatch.setattr(trade_minutes, "create_view", counting)
    for count in (100, 3600):
        lake = tmp_path / str(count)
        an_hour_of_files(lake, count=count)
        land(lake, "trades", [trade(36_000, "1", "buy", "10", "1")])
        changed_minutes(str(lake), {0: count * 10})
    assert opened == [1, 1] * 2  # the new trades, and those of their minute


def test_counted_files_are_left_out_whatever_other_partitions_need(tmp_path: Path) -> None:
    land(tmp_path, "trades", [])
    list_absent_files(tmp_path, "trades", [bounds(0, 900, s=-HOUR.total_seconds())])
    lake = str(tmp_path)
    quiet = {"partition": 1}  # its next offset, 0, is below those of the absent file
    counted = frozenset(list_uris(list_files(DeltaTable(f"{lake}/trades"))))
    land(tmp_path, "trades", [trade(0, "1", "buy", "10", "1") | quiet])
    changed = changed_minutes(lake, {0: 0}, counted_files=counted)
    assert (changed.minutes.num_rows, changed.offsets) == (1, {0: 0, 1: 1})
    with pytest.raises(QueryError, match=r"1 of 2 files of version .* are missing"):
        changed_minutes(lake, {0: 0})


def test_a_late_trade_opens_its_own_minute_and_the_ledger_from_it_on(tmp_path: Path) -> None:
    land(tmp_path, "trades", [trade(0, "1", "buy", "10", "1", s=-7200)])
    an_hour_of_files(tmp_path, count=10)
    land(tmp_path, "feed_ledger", [ledger(0, "gap", s=-7190)])
    low = {"partition": 0, "offset": 1, "received_time": AT - 4 * HOUR}
    list_absent_files(tmp_path, "feed_ledger", [(low, low)])
    late = [trade(100, "2", "buy", "12", "1", s=-7199), trade(101, "3", "buy", "12", "1")]
    land(tmp_path, "trades", late)
    with pytest.raises(QueryError, match=r"1 of 2 files of version .* of feed_ledger are missing"):
        changed_minutes(str(tmp_path), {0: 100})
    land(tmp_path, "trades", [trade(102, "4", "buy", "12", "1", s=-7198)])
    (only,) = changed_minutes(str(tmp_path), {0: 102}, ledger_offsets={0: 2}).minutes.to_pylist()
    assert (only["total_count_buy"], only["complete"]) == (3, False)


def test_bounds_are_kept_to_the_last_microsecond(tmp_path: Path) -> None:
    land(tmp_path, "trades", [])
    low = {"partition": 0, "offset": 0, "traded_at": AT}
    cut_off = low | {"traded_at": AT + timedelta(milliseconds=5)}  # of 5,999 microseconds
    list_absent_files(tmp_path, "trades", [(low, cut_off), ({}, {})])
    files = list_files(DeltaTable(str(tmp_path / "trades")))

    def count(first: timedelta, until: timedelta) -> int:
        listed = files_in_spans(
            files, "traded_at", [(AT - HOUR, AT - HOUR), (AT + first, AT + until)]
        )
        return len(list_uris(listed))

    empty = 1  # `land` of no rows makes no file, a file without statistics may hold anything
    assert count(timedelta(microseconds=5999), HOUR) == empty + 1
    assert count(timedelta(milliseconds=7), HOUR) == empty
    assert count(-HOUR, timedelta()) == empty
    assert count(-HOUR, timedelta(microseconds=1)) == empty + 1
    assert len(list_uris(files_in_spans(files, "traded_at", []))) == 0
    assert len(list_uris(files_from_offsets(files, {0: 1}))) == empty
    assert len(list_uris(files_from_offsets(files, {0: 0}))) == empty + 1
