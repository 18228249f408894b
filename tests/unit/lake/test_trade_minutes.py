"""Minutes of trades against hand-worked sums: repeats once, late ones too, only what changed."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa

from include.lake.minutes import changed_minutes
from include.lake.reading import query
from tests.support.landed_rows import AT, land, ledger, trade

D = Decimal


def minutes(lake: Path, positions: dict[int, int]) -> tuple[list[dict[str, Any]], dict[int, int]]:
    rows, after, _ = changed_minutes(str(lake), positions)
    assert isinstance(rows, pa.Table)
    return rows.to_pylist(), after


def test_trades_once_leaves_repeats_out(tmp_path: Path) -> None:
    land(
        tmp_path,
        "trades",
        [
            trade(0, "1", "buy", "1", "1"),
            trade(1, "2", "buy", "1", "1"),
            trade(2, "1", "buy", "1", "1"),
            trade(3, "1", "buy", "1", "1") | {"symbol": "ETH-USDT"},
        ],
    )
    once = query(str(tmp_path), 'SELECT "offset" FROM trades_once ORDER BY "offset"')
    assert once == (["offset"], [(0,), (1,), (3,)])


def test_a_minute_has_the_sums_of_its_trades_each_once(tmp_path: Path) -> None:
    land(tmp_path, "feed_ledger", [ledger(0, "gap", s=61)])
    land(
        tmp_path,
        "trades",
        [
            trade(0, "1", "buy", "100.5", "2", s=1),
            trade(1, "2", "sell", "101", "0.5000000001", s=2),
            trade(2, "1", "buy", "100.5", "2", s=1),  # a repeat after a reconnect
            trade(3, "3", "buy", "99", "1", s=59.9),
            trade(4, "4", "sell", "98", "1", s=60),
        ],
    )
    (first, second), after = minutes(tmp_path, {})
    assert after == {0: 5}
    assert (first["minute"], second["minute"]) == (AT, AT + timedelta(minutes=1))
    assert (first["total_count_buy"], first["total_count_sell"]) == (2, 1)
    assert (first["total_base_buy"], first["total_base_sell"]) == (D("3"), D("0.5000000001"))
    # 100.5 x 2 + 99 x 1 = 300; 101 x 0.5000000001 = 50.5000000101
    assert (first["total_quote_buy"], first["total_quote_sell"]) == (D("300"), D("50.5000000101"))
    prices = [first[name] for name in ("open", "high", "low", "close")]
    assert prices == [D("100.5"), D("101"), D("99"), D("99")]
    assert abs(first["vwap"] - 350.5000000101 / 3.5000000001) < 1e-9
    assert (first["complete"], second["complete"]) == (True, False)


def test_a_late_trade_restates_its_minute_and_no_other(tmp_path: Path) -> None:
    land(
        tmp_path, "trades", [trade(0, "1", "buy", "10", "1"), trade(1, "2", "buy", "20", "1", s=60)]
    )
    _, after = minutes(tmp_path, {})
    assert minutes(tmp_path, after) == ([], after)
    land(tmp_path, "trades", [trade(2, "3", "sell", "30", "2", s=30)])
    (late,), after = minutes(tmp_path, after)
    assert (late["minute"], after) == (AT, {0: 3})
    assert (late["total_count_buy"], late["total_count_sell"]) == (1, 1)
    assert (late["high"], late["total_quote_sell"]) == (D("30"), D("60"))


def test_a_trade_of_no_side_makes_prices_but_no_totals(tmp_path: Path) -> None:
    land(tmp_path, "trades", [trade(0, "1", None, "7", "3")])
    (only,), _ = minutes(tmp_path, {})
    assert (only["total_count_buy"], only["total_count_sell"], only["close"]) == (0, 0, D("7"))


def test_a_lake_without_trades_has_no_minutes(tmp_path: Path) -> None:
    assert minutes(tmp_path, {0: 4}) == ([], {0: 4})
