"""Off by one: repeats, holes, closes, the end of Kafka, commits that lag behind."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from include.lake.audit.bounds import Bounds, check_ends
from include.lake.checkpoint import find_damage
from include.lake.minutes import changed_minutes
from include.market.wire import TopicPartition
from tests.support.landed_rows import land, ledger, trade

D = Decimal
BOOK = TopicPartition("market.book", 0)


def only_minute(lake: Path) -> dict[str, Any]:
    (minute,) = changed_minutes(str(lake), {}).minutes.to_pylist()
    return dict(minute)


def test_of_a_trades_repeats_the_first_that_landed_counts(tmp_path: Path) -> None:
    rows = [trade(0, "1", "buy", "100", "2"), trade(1, "1", "buy", "300", "7")]
    land(tmp_path, "trades", rows[::-1])
    assert only_minute(tmp_path)["total_quote_buy"] == D(200)


def test_the_close_is_the_last_trade_made_and_not_the_last_one_landed(tmp_path: Path) -> None:
    """A trade that REST refilled lands after those that were made after it."""
    rows = [trade(0, "1", "buy", "100", "1", s=1), trade(1, "3", "buy", "103", "1", s=30)]
    land(tmp_path, "trades", [*rows, trade(2, "2", "buy", "102", "1", s=20)])
    minute = only_minute(tmp_path)
    assert (minute["open"], minute["close"]) == (D(100), D(103))


@pytest.mark.parametrize(
    ("entry", "complete"),
    [
        ("connect", False),
        ("disconnect", False),
        ("gap", False),
        ("stale", False),
        ("dropped", False),
        ("healed", True),
        ("live", True),
    ],
)
def test_a_minute_with_a_hole_is_not_complete(tmp_path: Path, entry: str, complete: bool) -> None:
    land(tmp_path, "trades", [trade(0, "1", "buy", "100", "1", s=5)])
    land(tmp_path, "feed_ledger", [ledger(0, entry, s=9)])
    assert only_minute(tmp_path)["complete"] is complete


@pytest.mark.parametrize(("last", "is_ok"), [(119, True), (120, False)])
def test_a_row_at_kafkas_end_offset_is_one_that_kafka_never_had(last: int, is_ok: bool) -> None:
    bounds = Bounds({BOOK: (0, 120)}, {BOOK: last + 1}, {BOOK: last + 1})
    check = check_ends({BOOK: (0, last)}, bounds)
    assert check.ok is is_ok
    assert is_ok or "Kafka ends at 120" in check.detail


@pytest.mark.parametrize(("committed", "is_ok"), [(5, True), (4, True), (3, False)])
def test_the_commits_may_lag_the_offsets_by_one_batch(
    tmp_path: Path, committed: int, is_ok: bool
) -> None:
    for name, newest, text in (
        ("offsets", 5, 'v1\n{"batchWatermarkMs":0}\n{"market.trades":{"0":3}}'),
        ("commits", committed, 'v1\n{"nextBatchWatermarkMs":0}'),
    ):
        (tmp_path / name).mkdir()
        for number in range(newest + 1):
            (tmp_path / name / str(number)).write_text(text)
    (tmp_path / "metadata").write_text('{"id":"0598242f"}')
    damage = find_damage(tmp_path)
    assert damage is None if is_ok else damage == "commits end at batch 3, offsets at batch 5"


def test_a_minute_begins_at_its_first_trade(tmp_path: Path) -> None:
    land(tmp_path, "trades", [trade(0, "1", "buy", "100", "1", s=60)])
    assert (
        only_minute(tmp_path)["minute"] - timedelta(minutes=1)
        == trade(0, "", "", "1", "1")["traded_at"]
    )
