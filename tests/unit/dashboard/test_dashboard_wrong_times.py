"""A record of another age moves no clock, ages nothing and makes nothing live."""

import json
from decimal import Decimal
from typing import Any

import pytest

from include.bus import Record
from include.market import wire
from include.market.events import BookChange, Event, Message, Quote, Ticker, Top, Trade
from include.market.time import SECOND_US
from include.market.wire import Topic
from streaming.dashboard.sources.records import apply_record
from streaming.dashboard.state import DashboardState

NOW = 1_800_000_000
Y2099 = 4_070_908_800
OTHER_AGES = [Y2099, NOW + 72_000, 0]
D = Decimal


def trade(at: int) -> Trade:
    return Trade(f"t{at}", D(100), D(1), "buy", at * SECOND_US)


def message(kind: str, event: Event, *, venue_at: int | None, received: int = NOW) -> Message:
    venue_us = None if venue_at is None else venue_at * SECOND_US
    top = Top(D(1), D(1), D(2), D(1)) if kind == "book" else None
    us = received * SECOND_US
    return Message("gemini", "BTC-USD", kind, "c", None, venue_us, us, (event,), top)


def record(one: Message, *, stamped: int = NOW) -> Record:
    return Record(wire.choose_topic(one), 0, 0, stamped * 1000, b"", wire.encode(one))


def signal(kind: str, at: int) -> Record:
    body: dict[str, Any] = {"v": 1, "venue": "gemini", "symbol": "BTC-USD", "type": kind}
    us = at * SECOND_US
    body |= {"value": "0.5", "timestamp": us, "window_start": us, "received_time": us}
    return Record(Topic.SIGNALS, 0, 0, NOW * 1000, b"", json.dumps(body).encode())


def wrong_records(at: int) -> list[Record]:
    change = BookChange("bid", D(1), D(1))
    return [
        record(message("trade", trade(at), venue_at=at, received=at)),
        record(message("trade", trade(at), venue_at=NOW)),
        record(message("ticker", Ticker(last=D(9)), venue_at=at, received=at)),
        record(message("book", change, venue_at=at, received=at)),
        *[signal(kind, at) for kind in ("price_volume", "bid", "mid_price", "imbalance", "jump")],
    ]


@pytest.mark.parametrize("at", OTHER_AGES)
def test_a_time_that_its_record_cannot_hold_is_counted_and_shown_nowhere(at: int) -> None:
    state = DashboardState(keep_s=60)
    apply_record(state, record(message("trade", trade(NOW), venue_at=NOW)))
    wrong = wrong_records(at)
    for one in wrong:
        apply_record(state, one)
    series = state.series_of("gemini", "BTC-USD")
    assert state.clock_us == NOW * SECOND_US
    assert series.prices.select(0, 2 * Y2099) == [(NOW, 100.0)]
    assert list(series.minutes.flows) == [NOW // 60]
    lines = (series.tops, series.ratios, series.mids, series.imbalances, series.jumps)
    assert [len(line) for line in lines] == [0] * 5
    assert state.unreadable == len(wrong)


@pytest.mark.parametrize("at", [Y2099, NOW + 72_000])
def test_a_quote_of_a_wrong_clock_counts_when_kafka_got_it(at: int) -> None:
    state = DashboardState(keep_s=60)
    quote = Quote(price=D(7), currency="USD")
    apply_record(state, record(message("quote", quote, venue_at=None, received=at)))
    assert state.series_of("gemini", "BTC-USD").prices.select(0, 2 * Y2099) == [(NOW, 7.0)]
    assert state.clock_us == NOW * SECOND_US


@pytest.mark.parametrize("stamped", [Y2099, NOW + 72_000, -1, 0])
def test_a_wrong_stamp_makes_no_dead_feed_live(stamped: int) -> None:
    state = DashboardState(keep_s=60)
    wrong = message("trade", trade(NOW - 900), venue_at=NOW - 900, received=NOW - 900)
    apply_record(state, record(wrong, stamped=stamped), now_s=NOW)
    assert state.frames_seen_s == {"gemini": NOW - 900}
    assert state.clock_seen_s == NOW - 900
    assert state.series_of("gemini", "BTC-USD").price_seen_s == NOW - 900
