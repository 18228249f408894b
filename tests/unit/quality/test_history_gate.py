"""The history gate stops what is wrong, names the rows, and never passes what it could not see."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from include.errors import GateFailed
from include.lake.reading import query
from include.quality.gate import SLICE_ROWS, check_history
from include.settings import Settings

NOW = datetime(2026, 11, 21, tzinfo=UTC)
T0 = datetime(2018, 4, 24, 5, tzinfo=UTC)
MONEY, UTC_TIME = pa.decimal128(20, 8), pa.timestamp("us", tz="UTC")
SCHEMA = pa.schema(
    [
        ("source", pa.string()),
        ("symbol", pa.string()),
        ("minute", UTC_TIME),
        ("open", MONEY),
        ("high", MONEY),
        ("low", MONEY),
        ("close", MONEY),
        ("base_volume", MONEY),
        ("traded", pa.bool_()),
    ]
)


def bar(number: int, /, **changes: Any) -> dict[str, Any]:
    row = {
        "source": "kaggle",
        "symbol": "BTC-USD",
        "minute": T0 + timedelta(minutes=number),
        "open": 2,
        "high": 4,
        "low": 1,
        "close": 3,
        "base_volume": 5,
        "traded": True,
        **changes,
    }
    return {name: Decimal(v) if type(v) in {int, float} else v for name, v in row.items()}


SILENT: dict[str, Any] = {"open": None, "high": None, "low": None, "close": None, "traded": False}


HIGHER: dict[str, Any] = {"open": 30, "high": 31, "low": 30, "close": 30.5}


def stage(settings: Settings, rows: list[dict[str, Any]], schema: pa.Schema = SCHEMA) -> None:
    table = pa.Table.from_pylist(rows, schema=schema)
    write_deltalake(
        f"{settings.lake}/history_staging", table, mode="overwrite", schema_mode="overwrite"
    )


def check(settings: Settings, run_id: str = "r1", slice_rows: int = SLICE_ROWS) -> int:
    return check_history(settings.lake, run_id=run_id, now=NOW, slice_rows=slice_rows)


def test_a_file_that_ends_too_long_ago_does_not_pass(settings: Settings) -> None:
    stage(settings, [bar(0), bar(1)])
    ends = T0 + timedelta(minutes=1)
    assert check_history(settings.lake, run_id="r", now=NOW, fresh_from_at=ends) == 2
    with pytest.raises(GateFailed, match=r"InSet\(fresh\)"):
        check_history(
            settings.lake, run_id="r", now=NOW, fresh_from_at=ends + timedelta(microseconds=1)
        )


def test_good_bars_with_a_silent_minute_and_a_hole_pass_and_are_written_down_once(
    settings: Settings,
) -> None:
    stage(settings, [bar(0), bar(1, **SILENT, base_volume=0), bar(7)])
    for _ in range(2):
        assert check(settings) == 3
    rows = query(
        settings.lake,
        "SELECT count(*), count(DISTINCT expectation), bool_and(success), min(suite) "
        "FROM quality_results",
    )[1][0]
    assert rows[0] == rows[1] > 10
    assert rows[2:] == (True, "history")


@pytest.mark.parametrize(
    ("rows", "expectation", "minute"),
    [
        ([bar(0), bar(3, high=2.5)], "PairValuesAToBeGreaterThanB(high, close)", "05:03"),
        ([bar(0), bar(3, low=2.5)], "PairValuesAToBeGreaterThanB(open, low)", "05:03"),
        ([bar(0), bar(4, low=0)], "ToBeBetween(low)", "05:04"),
        ([bar(0), bar(5, base_volume=-1)], "ToBeBetween(base_volume)", "05:05"),
        ([bar(0), bar(6), bar(6, close=2)], "InSet(later_minute)", "05:06"),
        ([bar(0), bar(7, close=None)], "InSet(priced_if_traded)", "05:07"),
        ([bar(0), bar(8, traded=False)], "InSet(priced_if_traded)", "05:08"),
        ([bar(0), bar(9, minute=datetime(2099, 1, 1, tzinfo=UTC))], "not_in_future", "2099"),
        ([bar(0), bar(1, minute=T0 + timedelta(seconds=61))], "whole_minute", "05:01:01"),
        ([bar(0), bar(1, symbol=None)], "NotBeNull(symbol)", "05:01"),
        ([bar(0), bar(1, **SILENT, base_volume=0), bar(2, **HIGHER)], "InSet(no_jump)", "05:02"),
        ([bar(0, **HIGHER), bar(60)], "InSet(no_jump)", "06:00"),
        ([bar(n * 5) for n in range(11)], "ColumnMinToBeBetween(following)", "0.0"),
    ],
)
def test_a_bad_row_stops_the_gate_and_is_named(
    settings: Settings, rows: list[dict[str, Any]], expectation: str, minute: str
) -> None:
    stage(settings, rows)
    with pytest.raises(GateFailed) as caught:
        check(settings)
    assert str(caught.value).startswith("gate history: ")
    assert expectation in str(caught.value)
    assert minute in str(caught.value)
    failed = query(settings.lake, "SELECT expectation FROM quality_results WHERE NOT success")[1]
    assert any(expectation.rpartition("(")[2].rstrip(")").split(",")[0] in row[0] for row in failed)


def test_a_move_of_ten_times_is_no_jump_after_an_hour_or_if_it_is_exactly_ten(
    settings: Settings,
) -> None:
    ten = {**HIGHER, "close": 30}
    stage(settings, [bar(0), bar(1, **ten), bar(62, close=2.5), bar(63)])
    assert check(settings) == 4


def test_rows_that_leave_most_minutes_out_do_not_pass(settings: Settings) -> None:
    stage(settings, [bar(0), bar(1), bar(39)])  # 3 of 40 minutes are 7.5 %
    assert check(settings) == 3
    stage(settings, [bar(0), bar(1), bar(60)])  # 3 of 61 are 4.9 %
    with pytest.raises(GateFailed, match=r"ColumnMinToBeBetween\(coverage\)"):
        check(settings)


def test_two_symbols_in_one_file_do_not_pass(settings: Settings) -> None:
    stage(settings, [bar(0), bar(1, symbol="ETH-USD")])
    with pytest.raises(GateFailed, match=r"InSet\(one_symbol\)"):
        check(settings)


def test_what_cannot_be_checked_has_not_passed(settings: Settings) -> None:
    with pytest.raises(GateFailed, match="could not check: nothing is staged"):
        check(settings)
    stage(settings, [])
    with pytest.raises(GateFailed, match="TableRowCount"):
        check(settings)
    narrow = pa.schema([field for field in SCHEMA if field.name != "traded"])
    stage(settings, [bar(0)], schema=narrow)
    with pytest.raises(GateFailed, match="could not check"):
        check(settings)


def test_slices_find_what_one_look_finds_also_where_two_slices_meet(settings: Settings) -> None:
    rows = [bar(n) for n in range(12)]
    rows += [bar(3, close=2), bar(9, **HIGHER), bar(20, low=0), bar(21, symbol="ETH-USD")]
    stage(settings, rows)
    outcomes = set()
    for slice_rows in (SLICE_ROWS, 1, 4):  # the repeated third minute is on both sides of a border
        with pytest.raises(GateFailed):
            check(settings, slice_rows=slice_rows)
        failed = query(
            settings.lake,
            "SELECT expectation, observed, unexpected_rows FROM quality_results "
            "WHERE NOT success ORDER BY ALL",
        )[1]
        outcomes.add(tuple(row for row in failed if "RowCount" not in row[0]))
    (outcome,) = outcomes
    assert {"one_symbol", "later_minute", "no_jump", "low"} <= {
        row[0].partition("(")[2].rstrip(")").split(",")[0] for row in outcome
    }
