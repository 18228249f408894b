"""Public clients of Gemini against the simulator, with nothing changed but their addresses.

What they refuse or misread is the simulator's fault. They wait for each answer: each runs in a
thread beside the simulator.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.client_libraries import import_client
from tests.support.services import eventually
from tests.support.simulated_venues import SECRET, simulated_venues

SYMBOLS = ["btcusd", "ethusd", "solusd"]
LOW = "50000.00"


def check_book(book: dict[str, Any]) -> None:
    bids, asks = ([float(row["price"]) for row in book[side]] for side in ("bids", "asks"))
    assert bids == sorted(bids, reverse=True) and asks == sorted(asks) and bids[0] < asks[0]


def next_second() -> None:
    """Wait for the next second: the client's nonces are whole seconds."""
    time.sleep(1.01 - time.time() % 1)


def check_gemini_python(base: str) -> None:
    gemini = import_client("gemini")
    client = gemini.PrivateClient("account-k", SECRET)
    client.public_base_url, client._base_url = f"{base}/v1", base
    assert client.symbols() == SYMBOLS
    ticker = client.get_ticker("btcusd")
    assert 0 < float(ticker["bid"]) < float(ticker["ask"])
    check_book(client.get_current_order_book("btcusd"))
    trades: Any = eventually(lambda: client.get_trade_history("btcusd", "01/01/2020"), every_s=1)
    assert {trade["type"] for trade in trades} <= {"buy", "sell", "auction", "block"}
    assert client.get_auction_history("btcusd")["next_auction_ms"] > time.time() * 1000

    order = client.new_order("btcusd", "0.01", LOW, "buy", [])
    assert [live["order_id"] for live in client.active_orders()] == [order["order_id"]]
    assert client.status_of_order(order["order_id"])["is_live"]
    assert client.cancel_order(order["order_id"])["is_cancelled"]
    bought = client.new_order("btcusd", "0.01", "500000.00", "buy")  # immediate or cancel
    assert not bought["is_live"] and float(bought["executed_amount"]) > 0
    balances = {row["currency"]: float(row["amount"]) for row in client.get_balance()}
    fills = client.get_past_trades("btcusd")
    assert balances["BTC"] == sum(float(fill["amount"]) for fill in fills)
    assert client.get_trade_volume()[0][0]["buy_taker_base"] == balances["BTC"]
    assert client.revive_hearbeat() == {"result": "ok"}


def check_gemini_api(base: str) -> None:
    public = import_client("gemini_api.endpoints.public").Public()
    public.url = f"{base}/v1"
    assert public.get_pairs() == SYMBOLS
    assert public.get_pair_details("BTCUSD")["base_currency"] == "BTC"
    prices = public.get_ticker_prices("btcusd")
    assert float(prices["low"]) <= float(prices["close"]) <= float(prices["high"])
    times = [candle[0] for candle in public.get_candles("btcusd", "1m")]
    assert len(times) > 100 and times == sorted(set(times), reverse=True)
    check_book(public.get_order_book("btcusd"))
    assert [row["pair"] for row in public.get_price_feed()] == [name.upper() for name in SYMBOLS]

    key = import_client("gemini_api.authentication").Authentication("account-k", SECRET)
    key._url = base
    orders = import_client("gemini_api.endpoints.order").Order
    fees = import_client("gemini_api.endpoints.fee_volume").FeeVolume
    funds = import_client("gemini_api.endpoints.fund_management").FundManagement
    order = orders.new_order(key, "btcusd", "0.01", LOW, "buy", client_order_id="mine")
    next_second()
    assert orders.order_status(key, order.order_id, True).client_order_id == "mine"
    next_second()
    assert orders.cancel_order(key, order.order_id).is_cancelled
    next_second()
    balances = {row.currency: row.amount for row in funds.get_available_balances(key)}
    assert float(balances["USD"]) == 10_000
    next_second()
    worth = {row.currency: row.amount_notional for row in funds.get_notional_balances(key, "usd")}
    assert float(worth["USD"]) == 10_000
    next_second()
    volume = fees.get_notional_volume(key)
    assert (volume.web_maker_fee_bps, volume.notional_30d_volume) == (40, 0)
    key._private_key = "wrong"
    assert orders.revive_heartbeat(key).reason == "InvalidSignature"


def check_geminipy(base: str) -> None:
    client = import_client("geminipy").Geminipy("account-k", SECRET)
    client.base_url = base
    assert client.symbols().json() == SYMBOLS
    book = client.book("btcusd", limit_bids=2, limit_asks=3).json()
    check_book(book)
    assert (len(book["bids"]), len(book["asks"])) == (2, 3)
    check_book(client.book().json())  # it asks for 0 levels of each side: all
    assert len(client.trades(limit_trades=3).json()) <= 3
    kinds = {past["event_type"] for past in client.auction_history().json()}
    assert kinds == {"auction", "indicative"}
    order = client.new_order("0.01", LOW, "buy", client_order_id="mine").json()
    assert client.order_status(order["order_id"]).json()["client_order_id"] == "mine"
    gone = client.cancel_all().json()
    assert gone["details"]["cancelledOrders"] == [int(order["order_id"])]
    assert client.active_orders().json() == [] and client.past_trades().json() == []
    assert client.fees().json()["api_taker_fee_bps"] == 40
    refused = client.newAddress().json()
    assert refused["reason"] == "EndpointUnavailableInThisEnvironment"


def check_geminitools(base: str) -> None:
    client = import_client("geminitools.gem").Gem(base, "account-k", SECRET)
    ask = client.get_ticker_price("BTCUSD")
    assert client.convert_cost_to_asset_amount("btcusd", 100) == pytest.approx(100 / ask, rel=0.01)
    order = client.place_amount_buy_order("BTCUSD", 0.01, 500_000.0)
    assert order["side"] == "buy" and not order["is_live"]
    assert float(order["executed_amount"]) + float(order["remaining_amount"]) == 0.01


CHECKS = (check_gemini_python, check_gemini_api, check_geminipy, check_geminitools)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_a_public_client_reads_orders_and_cancels(check: Callable[[str], None]) -> None:
    async with simulated_venues() as (_, base):
        await asyncio.to_thread(check, base)


def follow_market(base: str) -> None:
    gemini = import_client("gemini")
    market, book = gemini.MarketDataWS("btcusd"), gemini.GeminiOrderBook("btcusd")
    for socket in (market, book):
        socket.base_url = f"{base.replace('http', 'ws')}/v1/marketdata/btcusd"
        socket.start()
    try:
        eventually(lambda: market.trades and book.bids and book.asks)
    finally:
        for socket in (market, book):
            socket.close()
    assert {trade["makerSide"] for trade in market.trades} <= {"bid", "ask"}
    assert all(float(trade["price"]) > 0 for trade in market.trades)


def follow_orders(base: str) -> None:
    gemini = import_client("gemini")
    client = gemini.PrivateClient("account-k", SECRET)
    client.public_base_url, client._base_url = f"{base}/v1", base
    events = gemini.OrderEventsWS("account-k", SECRET)
    events.base_url = f"{base.replace('http', 'ws')}/v1/order/events"
    events.start()
    try:
        eventually(lambda: events.order_book["subscription_ack"])
        order = client.new_order("btcusd", "0.01", LOW, "buy", [])
        client.cancel_order(order["order_id"])
        eventually(lambda: events.order_book["closed"])
    finally:
        events.close()
    for kind in ("accepted", "booked", "cancelled", "closed"):
        assert [event["order_id"] for event in events.order_book[kind]] == [order["order_id"]]


@pytest.mark.parametrize("follow", [follow_market, follow_orders], ids=lambda f: f.__name__)
async def test_gemini_python_follows_its_websockets(follow: Callable[[str], None]) -> None:
    async with simulated_venues() as (_, base):
        await asyncio.to_thread(follow, base)
