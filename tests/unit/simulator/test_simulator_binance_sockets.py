"""The simulated Binance's streams and WebSocket API, as a client meets them."""

import asyncio
import hashlib
import hmac
import json
import time
from decimal import Decimal
from typing import Any

import pytest

from streaming.simulator.binance_unsupported import UNSUPPORTED
from tests.support.simulated_venues import SECRET, differences, simulated_venues

TICK = dict.fromkeys("pPwcohlvq", str) | dict.fromkeys("EOCFLn", int)
LEVELS = {"lastUpdateId": int, "bids": [[str, str]], "asks": [[str, str]]}
CANDLE = dict.fromkeys("tTfLn", int) | dict.fromkeys("ocsihlvqVQB", str) | {"x": bool}
MINI = dict.fromkeys("scohlvq", str) | {"e": "24hrMiniTicker", "E": int}
STREAMS: dict[str, Any] = {
    "btcusdt@aggTrade": {"e": "aggTrade", "a": int, "p": str, "f": int, "l": int, "m": bool},
    "btcusdt@trade": {"e": "trade", "t": int, "p": str, "q": str, "T": int, "m": bool},
    "btcusdt@bookTicker": {"u": int, "b": str, "B": str, "a": str, "A": str},
    "btcusdt@ticker": TICK | dict.fromkeys("xQbBaA", str) | {"e": "24hrTicker"},
    "btcusdt@miniTicker": MINI,
    "!miniTicker@arr": [MINI],
    "btcusdt@ticker_1h": TICK | {"e": "1hTicker"},
    "btcusdt@ticker_4h": TICK | {"e": "4hTicker"},
    "!ticker_1d@arr": [TICK | {"e": "1dTicker"}],
    "btcusdt@avgPrice": {"e": "avgPrice", "i": "5m", "w": str, "T": int},
    "btcusdt@depth5": LEVELS,
    "btcusdt@depth20@100ms": LEVELS,
    "btcusdt@depth10@1000ms": LEVELS,
    "btcusdt@depth": {"e": "depthUpdate", "U": int, "u": int, "b": [[str, str]], "a": [[str, str]]},
    "btcusdt@kline_1s": {"e": "kline", "k": CANDLE | {"i": "1s"}},
    "btcusdt@kline_1h": {"e": "kline", "k": CANDLE | {"i": "1h"}},
    "btcusdt@kline_1M": {"e": "kline", "k": CANDLE | {"i": "1M"}},
    "btcusdt@kline_1d@+08:00": {"e": "kline", "k": CANDLE | {"i": "1d"}},
}


async def test_every_stream_has_its_documented_fields() -> None:
    async with simulated_venues() as (session, base), asyncio.timeout(30):
        url = f"{base}/stream?streams={'/'.join(STREAMS).replace('+', '%2B')}"
        received: dict[str, Any] = {}
        async with session.ws_connect(url) as socket:
            while set(received) != set(STREAMS):
                message = await socket.receive_json()
                received.setdefault(message["stream"], message["data"])
        for name, shape in STREAMS.items():
            assert differences(shape, received[name], name) == []
        assert len(received["btcusdt@depth5"]["bids"]) == 5
        window = received["btcusdt@ticker_4h"]
        assert 4 * 3_600_000 <= window["C"] - window["O"] < 4 * 3_600_000 + 60_000
        assert {row["s"] for row in received["!miniTicker@arr"]} == {"BTCUSDT", "ETHUSDT"}


async def test_a_stream_in_microseconds() -> None:
    async with simulated_venues() as (session, base), asyncio.timeout(20):
        url = f"{base}/ws/btcusdt@kline_1s?timeUnit=MICROSECOND"
        async with session.ws_connect(url) as socket:
            candle = (await socket.receive_json())["k"]
            assert candle["T"] - candle["t"] == 999_999
            assert abs(candle["t"] / 1e6 - time.time()) < 60
        async with session.get(f"{base}/ws/btcusdt@trade?timeUnit=WEEK") as reply:
            assert (await reply.json())["code"] == -1194


REQUESTS: list[tuple[Any, Any]] = [
    ({"method": "SUBSCRIBE", "params": ["btcusdt@trade"], "id": 1}, {"result": None, "id": 1}),
    ({"method": "LIST_SUBSCRIPTIONS", "id": "a"}, {"result": ["btcusdt@trade"], "id": "a"}),
    ({"method": "GET_PROPERTY", "params": ["combined"], "id": 2}, {"result": False, "id": 2}),
    ({"method": "SET_PROPERTY", "params": ["combined", True], "id": 3}, {"result": None, "id": 3}),
    ({"method": "GET_PROPERTY", "params": ["combined"], "id": None}, {"result": True, "id": None}),
    ({"method": "UNSUBSCRIBE", "params": ["btcusdt@trade"], "id": 4}, {"result": None, "id": 4}),
    ({"method": "SUBSCRIBE", "params": "btcusdt@trade", "id": 5}, {"code": 2, "id": 5}),
    ({"method": "SUBSCRIBE", "params": ["btcusdt@nosuch"], "id": 6}, {"code": 2, "id": 6}),
    ({"method": "SUBSCRIBE", "params": [7], "id": 7}, {"code": 2, "id": 7}),
    ({"method": "SUBSCRIBE", "id": 8}, {"code": 2, "id": 8}),
    ({"method": "NOSUCH", "params": [], "id": 9}, {"code": 2, "id": 9}),
    ({"params": [], "id": 10}, {"code": 2, "id": 10}),
    ({"method": "SET_PROPERTY", "params": ["combined", "yes"], "id": 11}, {"code": 1, "id": 11}),
    ({"method": "SET_PROPERTY", "params": ["nosuch", True], "id": 12}, {"code": 0, "id": 12}),
    ({"method": "SET_PROPERTY", "params": ["combined"], "id": 13}, {"code": 2, "id": 13}),
    ({"method": "LIST_SUBSCRIPTIONS", "id": "x" * 37}, {"code": 2}),
    ({"method": "LIST_SUBSCRIPTIONS", "id": 1.5}, {"code": 2}),
    ([], {"code": 2}),
    ("no JSON", {"code": 3}),
]


async def test_every_request_on_a_stream_is_answered() -> None:
    async with simulated_venues() as (session, base), asyncio.timeout(20):
        async with session.ws_connect(f"{base}/ws") as socket:
            for request, expected in REQUESTS:
                text = request if isinstance(request, str) else json.dumps(request)
                await socket.send_str(text)
                reply = await socket.receive_json()
                while "e" in reply or "stream" in reply:
                    reply = await socket.receive_json()
                assert differences(expected, reply) == [], request
                assert "result" in reply or reply["msg"]


async def test_a_slash_at_an_addresss_end_changes_nothing() -> None:
    async with simulated_venues() as (session, base), asyncio.timeout(20):
        for path in ("/ws/", "/ws/btcusdt@kline_1s/"):
            async with session.ws_connect(f"{base}{path}") as socket:
                await socket.send_json({"method": "GET_PROPERTY", "params": ["combined"], "id": 1})
                while "id" not in (reply := await socket.receive_json()):
                    pass
                assert reply == {"result": False, "id": 1}
        async with session.ws_connect(f"{base}/stream/?streams=btcusdt@kline_1s") as socket:
            assert (await socket.receive_json())["stream"] == "btcusdt@kline_1s"
        async with session.ws_connect(f"{base}/ws-api/v3/") as socket:
            await socket.send_json({"id": 1, "method": "ping"})
            assert (await socket.receive_json())["result"] == {}


async def test_a_stream_of_an_unknown_kind_in_the_address_is_refused() -> None:
    async with simulated_venues() as (session, base), asyncio.timeout(20):
        async with session.ws_connect(f"{base}/ws/btcusdt@nosuch") as socket:
            assert (await socket.receive_json())["code"] == 2


def signed(params: dict[str, Any]) -> dict[str, Any]:
    params = params | {"apiKey": "account-k", "timestamp": int(time.time() * 1000)}
    text = "&".join(f"{name}={params[name]}" for name in sorted(params))
    signature = hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).hexdigest()
    return params | {"signature": signature}


LIMIT = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}
API_CALLS: list[tuple[str, Any, Any]] = [
    ("ping", {}, {}),
    ("time", {}, {"serverTime": int}),
    ("exchangeInfo", {"symbols": ["BTCUSDT"]}, {"symbols": [{"symbol": "BTCUSDT"}]}),
    ("depth", {"symbol": "BTCUSDT", "limit": 1}, LEVELS),
    ("trades.recent", {"symbol": "BTCUSDT", "limit": 1}, [{"id": int, "price": str}]),
    ("klines", {"symbol": "BTCUSDT", "interval": "1h", "limit": 1}, [list]),
    ("ticker.price", {"symbols": ["BTCUSDT", "ETHUSDT"]}, [{"price": str}]),
    ("ticker.24hr", {"symbol": "BTCUSDT", "type": "MINI"}, {"symbol": "BTCUSDT", "count": int}),
    ("session.status", {}, {"apiKey": None, "serverTime": int}),
]
REFUSED: list[tuple[Any, int, int]] = [
    ({"id": 1, "method": "nosuch"}, 400, -1135),
    ({"id": 1}, 400, -1135),
    ({"id": 1, "method": "depth", "params": []}, 400, -1135),
    ({"id": 1, "method": "depth", "params": "BTCUSDT"}, 400, -1135),
    ({"id": 1, "method": "depth", "params": {"symbol": "NOSUCH"}}, 400, -1121),
    ({"id": 1, "method": "depth", "params": {"symbol": "BTCUSDT", "limit": "x"}}, 400, -1100),
    ({"id": 1, "method": "order.place", "params": {"symbol": "BTCUSDT"}}, 401, -2014),
    ({"id": 1, "method": "session.logon", "params": {}}, 400, -4056),
    ({"id": 1, "method": "orderList.place.opo", "params": {}}, 400, -2010),
    ({"id": 1, "method": "userDataStream.subscribe", "params": {}}, 401, -1193),
    ({"id": 1, "method": "userDataStream.unsubscribe", "params": {}}, 400, -2036),
    ("no JSON", 400, -1135),
]


async def test_the_websocket_api_answers_by_name() -> None:
    async with simulated_venues() as (session, base), asyncio.timeout(30):
        async with session.ws_connect(f"{base}/ws-api/v3") as socket:

            async def call(method: str, params: dict[str, Any]) -> Any:
                await socket.send_json({"id": 7, "method": method, "params": params})
                reply = await socket.receive_json()
                assert reply["id"] == 7 and reply["rateLimits"][0]["count"] > 0, reply
                return reply

            for method, params, shape in API_CALLS:
                reply = await call(method, params)
                assert reply["status"] == 200 and differences(shape, reply["result"]) == []
            order = signed(LIMIT | {"quantity": "0.001", "price": "60000"})
            placed = (await call("order.place", order))["result"]
            assert (placed["status"], placed["orderId"]) == ("NEW", 1)
            gone = await call("order.cancel", signed({"symbol": "BTCUSDT", "orderId": 1}))
            assert gone["result"]["status"] == "CANCELED"
            none = await call("openOrders.status", signed({}))
            assert none["result"] == []
            wrong = await call("openOrders.status", signed({}) | {"signature": "00"})
            assert (wrong["status"], wrong["error"]["code"]) == (400, -1022)
            for request, status, code in REFUSED:
                text = request if isinstance(request, str) else json.dumps(request)
                await socket.send_str(text)
                reply = await socket.receive_json()
                assert (reply["status"], reply["error"]["code"]) == (status, code), request


# errors.md: of a symbol whose `opoAllowed` is false
OWN_WORDS = {"opo": -2010, "opoco": -2010}


async def test_what_is_not_simulated_is_refused_in_binances_words() -> None:
    async with simulated_venues() as (session, base), asyncio.timeout(30):
        for method, path, _ in (row for row in UNSUPPORTED if row[1]):
            async with session.request(method, base + path) as reply:
                code = OWN_WORDS.get(path.rpartition("/")[2], -1020)
                assert (reply.status, (await reply.json())["code"]) == (400, code), path
        async with session.ws_connect(f"{base}/ws-api/v3") as socket:
            for name in (name for _, _, name in UNSUPPORTED if name):
                await socket.send_json({"id": 1, "method": name, "params": {}})
                code = OWN_WORDS.get(name.rpartition(".")[2], -1020)
                assert (await socket.receive_json())["error"]["code"] == code, name


@pytest.mark.parametrize("order_type", ["LIMIT", "MARKET", "LIMIT_MAKER", "IOC", "FOK"])
async def test_what_becomes_of_each_type_of_order(order_type: str) -> None:
    async with simulated_venues() as (session, base), asyncio.timeout(30):
        async with session.ws_connect(f"{base}/ws-api/v3") as socket:

            async def place(**params: Any) -> Any:
                body = signed({"symbol": "BTCUSDT", "side": "BUY", **params})
                await socket.send_json({"id": 1, "method": "order.place", "params": body})
                return await socket.receive_json()

            async with session.get(f"{base}/api/v3/depth?symbol=BTCUSDT&limit=1") as reply:
                ask, offered = (await reply.json())["asks"][0]
            over, under = str(Decimal(ask) + 50)[:-6], str(Decimal(ask) - 5000)[:-6]
            lot = {"quantity": "0.001"}
            if order_type == "LIMIT":
                filled = await place(type="LIMIT", timeInForce="GTC", price=over, **lot)
                assert filled["result"]["status"] == "FILLED" and filled["result"]["fills"]
                missing = await place(type="LIMIT", price=over, **lot)
                assert missing["error"]["code"] == -1102
                tick = await place(type="LIMIT", timeInForce="GTC", price="60000.001", **lot)
                assert tick["error"]["msg"] == "Filter failure: PRICE_FILTER"
                far = await place(type="LIMIT", timeInForce="GTC", price="1.00", quantity="10")
                assert far["error"]["msg"] == "Filter failure: PERCENT_PRICE"
            elif order_type == "MARKET":
                bought = (await place(type="MARKET", quoteOrderQty="70"))["result"]
                assert bought["status"] == "FILLED" and bought["price"] == "0.00000000"
                assert 69 < Decimal(bought["cummulativeQuoteQty"]) <= 70
                both = await place(type="MARKET", quoteOrderQty="70", **lot)
                assert both["error"]["code"] == -1128
                priced = await place(type="MARKET", price=over, **lot)
                assert priced["error"]["code"] == -1106
                poor = await place(type="MARKET", quoteOrderQty="20000")
                assert poor["error"]["code"] == -2010
            elif order_type == "LIMIT_MAKER":
                taking = await place(type="LIMIT_MAKER", price=over, **lot)
                assert taking["error"]["msg"] == "Order would immediately match and take."
                resting = await place(type="LIMIT_MAKER", price=under, **lot)
                assert resting["status"] == 200 and "status" not in resting["result"]  # ACK
            elif order_type == "IOC":
                gone = await place(type="LIMIT", timeInForce="IOC", price=under, **lot)
                assert gone["result"]["status"] == "EXPIRED"
            else:
                more = str(Decimal(offered) + 1)[:-3]
                limit = {"price": str(Decimal(ask) + 1)[:-6], "quantity": more}
                killed = await place(type="LIMIT", timeInForce="FOK", **limit)
                assert killed.get("error", {}).get("code") == -2010 or (
                    killed["result"]["status"],
                    killed["result"]["executedQty"],
                ) in {("EXPIRED", "0.00000000"), ("FILLED", more + "000")}
