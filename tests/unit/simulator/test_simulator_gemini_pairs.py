"""Every pair of the simulated Gemini: each address answers for it, and for it alone."""

import asyncio
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from aiohttp import ClientSession, ClientWebSocketResponse

from streaming.simulator.gemini_calls import PUBLIC, GeminiCall
from tests.support.simulated_gemini import ORDER, post_gemini
from tests.support.simulated_venues import simulated_venues

D = Decimal
# base, a price that takes, a price that rests, the smallest order, below which none is taken
PAIRS = {
    "btcusd": ("BTC", "1000000", "1000", "0.00001"),
    "ethusd": ("ETH", "100000", "10", "0.001"),
    "solusd": ("SOL", "10000", "1", "0.01"),
}
LEVELS = {"btcusd": (20_000, 250_000), "ethusd": (700, 11_000), "solusd": (40, 600)}
BY_SYMBOL = [call for call in PUBLIC if "{symbol}" in call.path]


async def get(session: ClientSession, url: str) -> Any:
    async with session.get(url) as reply:
        assert reply.status == 200, await reply.text()
        return await reply.json()


async def read(socket: ClientWebSocketResponse) -> Any:
    async with asyncio.timeout(10):
        return await socket.receive_json()


def prices_of(answer: Any) -> list[float]:
    """Every price that an answer has, wherever it is."""
    names = {"price", "bid", "ask", "last", "open", "close", "high", "low", "collar_price"}
    if isinstance(answer, dict):
        own = [float(value) for name, value in answer.items() if name in names]
        return own + [price for value in answer.values() for price in prices_of(value)]
    if isinstance(answer, list):
        return [price for value in answer for price in prices_of(value)]
    return []


@pytest.mark.parametrize("call", BY_SYMBOL, ids=lambda call: call.path)
async def test_an_address_with_a_symbol_answers_with_that_symbols_market(call: GeminiCall) -> None:
    async with simulated_venues() as (session, base):
        for symbol, (low, high) in LEVELS.items():
            for spelling in (symbol, symbol.upper()):
                path = call.path.format(symbol=spelling, frame="1m")
                answer = await get(session, base + path)
                assert answer or call.path == "/v1/trades/{symbol}"
                prices = [price for price in prices_of(answer) if price]
                assert all(low < price < high for price in prices), (symbol, prices)
                if isinstance(answer, dict):
                    assert answer.get("symbol", symbol).lower() == symbol


async def test_the_lists_have_every_symbol_with_its_steps() -> None:
    async with simulated_venues() as (session, base):
        assert await get(session, f"{base}/v1/symbols") == list(PAIRS)
        details = await get(session, f"{base}/v1/symbols/details/all")
        assert [one["symbol"] for one in details] == [symbol.upper() for symbol in PAIRS]
        for one in details:
            base_currency, _, _, smallest = PAIRS[one["symbol"].lower()]
            assert (one["base_currency"], one["min_order_size"]) == (base_currency, smallest)
            assert one == await get(session, f"{base}/v1/symbols/details/{one['symbol']}")
            book = await get(session, f"{base}/v1/book/{one['symbol']}")
            step = D(str(one["tick_size"]))
            amounts = [D(level["amount"]) for side in book.values() for level in side]
            assert amounts and not any(amount % step for amount in amounts)
        feed = await get(session, f"{base}/v1/pricefeed")
        assert [row["pair"] for row in feed] == [symbol.upper() for symbol in PAIRS]
        networks = [
            (await get(session, f"{base}/v1/network/{token}"))["network"]
            for token in ("btc", "ETH", "SOL", "usd")
        ]
        assert networks == [["bitcoin"], ["ethereum"], ["solana"], []]


async def test_orders_of_each_pair_meet_its_own_book_and_money() -> None:
    async with simulated_venues() as (session, base):
        for symbol, (_, taking, resting, smallest) in PAIRS.items():
            order = ORDER | {"symbol": symbol, "amount": smallest}
            status, filled = await post_gemini(
                session, base, "/v1/order/new", **order | {"price": taking}
            )
            assert (status, filled["symbol"], filled["executed_amount"]) == (200, symbol, smallest)
            low, high = LEVELS[symbol]
            assert low < float(filled["avg_execution_price"]) < high
            _, waiting = await post_gemini(
                session, base, "/v1/order/new", **order | {"price": resting}
            )
            assert waiting["is_live"]
            few = D(smallest) / 2
            status, refused = await post_gemini(
                session, base, "/v1/order/new", **order | {"amount": f"{few:f}"}
            )
            assert (status, refused["reason"]) == (400, "InvalidQuantity")
        _, balances = await post_gemini(session, base, "/v1/balances")
        amounts = {row["currency"]: D(row["amount"]) for row in balances}
        _, trades = await post_gemini(session, base, "/v1/mytrades")
        paid = sum(D(t["price"]) * D(t["amount"]) + D(t["fee_amount"]) for t in trades)
        bought = {currency: D(smallest) for currency, _, _, smallest in PAIRS.values()}
        assert amounts == bought | {"USD": 10_000 - paid}
        held = sum(D(price) * D(smallest) * D("1.004") for _, _, price, smallest in PAIRS.values())
        dollars = next(row for row in balances if row["currency"] == "USD")
        assert D(dollars["amount"]) - D(dollars["available"]) == held
        for symbol, (currency, *_) in PAIRS.items():
            for path in ("/v1/mytrades", "/v1/orders/history"):
                _, rows = await post_gemini(session, base, path, symbol=symbol)
                assert [row["symbol"].lower() for row in rows] == [symbol]
            _, worth = await post_gemini(session, base, f"/v1/notionalbalances/{currency}")
            own = next(row for row in worth if row["currency"] == currency)
            assert D(own["amountNotional"]) == D(own["amount"])
        _, ((*volumes,),) = await post_gemini(session, base, "/v1/tradevolume")
        assert [row["symbol"] for row in volumes] == list(PAIRS)
        assert [D(str(row["total_volume_base"])) for row in volumes] == list(bought.values())


async def test_many_markets_in_one_connection_have_one_sequence() -> None:
    path = "/v1/multimarketdata?symbols=BTCUSD,solusd&heartbeat=true"
    async with (
        simulated_venues() as (session, base),
        session.ws_connect(base + path) as socket,
    ):
        symbols = set[str]()
        for number in range(30):
            message = await read(socket)
            assert message["socket_sequence"] == number
            (symbol,) = {event["symbol"] for event in message.get("events", [])} or {""}
            symbols.add(symbol)
        assert symbols - {""} == {"BTCUSD", "SOLUSD"}


async def test_v2_and_the_current_service_bring_what_each_symbol_was_asked_for() -> None:
    async with simulated_venues() as (session, base):
        async with session.ws_connect(f"{base}/v2/marketdata/") as socket:
            wanted = [{"name": "l2", "symbols": ["ETHUSD", "SOLUSD", "NOSUCH"]}]
            await socket.send_json({"type": "subscribe", "subscriptions": wanted})
            first = [await read(socket) for _ in range(2)]
            assert [message["symbol"] for message in first] == ["ETHUSD", "SOLUSD"]
            ended = [{"name": "l2", "symbols": ["ETHUSD"]}]
            await socket.send_json({"type": "unsubscribe", "subscriptions": ended})
            later = [await read(socket) for _ in range(40)]
            assert {message.get("symbol") for message in later[20:]} - {None} == {"SOLUSD"}
        async with session.ws_connect(f"{base}/?snapshot=-1") as socket:
            names = ["ethusd@bookTicker", "btcusd@depth"]
            await socket.send_json({"id": 1, "method": "subscribe", "params": names})
            assert (await read(socket))["status"] == 200
            messages = [await read(socket) for _ in range(10)]
            of_books = [message for message in messages if message.get("e") == "depthUpdate"]
            of_tickers = [message for message in messages if "B" in message]
            assert {message["s"] for message in of_books} == {"btcusd"}
            assert {message["s"] for message in of_tickers} == {"ethusd"}
            ids = [(message["U"], message["u"]) for message in of_books]
            assert all(U == before + 1 for (_, before), (U, _) in pairwise(ids))
            params = {"symbol": "solusd", "limit": 3}
            await socket.send_json({"id": 2, "method": "depth", "params": params})
            while (reply := await read(socket)).get("id") != 2:
                continue
            low, high = LEVELS["solusd"]
            assert low < float(reply["result"]["bids"][0][0]) < high
            await socket.send_json({"id": 3, "method": "depth", "params": {"limit": 3}})
            while (reply := await read(socket)).get("id") != 3:
                continue
            assert reply["error"]["code"] == -1013
