"""Imbalances of a backtest: measured again from the lake's books, the first of each interval."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pytest

from include.settings import Settings, load
from streaming.trader.rehearsal.lake import LakeSpan
from tests.support.lake_of_rows import at, put

NOON, S = at("12:00:00"), timedelta(seconds=1)


def change(seconds: float | None, bids: int, *, venue: str, received_s: float) -> dict[str, Any]:
    """A change of a book whose best levels have so many units bid, and one asked."""
    return {
        "venue": venue,
        "symbol": "BTC-USD",
        "conn": "c",
        "venue_time": None if seconds is None else NOON + seconds * S,
        "received_time": NOON + received_s * S,
        "top_bid": D(100),
        "top_bid_quantity": D(bids),
        "top_ask": D(101),
        "top_ask_quantity": D(1),
    }


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    variables = {
        "TICKHOUSE_VAR": str(tmp_path),
        "TICKHOUSE_TRADER_RULE": "imbalance_and_mid",
        "TICKHOUSE_TRADER_SAMPLING_S": "10",
    }
    yield load(variables)


def write(settings: Settings, rows: list[dict[str, Any]]) -> None:
    put(settings.lake, "book_changes", rows)
    put(settings.lake, "signals", [])


def measured(settings: Settings, start_at: datetime, end_at: datetime) -> list[tuple[Any, ...]]:
    """Second of the interval and of the signal after noon, its value, and the book's offset."""
    span = LakeSpan(settings, start_at=start_at, end_at=end_at)
    noon_us = int(NOON.timestamp()) * 1_000_000
    return [
        (
            (moment.signal.window_start - noon_us) / 1e6,
            (moment.signal.timestamp - noon_us) / 1e6,
            moment.signal.value,
            moment.top.record_id.offset,
        )
        for moment in span.moments()
        if moment.top and moment.top.record_id
    ]


def test_the_first_imbalance_of_each_interval_of_the_span_is_its_signal(settings: Settings) -> None:
    rows = [
        change(-1, 7, venue="gemini", received_s=0),  # before the span
        change(3, 3, venue="gemini", received_s=4),
        change(None, 9, venue="gemini", received_s=10),  # a snapshot: it has no time of the market
        change(9, 9, venue="gemini", received_s=10),  # of the same interval
        change(12, 1, venue="gemini", received_s=12),
        change(5000, 9, venue="gemini", received_s=13),  # far ahead of its receipt
        change(20, 4, venue="gemini", received_s=20),
        change(20, 4, venue="binance", received_s=20),
        change(30, 9, venue="gemini", received_s=30),  # where the span ends
    ]
    write(settings, rows)
    assert measured(settings, NOON, NOON + 30 * S) == [
        (0, 3, D("0.5"), 1),
        (10, 12, 0, 4),
        (20, 20, D("0.6"), 6),
    ]


def test_a_receipt_of_2099_makes_no_time_of_the_future_believed(settings: Settings) -> None:
    future = {"received_time": NOON.replace(year=2099), "kafka_time": NOON + 13 * S}
    rows = [
        change(3, 3, venue="gemini", received_s=4),
        change(5000, 9, venue="gemini", received_s=13) | future,
        change(14, 1, venue="gemini", received_s=13) | future,
        change(20, 4, venue="gemini", received_s=20),
    ]
    write(settings, rows)
    expected = [(0, 3, D("0.5"), 0), (10, 14, 0, 2), (20, 20, D("0.6"), 3)]
    assert measured(settings, NOON, NOON + 6000 * S) == expected


def test_where_a_venues_books_have_no_time_that_of_receipt_stands_for_it(
    settings: Settings,
) -> None:
    venue = {"TICKHOUSE_TRADER_VENUE": "binance"}
    known = {"TICKHOUSE_VAR": str(settings.var), "TICKHOUSE_TRADER_RULE": "imbalance_and_mid"}
    binance = load(known | venue | {"TICKHOUSE_TRADER_SAMPLING_S": "10"})
    rows = [change(None, bids, venue="binance", received_s=s) for s, bids in ((4, 3), (8, 9))]
    write(binance, rows)
    assert measured(binance, NOON, NOON + 30 * S) == [(0, 4, D("0.5"), 0)]
