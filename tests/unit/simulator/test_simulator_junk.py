"""What is no JSON, no text or too deep is refused in the venue's format, at every address."""

import json
from typing import Any

import pytest
from aiohttp import ClientSession, ClientWebSocketResponse

from include.settings import load
from streaming.simulator.__main__ import make_application
from streaming.simulator.json_fields import parse_json
from tests.support.simulated_venues import KEYS, simulated_venues

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


@pytest.mark.parametrize("query", ["heartbeat=maybe", "top_of_book=", "trades=2"])
async def test_a_flag_of_an_address_that_is_none_is_refused(query: str) -> None:
    async with simulated_venues() as (session, base):
        url = f"{base}/v1/marketdata/btcusd?{query}"
        headers = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
        headers["Sec-WebSocket-Key"] = "dGhlIHNhbXBsZSBub25jZQ=="
        async with session.get(url, headers=headers) as reply:
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
