"""What is no JSON, no text or too deep is refused in the venue's format, at every address."""

import json
from typing import Any

import pytest
from aiohttp import BasicAuth, ClientSession, ClientWebSocketResponse

from include.clock import now_us
from include.settings import load
from streaming.simulator.__main__ import make_application
from streaming.simulator.gemini_order_form import read_order
from streaming.simulator.gemini_parameters import GeminiError
from streaming.simulator.json_fields import parse_json
from tests.support.simulated_venues import KEYS, SECRET, sign_binance, simulated_venues

DEEP = "[" * 50_000
BODIES = (b"\xff\xfe", b"{", DEEP.encode(), b'{"id": 1e999}', b"null", b"")
HEADERS = ({"Content-Type": "application/json"}, {"Content-Type": "text/plain; charset=none"})
OTHERS = ("/faults", "{")  # not a venue's, or a path with parts
SOCKETS = ("/ws", "/stream", "/ws-api/v3", "/ws/api/v2", "/v2/marketdata")


@pytest.mark.parametrize("text", [DEEP, '{"a":' * 50_000, "NaN", "[-Infinity]", "[1e999]", "{", ""])
def test_what_could_not_be_written_again_is_no_json(text: str) -> None:
    with pytest.raises(ValueError):
        parse_json(text)


async def test_a_body_that_is_no_json_is_no_servers_fault() -> None:
    routes = make_application(load(KEYS)).router.routes()
    addresses = {
        (route.method, route.resource.canonical)
        for route in routes
        if route.resource and route.method in {"POST", "PUT", "DELETE"}
    } | {("POST", "/api/v2"), ("POST", "/api/v2/public/get_time")}
    faults = list[Any]()
    async with simulated_venues() as (session, base):
        for method, path in sorted(addresses):
            if not any(other in path for other in OTHERS):
                for body, headers in zip(BODIES, HEADERS * 3, strict=True):
                    faults += await find_fault(session, method, base + path, body, headers)
    assert len(addresses) > 30 and faults == []


async def find_fault(
    session: ClientSession, method: str, url: str, body: bytes, headers: dict[str, str]
) -> list[Any]:
    async with session.request(method, url, data=body, headers=headers) as reply:
        try:
            json.loads(await reply.read())
        except ValueError:
            return [(method, url, body[:9], reply.status, "no JSON")]
        return [(method, url, body[:9], reply.status)] if reply.status >= 500 else []


@pytest.mark.parametrize("path", SOCKETS)
async def test_a_socket_refuses_junk_and_goes_on(path: str) -> None:
    async with simulated_venues() as (session, base), session.ws_connect(base + path) as socket:
        for junk in (DEEP, '{"a":' * 50_000, '{"id": NaN}', "{"):
            await socket.send_str(junk)
            await expect_refusal(socket)


HALF_A_PAIR = "\ud800"
SIGNED = {"apiKey": "account-k", "signature": HALF_A_PAIR, "timestamp": HALF_A_PAIR}
OF_KEY = {"grant_type": "client_credentials", "client_id": "account-k"}
OF_SIGNATURE = {"grant_type": "client_signature", "client_id": "account-k", "nonce": HALF_A_PAIR}
ODD_SECRETS = (
    ("/ws-api/v3", {"id": 1, "method": "account.status", "params": SIGNED}),
    ("/ws/api/v2", {"method": "public/auth", "params": OF_KEY | {"client_secret": HALF_A_PAIR}}),
    ("/ws/api/v2", {"method": "public/auth", "params": OF_SIGNATURE | {"signature": HALF_A_PAIR}}),
)


@pytest.mark.parametrize(("path", "request_fields"), ODD_SECRETS, ids=str)
async def test_a_secret_of_half_a_character_is_refused(path: str, request_fields: Any) -> None:
    async with simulated_venues() as (session, base), session.ws_connect(base + path) as socket:
        await socket.send_json(request_fields)
        await expect_refusal(socket)


GEMINI = {"X-GEMINI-APIKEY": "account-k", "X-GEMINI-NONCE": "1", "X-GEMINI-PAYLOAD": "ü"}
UPGRADE = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
UPGRADE |= {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
ODD_HEADERS = (
    ("GET", "/", UPGRADE | GEMINI | {"X-GEMINI-SIGNATURE": "ü"}),
    ("POST", "/v1/balances", GEMINI | {"X-GEMINI-SIGNATURE": "ü"}),
    (
        "GET",
        "/api/v2/private/get_positions",
        {"Authorization": "deri-hmac-sha256 id=account-k,ts=1,nonce=ü,sig=ü"},
    ),
    ("GET", "/api/v2/private/get_positions", {"Authorization": "basic ü"}),
    ("GET", "/storage/a.zip?of=a&at=1&signature=%C3%BC", {}),
)


@pytest.mark.parametrize(("method", "path", "headers"), ODD_HEADERS, ids=str)
async def test_a_signature_that_is_no_ascii_is_refused(
    method: str, path: str, headers: dict[str, str]
) -> None:
    async with (
        simulated_venues() as (session, base),
        session.request(method, base + path, headers=headers) as reply,
    ):
        assert 400 <= reply.status < 500


SIZES = ("1e999999", "1e-99999999", "1e308", "0e-99999999", "0", "-1", "NaN", "Infinity", "1e14")


@pytest.mark.parametrize("size", SIZES)
async def test_a_deribit_number_of_any_size_is_no_servers_fault(size: str) -> None:
    order = {"instrument_name": "BTC-PERPETUAL", "type": "limit", "amount": 10, "price": 60000}
    async with simulated_venues() as (session, base):
        auth = BasicAuth("account-k", SECRET)
        for method in ("buy", "sell", "get_margins"):
            for name in ("amount", "price", "contracts"):
                body = {"method": f"private/{method}", "params": order | {name: size}}
                async with session.post(f"{base}/api/v2", json=body, auth=auth) as reply:
                    assert reply.status in {200, 400}, (method, name)


@pytest.mark.parametrize("size", SIZES[:-1])
@pytest.mark.parametrize("name", ["amount", "price", "stop_price"])
def test_a_gemini_number_that_cannot_be_reckoned_with_is_refused(name: str, size: str) -> None:
    order = {"symbol": "btcusd", "amount": "1", "price": "1", "stop_price": "1", "side": "buy"}
    with pytest.raises(GeminiError):
        read_order(order | {"type": "exchange limit"} | {name: size})


@pytest.mark.parametrize("name", ["quantity", "quoteOrderQty"])
async def test_a_binance_market_order_of_nothing_fails_a_filter(name: str) -> None:
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", name: "0"}
    async with simulated_venues() as (session, base):
        for path in ("/api/v3/order", "/api/v3/order/test"):
            url = f"{base}{path}?{sign_binance(order, now_us() // 1000)}"
            async with session.post(url, headers={"X-MBX-APIKEY": "account-k"}) as reply:
                body = await reply.json()
                assert (reply.status, body["code"]) == (400, -1013), body


BAD_REQUESTS = (
    ("/ws-api/v3", {"id": 1, "method": ["ping"]}),
    ("/ws-api/v3", {"id": 1, "method": {"a": 1}}),
    ("/ws-api/v3", {"id": [1], "method": "ping"}),
    ("/ws-api/v3", {"id": "x" * 37, "method": "ping"}),
    ("/ws-api/v3", {"id": True, "method": "ping"}),
    ("/ws", {"id": 1, "method": ["SUBSCRIBE"]}),
    ("/ws/api/v2", {"id": 1, "method": ["public/test"]}),
    ("/ws/api/v2", {"id": 1, "method": "public/test", "params": [1]}),
    ("/v2/marketdata", {"type": "subscribe", "subscriptions": []}),
    ("/v2/marketdata", {"type": ["subscribe"], "subscriptions": []}),
    ("/", {"id": 1, "method": "subscribe"}),
    ("/", {"id": 1, "method": ["subscribe"], "params": []}),
)


@pytest.mark.parametrize(("path", "request_fields"), BAD_REQUESTS, ids=str)
async def test_a_request_of_the_wrong_types_is_refused(path: str, request_fields: Any) -> None:
    async with simulated_venues() as (session, base), session.ws_connect(base + path) as socket:
        for _ in range(2):
            await socket.send_json(request_fields)
            reply = json.loads(await socket.receive_str(timeout=10))
            assert "error" in reply or "code" in reply or reply["result"] == "error", reply


UNREADABLE = (
    ("/ws-api/v3", {"id": 7, "method": "ping", "params": "x"}),
    ("/ws-api/v3", {"id": 7, "method": "ping", "params": [1]}),
    ("/ws-api/v3", {"id": 7, "method": "ping", "params": []}),
    ("/ws-api/v3", {"id": 7, "method": "ping", "params": ""}),
    ("/ws-api/v3", {"id": 7, "method": "ping", "params": False}),
    ("/ws-api/v3", {"id": 7}),
    ("/ws", {"id": 7, "method": "SUBSCRIBE", "params": "x"}),
    ("/ws", {"id": 7}),
    ("/ws/api/v2", {"id": 7, "method": "public/test", "params": "x"}),
    ("/ws/api/v2", {"id": 7}),
    ("/", {"id": 7, "method": "subscribe", "params": "x"}),
    ("/", {"id": 7}),
)


@pytest.mark.parametrize(("path", "request_fields"), UNREADABLE, ids=str)
async def test_a_refusal_names_the_request_that_it_is_of(path: str, request_fields: Any) -> None:
    async with simulated_venues() as (session, base), session.ws_connect(base + path) as socket:
        await socket.send_json(request_fields)
        reply = json.loads(await socket.receive_str(timeout=10))
        assert reply["id"] == 7 and ("error" in reply or "code" in reply), reply


@pytest.mark.parametrize("query", ["heartbeat=maybe", "top_of_book=", "trades=2"])
async def test_a_flag_of_an_address_that_is_none_is_refused(query: str) -> None:
    async with simulated_venues() as (session, base):
        url = f"{base}/v1/marketdata/btcusd?{query}"
        async with session.get(url, headers=UPGRADE) as reply:
            assert reply.status == 400 and (await reply.json())["reason"] == "Bad Request"


async def expect_refusal(socket: ClientWebSocketResponse) -> None:
    reply = json.loads(await socket.receive_str(timeout=10), parse_constant=pytest.fail)
    assert {"error", "result", "msg"} & set(reply), reply


ANOTHER_METHOD = {
    "/api/v3/time": "msg",
    "/v1/symbols": "reason",
    "/api/v2/public/test": "jsonrpc",
    "/api/v2/ticker/btcusd/": "status",
    "/0/public/Time": "error",
    "/products": "message",
}


@pytest.mark.parametrize("path", ANOTHER_METHOD)
async def test_a_method_that_an_address_has_not_is_refused_in_its_venues_words(path: str) -> None:
    async with simulated_venues() as (session, base), session.put(base + path) as reply:
        assert ANOTHER_METHOD[path] in await reply.json() and 400 <= reply.status < 500
