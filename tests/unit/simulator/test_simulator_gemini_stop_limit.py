"""Stop-limit orders at the simulated Gemini: refused, waiting, triggered, cancelled."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from streaming.simulator.clock import Clock
from streaming.simulator.gemini_account import GeminiAccount
from streaming.simulator.gemini_market import GeminiMarket, MarketUpdate
from streaming.simulator.gemini_parameters import GeminiError
from streaming.simulator.order_book import OrderBook
from streaming.simulator.price_path import make_paths
from tests.support.simulated_gemini import ORDER, post_gemini
from tests.support.simulated_venues import simulated_venues

D = Decimal
NOW_S = 1_790_000_400


class World:
    """An account, its market, and its order events."""

    def __init__(self) -> None:
        book = OrderBook(make_paths(7)["BTC-USD"], seed=7)
        clock = Clock(lambda: NOW_S * 1_000_000)
        self.market = GeminiMarket("btcusd", book, speed=1.0, clock=clock)
        self.account = GeminiAccount(self.market)
        self.account.balances["BTC"] = D(1)
        self.events: asyncio.Queue[MarketUpdate | bytes] = asyncio.Queue()
        self.account.listeners.add(self.events)

    def place(self, side: str, **fields: str | list[str]) -> dict[str, Any]:
        order = {"symbol": "btcusd", "amount": "0.01", "side": side, "type": "exchange stop limit"}
        return self.account.place(order | fields)

    def trade_at(self, price: Decimal) -> None:
        """The market's last price becomes this, and the account sees it."""
        self.market.book.last = price
        for watcher in self.market.watchers:
            watcher()

    def kinds(self) -> list[str]:
        events = []
        while not self.events.empty():
            update = self.events.get_nowait()
            assert not isinstance(update, bytes)
            events += [str(event["type"]) for event in update.events]
        return events


@pytest.mark.parametrize(("side", "step"), [("buy", D(1)), ("sell", D(-1))])
def test_a_stop_limit_order_waits_for_its_stop_price_then_takes(side: str, step: Decimal) -> None:
    world = World()
    last = world.market.book.last
    stop, limit = last + 50 * step, last + 60 * step
    order = world.place(side, price=f"{limit}", stop_price=f"{stop}")
    assert (order["type"], order["stop_price"], order["is_live"]) == ("stop-limit", f"{stop}", True)
    world.trade_at(stop - step)
    assert (order["executed_amount"], world.kinds()) == ("0", ["accepted"])
    world.trade_at(stop)
    assert not order["is_live"] and order["remaining_amount"] == "0.00"
    assert world.kinds() == ["fill", "closed"]
    (fill,) = world.account.trades
    assert fill["aggressor"] is True


def test_one_whose_limit_is_not_reached_rests_in_the_book_and_one_may_be_cancelled() -> None:
    world = World()
    last = world.market.book.last
    waiting = world.place("sell", price=f"{last + 900}", stop_price=f"{last + 900}")
    assert waiting["is_live"] and world.kinds() == ["accepted", "booked"]  # triggered at once
    other = world.place("buy", price=f"{last - 900}", stop_price=f"{last - 900}")
    assert other["is_live"] and world.kinds() == ["accepted", "booked"]
    third = world.place("sell", price=f"{last - 50}", stop_price=f"{last - 50}")
    world.account.end(third, "Requested")
    world.trade_at(last - 100)
    assert third["executed_amount"] == "0" and third["is_cancelled"]


def test_a_waiting_order_holds_its_funds() -> None:
    world = World()
    last = world.market.book.last
    before = world.account.available_balance("USD")
    world.place("buy", price=f"{last + 60}", stop_price=f"{last + 50}")
    held = D("0.01") * (last + 60) * D("1.004")
    assert before - world.account.available_balance("USD") == held


async def test_rest_places_and_shows_one_that_waits() -> None:
    stop = ORDER | {"type": "exchange stop limit", "price": "900000.00"}
    async with simulated_venues() as (session, base):
        placed = stop | {"stop_price": "900000.00", "amount": "0.001"}
        status, order = await post_gemini(session, base, "/v1/order/new", **placed)
        assert (status, order["type"], order["executed_amount"]) == (200, "stop-limit", "0")
        _, live = await post_gemini(session, base, "/v1/orders")
        assert live == [order]
        status, refused = await post_gemini(session, base, "/v1/order/new", **stop)
    assert (status, refused["reason"]) == (400, "MissingOrderField")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({}, "MissingOrderField"),
        ({"stop_price": "x"}, "InvalidStopPrice"),
        ({"stop_price": "70001"}, "InvalidStopPriceBuy"),
        ({"stop_price": "30000"}, "InvalidStopPriceRatio"),
        ({"stop_price": "69000", "margin_order": True}, "UnsupportedOption"),
        ({"stop_price": "1", "options": ["fill-or-kill"] * 2}, "ConflictingOptions"),
        ({"stop_price": "69000", "options": ["fill-or-kill"]}, "UnsupportedOption"),
    ],
)
def test_what_is_no_stop_limit_order_is_refused(fields: dict[str, Any], reason: str) -> None:
    with pytest.raises(GeminiError) as refused:
        World().place("buy", price="70000", **fields)
    assert (refused.value.status, refused.value.reason) == (400, reason)
