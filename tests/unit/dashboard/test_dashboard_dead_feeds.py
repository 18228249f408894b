"""A feed that has died is shown as that, whatever else comes of its venue."""

import re
from decimal import Decimal as D

import pytest

from include.bus import Record
from include.market import wire
from include.market.events import Event, LedgerEntry, Message, Quote, Trade
from include.market.time import SECOND_US
from include.settings import load
from streaming.dashboard.context import PanelContext
from streaming.dashboard.panels import status
from streaming.dashboard.sources.records import apply_record
from streaming.dashboard.state import DashboardState

NOW = 1_763_712_000
DIED = NOW - 900
FEED, POLLED, REFILL = f"gemini-{DIED}000000-1", f"quotes-{DIED}000000-quotes", f"heal-{NOW}000000"
QUOTE, TRADE = Quote(D(7), "USD"), Trade("1", D(7), D(1), "buy", DIED * SECOND_US)
CONNECT = LedgerEntry("connect", "start")


def take(
    state: DashboardState,
    event: Event,
    *,
    conn: str,
    venue: str = "gemini",
    received: int = NOW,
    stamped: int = NOW,
) -> None:
    kinds = {Quote: "quote", Trade: "trade", LedgerEntry: "ledger"}
    us = received * SECOND_US
    message = Message(venue, "BTC-USD", kinds[type(event)], conn, None, None, us, (event,))
    record = Record(wire.choose_topic(message), 0, 0, stamped * 1000, b"", wire.encode(message))
    apply_record(state, record, now_s=NOW)


def tile_of(state: DashboardState, venue: str = "gemini") -> str:
    context = PanelContext(load({}), state, "BTC-USD", minutes=5, now_s=NOW)
    (value,) = re.findall(
        rf'Feed {venue}</span><span class="figure">(\w+)<', status.compute(context).html
    )
    return str(value)


@pytest.fixture
def state() -> DashboardState:
    """Gemini's feed was killed a quarter of an hour ago: its ledger has no end."""
    state = DashboardState(keep_s=60)
    take(state, CONNECT, conn=FEED, received=DIED, stamped=DIED)
    take(state, TRADE, conn=FEED, received=DIED, stamped=DIED)
    return state


def test_polled_prices_make_no_dead_feed_live(state: DashboardState) -> None:
    take(state, CONNECT, conn=POLLED, received=DIED, stamped=DIED)
    take(state, QUOTE, conn=POLLED)
    assert tile_of(state) == "stale"


def test_refilled_trades_make_no_dead_feed_live(state: DashboardState) -> None:
    take(state, TRADE, conn=REFILL)
    assert tile_of(state) == "stale"


def test_what_a_spool_held_back_is_as_old_as_its_receipt(state: DashboardState) -> None:
    take(state, TRADE, conn=FEED, received=DIED + 60, stamped=NOW)
    assert tile_of(state) == "stale"
    assert state.series_of("gemini", "BTC-USD").price_seen_s == DIED + 60
    take(state, TRADE, conn=FEED)
    assert tile_of(state) == "live"


@pytest.mark.parametrize("venue", ["gemini", "kraken"])
def test_where_prices_are_only_polled_they_are_what_is_live(venue: str) -> None:
    state = DashboardState(keep_s=60)
    take(state, CONNECT, conn=POLLED, venue=venue)
    take(state, QUOTE, conn=POLLED, venue=venue)
    assert tile_of(state, venue) == "live"
