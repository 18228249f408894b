"""The signals of Postgres against the lake's, also those of months."""

import tracemalloc
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from include.checks import Check
from include.lake.tables import SIGNALS
from include.lake.writing import arrow_rows, arrow_schema
from include.serving.audited_signals import check_signals
from tests.support.landed_rows import AT

SYMBOLS, MINUTES = 25, 10_000
KEEP_DAYS = 10


def signal(minute: int, value: str = "1.5", **other: Any) -> dict[str, Any]:
    start = AT + timedelta(minutes=minute)
    return {
        "venue": "gemini",
        "symbol": "BTC-USD",
        "type": "bid",
        "value": Decimal(value),
        "window_start": start,
        "timestamp": start + timedelta(minutes=1),
    } | other


def check(
    path: Path, in_delta: list[dict[str, Any]], served: list[dict[str, Any]], *, version: int = 1
) -> Check:
    """The version that Postgres is served next is 1; the lake's newest is 0."""
    write_deltalake(str(path / "signals"), arrow_rows(SIGNALS, in_delta), mode="append")
    rows = arrow_rows(SIGNALS, served)
    return check_signals(str(path), rows, next_version=version, keep_days=KEEP_DAYS)


@pytest.mark.parametrize(
    ("served", "reported"),
    [
        ([signal(n) for n in range(6)], None),
        ([signal(n) for n in range(5)], "1 signals differ: gemini BTC-USD bid 2026-11-21 08:05 is"),
        ([signal(n) for n in range(1, 6)], "08:00 is only in Delta"),
        ([signal(n) for n in range(6) if n != 3], "08:03 is only in Delta"),
        (
            [signal(0), signal(1), signal(2, "40"), *(signal(n) for n in range(3, 6))],
            "1 signals differ: gemini BTC-USD bid 2026-11-21 08:02: value 40.000000000000 in",
        ),
        ([signal(n) for n in range(8)], "08:06 is only in Postgres"),
        ([signal(n) for n in range(-9999, -9990)], "is only in Postgres"),
        ([signal(0), signal(1), signal(2, timestamp=AT)], "08:02: timestamp 2026-"),
        ([], "6 signals differ"),
    ],
)
def test_signals_that_one_lacks_or_that_differ_are_named(
    tmp_path: Path, served: list[dict[str, Any]], reported: str | None
) -> None:
    """Defect A22."""
    result = check(tmp_path, [signal(minute) for minute in range(6)], served)
    assert result.ok == (reported is None)
    assert reported is None or reported in result.detail


def test_signals_that_wait_to_be_served_are_no_difference(tmp_path: Path) -> None:
    """A version lands between two turns of the serving; some queries report old windows late."""
    in_lake = [signal(0), signal(1)]
    assert check(tmp_path, in_lake, in_lake).ok
    late = [signal(1, symbol="ETH-USD"), signal(2), signal(0, type="average_price")]
    assert check(tmp_path, late, in_lake).ok
    missing = check(tmp_path, [signal(3)], [signal(1)])
    assert missing.detail.startswith("1 signals differ") and "08:00 is only in" in missing.detail
    never_served = check(tmp_path, [signal(4)], in_lake, version=0)
    assert never_served.detail.startswith("5 signals differ")
    served = check(tmp_path, [signal(5)], in_lake, version=5)
    assert served.detail.startswith("6 signals differ")


def test_what_postgres_let_go_or_has_longer_is_no_difference(tmp_path: Path) -> None:
    of_days = [signal((day - 20) * 1440) for day in range(KEEP_DAYS + 3)]
    assert check(tmp_path, of_days, of_days).ok
    for first in (0, 1, 2):
        rows = arrow_rows(SIGNALS, of_days[first:])
        assert check_signals(str(tmp_path), rows, next_version=1, keep_days=KEEP_DAYS).ok
    rows = arrow_rows(SIGNALS, of_days[3:])
    assert not check_signals(str(tmp_path), rows, next_version=1, keep_days=KEEP_DAYS).ok


def test_a_signal_that_delta_has_twice_is_named(tmp_path: Path) -> None:
    rows = [signal(minute) for minute in range(3)]
    result = check(tmp_path, [*rows, signal(1)], rows)
    assert result.detail.startswith("1 signals differ: gemini BTC-USD bid 2026-")
    assert "08:01 is only in Delta" in result.detail


def test_no_signals_on_both_sides_are_the_same(tmp_path: Path) -> None:
    assert check(tmp_path, [], []).detail == "0 signals are the same in Postgres and Delta"


def test_months_of_signals_are_compared_as_sets(tmp_path: Path) -> None:
    """A quarter of a million: compared row by row they took hours, and Python's memory."""
    start = pa.scalar(AT).cast(pa.timestamp("us", "UTC")).value
    starts = [start + minute * 60_000_000 for minute in range(MINUTES)] * SYMBOLS
    symbols = [f"S{n}-USD" for n in range(SYMBOLS) for _ in range(MINUTES)]
    count = len(symbols)
    columns = {
        "venue": ["gemini"] * count,
        "symbol": symbols,
        "type": ["bid"] * count,
        "value": pa.array(range(count)).cast(pa.decimal128(38, 12)),
        "window_start": pa.array(starts, pa.timestamp("us", "UTC")),
        "timestamp": pa.array([at + 60_000_000 for at in starts], pa.timestamp("us", "UTC")),
    }
    rows = pa.table(columns).cast(arrow_schema(SIGNALS))
    write_deltalake(str(tmp_path / "signals"), rows)
    tracemalloc.start()
    try:
        all_but_one = pa.concat_tables([rows[:777], rows[778:]])
        same, differ = (
            check_signals(str(tmp_path), served, next_version=1, keep_days=KEEP_DAYS)
            for served in (rows, all_but_one)
        )
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert same.detail == f"{count} signals are the same in Postgres and Delta"
    assert differ.detail.startswith("1 signals differ: gemini S0-USD bid")
    assert peak_bytes < 20_000_000
