"""Public client libraries against the simulator, with nothing changed but their base URLs.

What ccxt and python-binance refuse is the simulator's fault.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import ccxt.async_support as ccxt
import ccxt.pro as streamed
import pytest
from aiohttp.test_utils import TestServer
from binance import AsyncClient, BinanceSocketManager
from binance.exceptions import BinanceAPIException
from binance.ws.reconnecting_websocket import ReconnectingWebsocket

from include.settings import load
from streaming.simulator.__main__ import make_application

KEYS = {
    "TICKHOUSE_VENUES_GEMINI_KEY": "account-k",
    "TICKHOUSE_VENUES_GEMINI_SECRET": "for-tests-only",
    "TICKHOUSE_VENUES_DERIBIT_KEY": "account-k",
    "TICKHOUSE_VENUES_DERIBIT_SECRET": "for-tests-only",
    "TICKHOUSE_SIMULATOR_BINANCE_KEY": "account-k",
    "TICKHOUSE_SIMULATOR_BINANCE_SECRET": "for-tests-only",
}
# what each account starts with, the fee of a taker, and a size every venue takes
FACTS: dict[str, tuple[str, str, dict[str, float], float]] = {
    "gemini": ("BTC/USD", "USD", {"USD": 10_000, "BTC": 0}, 0.01),
    "binance": ("BTC/USDT", "USDT", {"USDT": 10_000, "BTC": 1, "ETH": 10}, 0.01),
    "deribit": ("BTC/USD:BTC", "BTC", {"BTC": 1}, 10),
}


@asynccontextmanager
async def client_of(venue: str, library: Any = ccxt) -> AsyncIterator[Any]:
    async with TestServer(make_application(load(KEYS))) as server:
        base = str(server.make_url("")).rstrip("/")
        options = {"fetchMarkets": {"types": ["spot"]}} if venue == "binance" else {}
        client = getattr(library, venue)(
            {
                "apiKey": "account-k",
                "secret": "for-tests-only",
                "options": options,
                "enableRateLimit": False,
            }
        )
        client.urls["api"] = {name: moved(url, base) for name, url in client.urls["api"].items()}
        try:
            yield client
        finally:
            await client.close()


def moved(url: Any, base: str) -> Any:
    """The URL with the simulator's scheme, host and port."""
    if isinstance(url, dict):
        return {name: moved(part, base) for name, part in url.items()}
    scheme, _, address = str(url).partition("://")
    path = "/" + address.partition("/")[2] if "/" in address else ""
    return (base.replace("http", "ws") if scheme == "wss" else base) + path


@pytest.mark.parametrize("venue", FACTS)
async def test_ccxt_reads_markets_prices_books_and_trades(venue: str) -> None:
    symbol = FACTS[venue][0]
    async with client_of(venue) as client:
        markets = await client.load_markets()
        assert symbol in markets and markets[symbol]["precision"]["price"] in {0.01, 0.5}
        ticker = await client.fetch_ticker(symbol)
        assert 0 < ticker["bid"] < ticker["ask"]
        book = await client.fetch_order_book(symbol)
        bids, asks = [row[0] for row in book["bids"]], [row[0] for row in book["asks"]]
        assert bids == sorted(bids, reverse=True) and asks == sorted(asks) and bids[0] < asks[0]
        assert abs(ticker["last"] / bids[0] - 1) < 0.01
        candles = await client.fetch_ohlcv(symbol, "1m")
        times = [row[0] for row in candles]
        assert len(times) > 100 and times == sorted(set(times))
        assert all(low <= min(o, c) <= max(o, c) <= high for _, o, high, low, c, _ in candles)
        trades = await client.fetch_trades(symbol)
        assert all(row["side"] in {"buy", "sell"} and row["price"] > 0 for row in trades)


@pytest.mark.parametrize("venue", FACTS)
async def test_ccxt_orders_cancels_and_its_money_adds_up(venue: str) -> None:
    symbol, quote, begins, amount = FACTS[venue]
    async with client_of(venue) as client:
        await client.load_markets()
        balance = await client.fetch_balance()
        assert {name: balance["total"][name] for name in begins} == begins
        ask = (await client.fetch_order_book(symbol))["asks"][0][0]
        low, high = round(ask * 0.9), round(ask * 1.01)
        order = await client.create_order(symbol, "limit", "buy", amount, low)
        open_orders = await client.fetch_open_orders(symbol)
        assert [fill["id"] for fill in open_orders] == [order["id"]]
        free_before = (await client.fetch_balance())["free"][quote]
        assert free_before < begins[quote]
        await client.cancel_order(order["id"], symbol)
        after = await client.fetch_order(order["id"], symbol)
        assert after["status"] == "canceled" and after["filled"] == 0
        assert (await client.fetch_balance())["free"][quote] == begins[quote]
        bought = await client.create_order(symbol, "limit", "buy", amount, high)
        bought = await client.fetch_order(bought["id"], symbol)
        assert bought["status"] == "closed" and bought["filled"] == amount
        assert bought["average"] <= high
        fills = await client.fetch_my_trades(symbol)
        assert sum(fill["amount"] for fill in fills) == pytest.approx(amount)
        fees = sum(fill["fee"]["cost"] for fill in fills if fill["fee"]["currency"] == quote)
        spent = 0.0 if venue == "deribit" else sum(fill["cost"] for fill in fills)
        total_after = (await client.fetch_balance())["total"][quote]
        assert total_after == pytest.approx(begins[quote] - spent - fees, abs=2e-6)


@pytest.mark.parametrize("venue", FACTS)
async def test_ccxt_maps_each_refusal_to_its_own_error(venue: str) -> None:
    symbol, _, _, amount = FACTS[venue]
    async with client_of(venue) as client:
        await client.load_markets()
        with pytest.raises(ccxt.InsufficientFunds):
            await client.create_order(symbol, "limit", "buy", amount * 1e6, 60_000)
        with pytest.raises(ccxt.OrderNotFound):
            await client.cancel_order("123456", symbol)
        client.secret = "wrong"
        with pytest.raises(ccxt.AuthenticationError):
            await client.fetch_balance()


@pytest.mark.parametrize("venue", ["gemini", "deribit"])
async def test_ccxt_maps_a_limit_that_was_passed_to_its_own_error(venue: str) -> None:
    async with client_of(venue) as client:
        await client.load_markets()
        asks = (client.fetch_ticker(FACTS[venue][0]) for _ in range(200))
        answers = await asyncio.gather(*asks, return_exceptions=True)
        refused = [answer for answer in answers if isinstance(answer, BaseException)]
        assert refused and len(refused) < 150
        assert {type(answer) for answer in refused} <= {ccxt.RateLimitExceeded, ccxt.DDoSProtection}


@pytest.mark.parametrize("venue", FACTS)
async def test_ccxt_follows_books_and_trades_over_the_websocket(venue: str) -> None:
    symbol = FACTS[venue][0]
    async with client_of(venue, streamed) as client:
        await client.load_markets()
        for _ in range(4):
            book = await client.watch_order_book(symbol)
            assert book["bids"][0][0] < book["asks"][0][0]
        (trade, *_) = await client.watch_trades(symbol)
        assert trade["price"] > 0 and trade["symbol"] == symbol


async def test_ccxt_keeps_binances_book_as_rest_serves_it() -> None:
    async with client_of("binance", streamed) as client:
        await client.load_markets()
        compared = 0
        for _ in range(8):
            book = await client.watch_order_book("BTC/USDT")
            rest_book = await client.fetch_order_book("BTC/USDT", 500)
            if compared < 2 and book["nonce"] == rest_book["nonce"]:
                assert list(map(list, book["bids"])) == rest_book["bids"]
                assert list(map(list, book["asks"])) == rest_book["asks"]
                compared += 1
        assert compared == 2


async def test_ccxt_follows_binances_tickers_and_candles() -> None:
    async with client_of("binance", streamed) as client:
        await client.load_markets()
        pair = ["BTC/USDT", "ETH/USDT"]
        best = (await client.watch_bids_asks(pair[:1]))["BTC/USDT"]
        tickers = [await client.watch_ticker(market) for market in pair]
        assert tickers[0]["last"] == pytest.approx(best["bid"], rel=0.01)
        assert [market["low"] <= market["last"] <= market["high"] for market in tickers] == [
            True,
            True,
        ]
        candles = [await client.watch_ohlcv("BTC/USDT", "1m") for _ in range(2)]
        at, opened, high, low, closed, volume = candles[-1][-1]
        assert at % 60_000 == 0 and low <= min(opened, closed) <= max(opened, closed) <= high
        assert volume > 0


async def test_python_binance_reads_orders_and_cancels(monkeypatch: pytest.MonkeyPatch) -> None:
    async with TestServer(make_application(load(KEYS))) as server:
        monkeypatch.setattr(AsyncClient, "API_URL", f"{server.make_url('/')}api")
        client = await AsyncClient.create("account-k", "for-tests-only")
        try:
            info = await client.get_symbol_info("BTCUSDT")
            assert info and info["baseAsset"] == "BTC"
            depth = await client.get_order_book(symbol="BTCUSDT", limit=5)
            assert len(depth["bids"]) == 5
            ask = Decimal(depth["asks"][0][0])
            order = await client.order_limit_buy(
                symbol="BTCUSDT", quantity="0.01", price=f"{ask * Decimal('0.9'):.2f}"
            )
            assert order["status"] == "NEW"
            gone = await client.cancel_order(symbol="BTCUSDT", orderId=order["orderId"])
            assert gone["status"] == "CANCELED"
            usdt = await client.get_asset_balance(asset="USDT")
            assert usdt and Decimal(usdt["free"]) == 10_000
            with pytest.raises(BinanceAPIException) as refused:
                await client.get_order(symbol="BTCUSDT", orderId=77)
            assert refused.value.code == -2013
        finally:
            await client.close_connection()


async def test_python_binance_follows_trades_over_the_websocket(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with TestServer(make_application(load(KEYS))) as server:
        url = str(server.make_url("/"))
        monkeypatch.setattr(AsyncClient, "API_URL", f"{url}api")
        monkeypatch.setattr(BinanceSocketManager, "STREAM_URL", url.replace("http", "ws"))
        client = await AsyncClient.create()
        try:
            sockets: Any = BinanceSocketManager(client)
            stream: ReconnectingWebsocket
            async with sockets.aggtrade_socket("BTCUSDT") as stream:
                numbers = [(await stream.recv())["a"] for _ in range(3)]
            assert numbers == list(range(numbers[0], numbers[0] + 3))
            async with sockets.multiplex_socket(["btcusdt@aggTrade", "ethusdt@ticker"]) as stream:
                streams = {(await stream.recv())["stream"] for _ in range(4)}
            assert streams == {"btcusdt@aggTrade", "ethusdt@ticker"}
        finally:
            await client.close_connection()
