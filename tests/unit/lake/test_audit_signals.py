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
from include.lake.audit.signals import check_signals
from include.lake.tables import SIGNALS
from include.lake.writing import arrow_rows, arrow_schema
from tests.support.landed_rows import AT

SYMBOLS, MINUTES = 25, 10_000


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


def check(path: Path, in_delta: list[dict[str, Any]], served: list[dict[str, Any]]) -> Check:
    write_deltalake(str(path / "signals"), arrow_rows(SIGNALS, in_delta))
    return check_signals(str(path), arrow_rows(SIGNALS, served))


@pytest.mark.parametrize(
    ("served", "reported"),
    [
        ([signal(n) for n in range(1, 5)], None),  # older ones were deleted, a newer one waits
        ([signal(1), signal(2), signal(4)], "08:03 is only in Delta"),
        (
            [signal(1), signal(2, "40"), signal(3), signal(4)],
            "08:02: value 40.000000000000 in Postgres, 1.5",
        ),
        ([signal(n) for n in range(1, 8)], "08:06 is only in Postgres"),
        ([signal(1), signal(2, timestamp=AT)], "08:02: timestamp 2026-"),
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
        same = check_signals(str(tmp_path), rows)
        differ = check_signals(str(tmp_path), pa.concat_tables([rows[:777], rows[778:]]))
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert same.detail == f"{count} signals are the same in Postgres and Delta"
    assert differ.detail.startswith("1 signals differ: gemini S0-USD bid")
    assert peak_bytes < 20_000_000
