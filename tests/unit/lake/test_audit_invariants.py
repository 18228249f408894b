"""I2 and I3: a silent hole and a wrong total are found, and named."""

import random
import shutil
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from include.checks import Check
from include.lake.audit.agreement import check_agreement, check_closed_minutes
from include.lake.audit.completeness import check_completeness, covers
from include.lake.audit.landed_minutes import COMPARED
from include.lake.closed_minutes import closing_watermarks, merge_closed
from include.lake.minutes import changed_minutes
from include.lake.tables import TABLES
from include.lake.writing import arrow_rows
from tests.support.landed_rows import AT, land, ledger, trade

D = Decimal


def numbered(offset: int, number: int, *, s: float) -> dict[str, Any]:
    return trade(offset, str(number), "buy", "1", "1", s=s) | {
        "seq_first": number,
        "seq_last": number,
    }


def frame(offset: int, seq: int, *, conn: str, s: float = 0) -> dict[str, Any]:
    return trade(offset, "", None, "1", "1", s=s) | {
        "topic": "market.book",
        "venue": "gemini",
        "symbol": "BTC-USD",
        "kind": "book",
        "conn": conn,
        "seq_first": seq,
        "seq_last": seq,
    }


def lake(tmp_path: Path, *, gaps: list[tuple[int, int]], conn: str = "c") -> str:
    """Binance lacks 12 to 14; Gemini's connection a lacks 1, its connection b nothing."""
    ids = [10, 11, 15, 11, 16]
    land(
        tmp_path,
        "trades",
        [numbered(n, number, s=n) for n, number in enumerate(ids)]
        + [numbered(9, 17, s=120), numbered(10, 19, s=121)],
    )
    frames = [("a", 0), ("a", 2), ("b", 0), ("b", 1), ("b", 1)]
    land(tmp_path, "book_changes", [frame(n, seq, conn=c) for n, (c, seq) in enumerate(frames)])
    binance = [
        ledger(n, "gap", s=3) | {"first_seq": a, "last_seq": b} for n, (a, b) in enumerate(gaps)
    ]
    gemini = frame(90, 0, conn=conn) | {
        "topic": "market.ledger",
        "entry": "gap",
        "cause": "missing",
        "first_seq": 1,
        "last_seq": 1,
    }
    land(tmp_path, "feed_ledger", [*binance, gemini])
    return str(tmp_path)


def test_holes_that_the_ledger_tells_are_complete(tmp_path: Path) -> None:
    check = check_completeness(lake(tmp_path, gaps=[(12, 13), (14, 14)], conn="a"))
    assert check == Check(
        "I2 completeness", True, "3 numbered sequences, 2 holes, each in the feed ledger"
    )


@pytest.mark.parametrize("gaps", [[], [(12, 13)], [(13, 14)], [(20, 30)]])
def test_a_hole_that_the_ledger_does_not_tell_is_named(
    tmp_path: Path, gaps: list[tuple[int, int]]
) -> None:
    check = check_completeness(lake(tmp_path, gaps=gaps, conn="a"))
    assert not check.ok
    assert check.detail == (
        "1 of 2 holes are not in the feed ledger: binance BTC-USDT  lacks 12 to 14"
    )


def test_every_hole_is_found_wherever_it_lies_and_repeats_and_ranges_fill_it(
    tmp_path: Path,
) -> None:
    """Against the numbers that are there, written as a set."""
    rng = random.Random(11)
    singles = [n for n in range(100_000, 101_500) if rng.random() > 0.02 or n < 100_200]
    singles.remove(100_140)  # the first number of a block of sixty, after a whole one
    singles += rng.choices(singles, k=100)  # healed and sent again
    spans = [(100_590, 100_610), (100_661, 100_661), (101_000, 101_130)]
    rows = [numbered(n, number, s=0) for n, number in enumerate(singles)]
    rows += [numbered(2000 + n, a, s=0) | {"seq_last": b} for n, (a, b) in enumerate(spans)]
    rng.shuffle(rows)
    present = set(singles).union(*(range(a, b + 1) for a, b in spans))
    lacking = [n for n in range(min(present), max(present)) if n not in present]
    starts = [n for n in lacking if n - 1 in present]
    land(tmp_path, "trades", [*rows, numbered(9999, max(present) + 1, s=120)])
    land(tmp_path, "book_changes", [])
    land(tmp_path, "feed_ledger", [ledger(0, "gap", s=1) | {"first_seq": 0, "last_seq": 99_999}])
    check = check_completeness(str(tmp_path)).detail
    assert len(starts) > 15
    assert check.startswith(f"{len(starts)} of {len(starts)} holes are not in the feed ledger: ")
    for start in starts[:5]:
        end = next(n for n in range(start, 10**6) if n + 1 in present)
        assert f"lacks {start} to {end}" in check


def test_a_hole_of_a_connection_is_not_told_by_another(tmp_path: Path) -> None:
    check = check_completeness(lake(tmp_path, gaps=[(12, 14)], conn="b"))
    assert "gemini BTC-USD a lacks 1 to 1" in check.detail


@pytest.mark.parametrize(
    ("entry", "is_ok"),
    [("dropped", True), ("jump", True), ("renumbered", True), ("healed", False), ("lost", False)],
)
def test_a_hole_is_told_by_an_entry_that_says_what_is_missing(
    tmp_path: Path, entry: str, is_ok: bool
) -> None:
    """Defect A14: a `dropped` row names the trades that are missing."""
    lake(tmp_path, gaps=[], conn="a")
    row = ledger(50, entry, s=3) | {"conn": "spool", "first_seq": 12, "last_seq": 14}
    land(tmp_path, "feed_ledger", [row])
    assert check_completeness(str(tmp_path)).ok is is_ok


def test_an_entry_of_what_polls_prices_covers_no_hole(tmp_path: Path) -> None:
    lake(tmp_path, gaps=[], conn="a")
    quotes = {"conn": "binance-1-quotes", "first_seq": 12, "last_seq": 14}
    land(tmp_path, "feed_ledger", [ledger(50, "dropped", s=3) | quotes])
    assert not check_completeness(str(tmp_path)).ok


def test_a_message_without_events_has_its_number_too(tmp_path: Path) -> None:
    lake(tmp_path, gaps=[(12, 14)], conn="b")
    heartbeat = frame(9, 1, conn="a") | {"kind": "heartbeat", "event_index": -1}
    land(tmp_path, "book_changes", [heartbeat])
    check = check_completeness(str(tmp_path))
    assert check.detail == "3 numbered sequences, 1 holes, each in the feed ledger"


def test_a_lost_ledger_is_no_clean_ledger(tmp_path: Path) -> None:
    lake(tmp_path, gaps=[(12, 14)], conn="a")
    shutil.rmtree(tmp_path / "feed_ledger")
    check = check_completeness(str(tmp_path))
    assert not check.ok
    assert check.detail.startswith("feed_ledger is missing beside trades, book_changes: ")
    assert check_completeness(str(tmp_path / "new")).ok


def test_ranges_cover_only_what_they_reach_together() -> None:
    assert covers([(8, 12), (1, 7)], 5, 9)
    assert not covers([(1, 6), (8, 12)], 5, 9)
    assert not covers([], 5, 9)


MINUTE = {
    "venue": "binance",
    "symbol": "BTC-USDT",
    "minute": AT,
    "total_count_buy": 2,
    "total_count_sell": 1,
    "total_base_buy": D("3.5"),
    "total_base_sell": D("0.0000000001"),
    "total_quote_buy": D("35"),
    "total_quote_sell": D("0.000000001"),
    "open": D("10"),
    "high": D("10"),
    "low": D("10"),
    "close": D("10"),
    "liquidation_count": 0,
    "liquidated_base_buy": D(0),
    "liquidated_base_sell": D(0),
}


@pytest.fixture
def trades(tmp_path: Path) -> str:
    land(
        tmp_path,
        "trades",
        [
            trade(0, "1", "buy", "10", "3", s=1),
            trade(1, "2", "buy", "10", "0.5", s=2),
            trade(2, "3", "sell", "10", "0.0000000001", s=3),
            trade(3, "4", "sell", "11", "7", s=4),  # not counted yet: beyond the reader's position
        ],
    )
    return str(tmp_path)


def served(**changes: Any) -> pa.Table:
    return arrow_rows(TABLES["trade_minutes"], [MINUTE | changes])


def test_served_minutes_equal_the_trades_up_to_the_readers_position(trades: str) -> None:
    check = check_agreement(trades, offsets={0: 3}, served=served())
    assert (check.ok, check.detail) == (True, "1 minutes equal those of the landed trades")
    assert not check_agreement(trades, offsets={0: 4}, served=served()).ok


def test_the_last_digit_counts(trades: str) -> None:
    check = check_agreement(
        trades, offsets={0: 3}, served=served(total_base_sell=D("0.0000000002"))
    )
    assert check.detail == (
        "1 of 1 minutes differ: binance BTC-USDT 2026-11-21 08:00: "
        "total_base_sell 2E-10 in Postgres, 1E-10 in the lake"
    )


def test_a_minute_on_one_side_alone_is_named(trades: str) -> None:
    later = served(minute=AT + timedelta(minutes=5))
    check = check_agreement(trades, offsets={0: 3}, served=later)
    assert "2026-11-21 08:00 is only in the lake" in check.detail
    assert "2026-11-21 08:05 is only in Postgres" in check.detail
    assert TABLES["trade_minutes"].key == COMPARED[:3]


def test_what_postgres_lets_go_is_not_compared(trades: str) -> None:
    land(Path(trades), "trades", [trade(3, "9", "sell", "10", "1", s=-3 * 86400)])
    reader = {"offsets": {0: 4}, "served": served(total_count_sell=2)}
    assert "only in the lake" in check_agreement(trades, **reader, keep_days=4).detail
    assert "only in the lake" in check_agreement(trades, **reader).detail
    assert "only in the lake" not in check_agreement(trades, **reader, keep_days=2).detail
    future = served(minute=AT.replace(year=2099))
    with_future = reader | {"served": pa.concat_tables([reader["served"], future])}
    differing = check_agreement(trades, **with_future, keep_days=2).detail
    assert differing.startswith("2 of 2 minutes differ: binance BTC-USDT 2026-11-21 08:00")


def test_the_closed_minutes_of_delta_are_compared_too(trades: str) -> None:
    assert check_closed_minutes(trades, partition_count=1).ok
    minutes = changed_minutes(trades, {}).minutes
    watermarks = closing_watermarks({0: 3}, AT + timedelta(minutes=1))
    row = minutes.to_pylist()[0] | MINUTE
    merge_closed(trades, arrow_rows(TABLES["trade_minutes"], [row]), watermarks=watermarks)
    checked = check_closed_minutes(trades, partition_count=1)
    assert (checked.ok, checked.detail) == (True, "1 minutes equal those of the landed trades")
    wrong = arrow_rows(TABLES["trade_minutes"], [row | {"total_count_buy": 3}])
    merge_closed(trades, wrong)
    assert check_closed_minutes(trades, partition_count=1).detail == (
        "1 of 1 minutes differ: binance BTC-USDT 2026-11-21 08:00: "
        "total_count_buy 3 in Delta, 2 in the lake"
    )
    merge_closed(trades, minutes, watermarks=closing_watermarks({0: 4}, AT))
    assert "is only in Delta" in check_closed_minutes(trades, partition_count=1).detail


@pytest.mark.parametrize("is_stamped_so", [False, True])
def test_a_trade_of_2099_makes_no_hole_older_and_hides_none(
    tmp_path: Path, is_stamped_so: bool
) -> None:
    """18 is too young to be missed, 12 to 14 and 20 to 98, before a receipt of 2099, are not."""
    lake(tmp_path, gaps=[(12, 14)], conn="a")
    land(tmp_path, "trades", [numbered(11, 20, s=122)])
    future = AT.replace(year=2099)
    stamped_at = {"kafka_time": future if is_stamped_so else AT}
    land(tmp_path, "trades", [numbered(12, 99, s=10) | {"received_time": future} | stamped_at])
    check = check_completeness(str(tmp_path))
    assert check.detail == (
        "1 of 3 holes are not in the feed ledger: binance BTC-USDT  lacks 21 to 98"
    )
