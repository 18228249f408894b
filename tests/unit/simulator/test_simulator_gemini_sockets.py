"""The simulated Gemini's websockets: many markets, best levels, candles, orders; refusals."""

import asyncio
import base64
import hmac
import json
import time
from typing import Any

import ccxt.pro
import pytest
from aiohttp import ClientWebSocketResponse
from yarl import URL

from streaming.simulator.gemini_sockets import SOCKETS
from tests.support.simulated_gemini import ORDER, post_gemini, sign_gemini
from tests.support.simulated_venues import SECRET, simulated_venues

CANDLES = {"type": "subscribe", "subscriptions": [{"name": "candles_5m", "symbols": ["BTCUSD"]}]}
EVENTS = "/v1/order/events"


async def read(socket: ClientWebSocketResponse, wanted: str = "") -> Any:
    """The next message, or the next of a type; in an array, its first event."""
    async with asyncio.timeout(10):
        while True:
            message = await socket.receive_json()
            kind = message[0]["type"] if isinstance(message, list) else message.get("type")
            if not wanted or kind == wanted:
                return message


async def test_many_markets_have_the_symbol_in_each_event_and_one_sequence() -> None:
    async with (
        simulated_venues() as (session, base),
        session.ws_connect(f"{base}/v1/multimarketdata?symbols=BTCUSD,btcusd") as socket,
    ):
        for number in range(5):
            message = await read(socket)
            assert message["socket_sequence"] == number
            assert {event["symbol"] for event in message["events"]} == {"BTCUSD"}


async def test_the_best_levels_alone_come_when_asked_for() -> None:
    query = "symbols=BTCUSD&top_of_book=true&trades=false"
    async with (
        simulated_venues() as (session, base),
        session.ws_connect(f"{base}/v1/multimarketdata?{query}") as socket,
    ):
        first = await read(socket)
        assert [event["reason"] for event in first["events"]] == ["initial"] * 2
        best = {event["side"]: event for event in first["events"]}
        assert float(best["bid"]["price"]) < float(best["ask"]["price"])
        later = await read(socket)
        assert {event["reason"] for event in later["events"]} == {"top-of-book"}


async def test_candles_are_those_of_rest() -> None:
    async with (
        simulated_venues() as (session, base),
        session.ws_connect(f"{base}/v2/marketdata") as socket,
    ):
        await socket.send_json(CANDLES)
        message = await read(socket, "candles_5m_updates")
        async with session.get(f"{base}/v2/candles/btcusd/5m") as reply:
            rows = await reply.json()
        assert message["symbol"] == "BTCUSD" and len(rows) > 100
        assert message["changes"][-100:] == rows[-100:]


def subscribe_to(name: str, symbol: str) -> str:
    subscriptions = [{"name": name, "symbols": [symbol]}]
    return json.dumps({"type": "subscribe", "subscriptions": subscriptions})


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (subscribe_to("candles_9m", "BTCUSD"), "Bad Request"),
        (subscribe_to("l2", "NOSUCH"), "NoValidTradingPairs"),
        ('{"type":"nosuch","subscriptions":[]}', "InvalidJson"),
        ('{"type":[],"subscriptions":[]}', "InvalidJson"),
        ('{"type":"subscribe","subscriptions":5}', "InvalidJson"),
        ("[]", "InvalidJson"),
    ],
)
async def test_a_bad_subscription_is_answered(text: str, reason: str) -> None:
    async with (
        simulated_venues() as (session, base),
        session.ws_connect(f"{base}/v2/marketdata") as socket,
    ):
        await socket.send_str(text)
        assert (await read(socket))["reason"] == reason


async def test_order_events_follow_an_order_to_its_end() -> None:
    async with simulated_venues() as (session, base):
        _, resting = await post_gemini(session, base, "/v1/order/new", **ORDER)
        async with session.ws_connect(base + EVENTS, headers=sign_gemini(EVENTS)) as socket:
            acknowledged = await read(socket)
            assert acknowledged["type"] == "subscription_ack"
            (initial,) = await read(socket)
            assert (initial["type"], initial["order_id"]) == ("initial", resting["order_id"])
            await post_gemini(session, base, "/v1/order/cancel", order_id=resting["order_id"])
            taking = ORDER | {"price": "1000000.00", "amount": "0.001"}
            await post_gemini(session, base, "/v1/order/new", **taking)
            events = [initial] + [(await read(socket))[0] for _ in range(5)]
        kinds = [event["type"] for event in events]
        assert kinds == ["initial", "cancelled", "closed", "accepted", "fill", "closed"]
        assert [event["socket_sequence"] for event in events] == list(range(6))
        assert events[1]["reason"] == "Requested" and not events[1]["is_live"]
        assert events[4]["fill"]["liquidity"] == "Taker" and events[4]["fill"]["fee"]


async def test_order_events_are_filtered_as_the_address_asks() -> None:
    path = f"{EVENTS}?eventTypeFilter=booked&symbolFilter=BTCUSD"
    async with (
        simulated_venues() as (session, base),
        session.ws_connect(base + path, headers=sign_gemini(EVENTS)) as socket,
    ):
        assert (await read(socket))["eventTypeFilter"] == ["booked"]
        _, order = await post_gemini(session, base, "/v1/order/new", **ORDER)
        (booked,) = await read(socket)
        assert (booked["type"], booked["order_id"]) == ("booked", order["order_id"])


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/v1/marketdata/nosuch", "InvalidSymbol"),
        ("/v1/multimarketdata", "InvalidSymbol"),
        ("/v1/multimarketdata?symbols=btcusd,nosuch", "InvalidSymbol"),
        (EVENTS, "MissingApikeyHeader"),
        ("/?snapshot=many", "Bad Request"),
    ],
)
async def test_an_upgrade_that_cannot_be_served_is_refused_as_json(path: str, reason: str) -> None:
    headers = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "MDEyMzQ1Njc4OWFiY2RlZg==",
    }
    async with simulated_venues() as (session, base):
        async with session.get(URL(base + path), headers=headers) as reply:
            assert (reply.status, (await reply.json())["reason"]) == (400, reason)


@pytest.mark.parametrize("path", SOCKETS)
async def test_a_plain_request_of_a_websocket_is_refused_as_json(path: str) -> None:
    async with simulated_venues() as (session, base):
        async with session.get(base + path.format(symbol="btcusd")) as reply:
            assert (reply.status, (await reply.json())["reason"]) == (400, "Bad Request")


@pytest.mark.parametrize(
    ("method", "params"), [("depth", {"limit": "many"}), ("subscribe", 5), ("unsubscribe", "x")]
)
async def test_the_current_service_answers_bad_parameters(method: str, params: Any) -> None:
    async with (
        simulated_venues() as (session, base),
        session.ws_connect(f"{base}/") as socket,
    ):
        await socket.send_json({"id": 1, "method": method, "params": params})
        message = await read(socket)
        assert (message["id"], message["status"], message["error"]["code"]) == (1, 400, -1013)


@pytest.mark.parametrize(("signed", "code"), [(True, -1020), (False, -1002)])
async def test_the_current_service_refuses_streams_of_orders(signed: bool, code: int) -> None:
    nonce = str(int(time.time()))
    payload = base64.b64encode(nonce.encode()).decode()
    headers = {
        "X-GEMINI-APIKEY": "account-k",
        "X-GEMINI-NONCE": nonce,
        "X-GEMINI-PAYLOAD": payload,
        "X-GEMINI-SIGNATURE": hmac.new(SECRET.encode(), payload.encode(), "sha384").hexdigest(),
    }
    async with (
        simulated_venues() as (session, base),
        session.ws_connect(f"{base}/", headers=headers if signed else {}) as socket,
    ):
        await socket.send_json({"id": 1, "method": "subscribe", "params": ["orders@account"]})
        assert (await read(socket))["error"]["code"] == code


async def test_ccxt_follows_many_markets_best_prices_and_candles() -> None:
    async with simulated_venues() as (_, base):
        keys = {"apiKey": "account-k", "secret": SECRET, "enableRateLimit": False}
        client: Any = ccxt.pro.gemini(keys)
        urls = client.urls["api"]
        client.urls["api"] = dict.fromkeys(urls, base) | {"ws": base.replace("http", "ws")}
        try:
            await client.load_markets()
            async with asyncio.timeout(30):
                book = await client.watch_order_book_for_symbols(["BTC/USD"])
                best = (await client.watch_bids_asks(["BTC/USD"]))["BTC/USD"]
                (trade, *_) = await client.watch_trades_for_symbols(["BTC/USD"])
                candles = await client.watch_ohlcv("BTC/USD", "1m")
        finally:
            await client.close()
        assert book["bids"][0][0] < book["asks"][0][0] and best["bid"] < best["ask"]
        assert trade["price"] > 0 and len(candles) >= 1
