"""A backtest knows the prices of the day before its first decision, as the running trader does."""

import math
from datetime import UTC, datetime, timedelta
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from include.market.events import BookChange, Message, Top
from include.market.volatility import DayOfPrices
from include.settings import Settings, load
from include.trading.decided_prices import decided_prices
from include.trading.decision_log import log_line
from include.trading.inputs import read
from streaming.trader.config import TraderConfig
from streaming.trader.rehearsal.lake import LakeSpan
from streaming.trader.rehearsal.rehearse import Step, rehearse
from tests.support.recorded_world import MONEY, QUANTITY, STAMP, book_rows, put

START, MINUTE = datetime(2018, 4, 24, 5, tzinfo=UTC), timedelta(minutes=1)
MIDDLE, END = START + 100 * MINUTE, START + 130 * MINUTE
START_US = int(START.timestamp()) * 1_000_000
BOOK = {
    "venue_time": STAMP,
    "received_time": STAMP,
    "price": MONEY,
    "remaining": QUANTITY,
    "venue_event_id": pa.int64(),
    "top_bid": MONEY,
    "top_bid_quantity": QUANTITY,
    "top_ask": MONEY,
    "top_ask_quantity": QUANTITY,
}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A lake of 130 minutes of a moving price, a ratio that forbids to buy, and a forecast."""
    found = load({"TICKHOUSE_VAR": str(tmp_path / "var"), "TICKHOUSE_FORECAST_STALE_HOURS": "999"})
    rows: list[dict[str, Any]] = []
    for number in range(130 * 3 + 2):
        time_us = START_US + number * 20_000_000
        bid = D(9000) + D(round(40 * math.sin(number / 7)))
        change = BookChange("bid", bid, D(1), venue_event_id=number, reason="place")
        top = Top(bid, D(1), bid + 1, D(1))
        message = Message(
            "gemini", "BTC-USD", "book", "c", None, time_us, time_us + 9, (change,), top
        )
        rows += book_rows(number, message)
    put(found.lake, "book_changes", rows, BOOK)
    windows = [START + n * MINUTE for n in range(130)]
    of_window = {"venue": "gemini", "symbol": "BTC-USD", "type": "price_volume", "value": D(9)}
    signals = [of_window | {"window_start": at, "timestamp": at + MINUTE} for at in windows]
    types = {"value": pa.decimal128(38, 12), "window_start": STAMP, "timestamp": STAMP}
    put(found.lake, "signals", signals, types)
    forecast = {
        "forecast_id": "f",
        "symbol": "BTC-USD",
        "side": "buy",
        "yhat": 9000.0,
        "yhat_lower": 8900.0,
        "yhat_upper": 9100.0,
        "trained_until": START - MINUTE,
        "last_price": 9000.0,
        "volatility": 0.5,
    }
    points = [forecast | {"ds": START + n * MINUTE} for n in range(300)]
    put(found.lake, "forecasts", points, {"ds": STAMP, "trained_until": STAMP})
    return found


def backtested(settings: Settings, start: datetime) -> list[Step]:
    span = LakeSpan(settings, start_at=start, end_at=END)
    config, earlier = TraderConfig.from_settings(settings), span.recent_prices()
    return list(rehearse(span.moments(), config, in_force=span.in_force, recent_prices=earlier))


def lines(steps: list[Step]) -> list[str]:
    """Decisions without the numbers of signals' records, which begin anew with each backtest."""
    return [log_line(step.decision).split('"record_id"')[0] for step in steps]


def volatilities(steps: list[Step]) -> list[float]:
    anchors = [read(step.decision.inputs).forecast.anchor for step in steps]
    return [anchor.volatility for anchor in anchors if anchor]


def put_decisions(settings: Settings, steps: list[Step]) -> None:
    decisions = [
        {
            "venue": "gemini",
            "symbol": "BTC-USD",
            "rule": step.decision.rule,
            "window_start": datetime.fromtimestamp(step.decision.window_start // 1_000_000, UTC),
            "inputs": step.decision.inputs,
            "bid": step.decision.bid,
            "ask": step.decision.ask,
            "reasons": step.decision.reasons,
        }
        for step in steps
    ]
    put(settings.lake, "decisions", decisions, {"window_start": STAMP, "bid": MONEY, "ask": MONEY})


def test_a_backtest_from_the_middle_decides_as_one_from_the_beginning(settings: Settings) -> None:
    whole = backtested(settings, START)
    assert volatilities(whole)[0] == 0.5  # the published one: nothing was before
    assert volatilities(whole)[100] < 0.01
    later = backtested(settings, MIDDLE)
    assert len(later) == 30
    assert volatilities(later) == volatilities(whole)[100:]
    assert lines(later) == lines(whole)[100:]


def test_where_the_trader_ran_its_own_prices_count(settings: Settings) -> None:
    """It began at the thirtieth minute: in the hundredth it knew seventy."""
    whole = backtested(settings, START)
    trader = rehearse(
        LakeSpan(settings, start_at=START + 30 * MINUTE, end_at=END).moments(),
        TraderConfig.from_settings(settings),
        in_force=LakeSpan(settings, start_at=START, end_at=END).in_force,
    )
    ran = list(trader)
    put_decisions(settings, ran)
    later = backtested(settings, MIDDLE)
    assert volatilities(later) == volatilities(ran)[70:]
    assert volatilities(later) != volatilities(whole)[100:]
    assert lines(later) == lines(ran)[70:]
    assert volatilities(backtested(settings, START + 30 * MINUTE)) == volatilities(ran)
    # and a trader that is restarted there remembers the same
    rows = [
        (s.decision.inputs, s.decision.bid or D(0), s.decision.ask or D(0), s.decision.reasons)
        for s in ran[:70]
    ]
    remembered = decided_prices(rows, venue="gemini", symbol="BTC-USD")
    span = LakeSpan(settings, start_at=MIDDLE, end_at=END)
    assert DayOfPrices(span.recent_prices()).volatility() == remembered.volatility()
