"""Off by one in the trader: two tops at one instant, a cent between account and journal."""

import json
from decimal import Decimal as D
from typing import Any

import pytest

from include.bus import Record
from include.errors import OrderRefused
from include.market import wire
from include.market.events import Message, Top
from include.market.wire import Topic
from include.trading.account import Account
from streaming.trader.brokers.gemini import GeminiBroker
from streaming.trader.followers.window_signals import WindowSignals
from streaming.trader.followers.windows import WindowFollower

KEY, S = b"gemini|BTC-USD", 1_000_000


def book(offset: int, venue_time: int, bid: int) -> Record:
    top = Top(bid=D(bid), bid_quantity=D(1), ask=D(bid + 1), ask_quantity=D(1))
    message = Message("gemini", "BTC-USD", "book", "c", None, venue_time, 0, (), top)
    return Record(Topic.BOOK, 0, offset, 0, KEY, wire.encode(message))


def signal(end: int) -> Record:
    body = {
        "v": 1,
        "venue": "gemini",
        "symbol": "BTC-USD",
        "type": "price_volume",
        "value": "1.5",
        "timestamp": end,
        "window_start": end - 60 * S,
    }
    return Record(Topic.SIGNALS, 0, 0, 0, KEY, json.dumps(body).encode())


@pytest.mark.parametrize("at", [59 * S, 60 * S])
def test_of_two_tops_at_one_instant_the_last_counts(at: int) -> None:
    signals = WindowSignals(
        venue="gemini", symbol="BTC-USD", window_us=60 * S, delay_us=10 * S, last_window=-1
    )
    follower = WindowFollower(
        signals, key=KEY, end_offsets=lambda: {(Topic.BOOK, 0): 9}, depth=None
    )
    for record in (book(0, at, 1), book(1, at, 2), book(2, 61 * S, 3), signal(60 * S)):
        follower.take(record)
    moment = follower.next({(Topic.BOOK, 0): 10, (Topic.SIGNALS, 0): 10})
    assert moment is not None and moment.top is not None and moment.top.best is not None
    assert moment.top.best.bid == 2


class Venue:
    """Has no open order, and these balances."""

    def __init__(self, quote: str) -> None:
        self.quote = quote

    def call(self, path: str, **_fields: Any) -> Any:
        if path.endswith("/orders"):
            return []
        return [{"currency": "BTC", "amount": "0"}, {"currency": "USD", "amount": self.quote}]


@pytest.mark.parametrize("quote", ["99.99", "100.01"])
def test_a_cent_of_rounding_may_lie_between_account_and_journal(quote: str) -> None:
    broker = GeminiBroker(Venue(quote), symbol="BTC-USD", sleep=lambda _: None)  # type: ignore[arg-type]
    assert broker.reconcile(Account(quote=D(100)), new=False).quote == D(quote)


@pytest.mark.parametrize("quote", ["99.98", "100.02", "100.9"])
def test_two_cents_may_not(quote: str) -> None:
    broker = GeminiBroker(Venue(quote), symbol="BTC-USD", sleep=lambda _: None)  # type: ignore[arg-type]
    with pytest.raises(OrderRefused, match="the journal has"):
        broker.reconcile(Account(quote=D(100)), new=False)
