"""The simulated Gemini's further answers, and addresses that no venue has."""

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from aiohttp import ClientSession

from streaming.simulator.gemini_account import PRIVATE
from tests.support.simulated_venues import SECRET, differences, simulated_venues

ORDER = {"symbol": "btcusd", "amount": "0.01", "price": "10000.00", "side": "buy"}
ORDER["type"] = "exchange limit"
SHAPES: dict[str, Any] = {
    "order/cancel/all": {"result": "ok", "details": {"cancelledOrders": [int]}},
    "order/cancel/session": {"result": "ok", "details": {"cancelRejects": []}},
    "orders": [{"order_id": str, "is_live": True}],
    "orders/history": [],
    "mytrades": [],
    "tradevolume": [[]],
    "notionalvolume": {"api_maker_fee_bps": int, "api_taker_fee_bps": int},
    "heartbeat": {"result": "ok"},
    "transfers": [],
    "balances": [{"currency": str, "amount": str, "available": str}],
}


async def post(session: ClientSession, base: str, name: str, nonce: int, **params: Any) -> Any:
    body = {"request": f"/v1/{name}", "nonce": nonce, **params}
    payload = base64.b64encode(json.dumps(body).encode())
    signature = hmac.new(SECRET.encode(), payload, hashlib.sha384).hexdigest()
    headers = {
        "X-GEMINI-APIKEY": "account-k",
        "X-GEMINI-PAYLOAD": payload.decode(),
        "X-GEMINI-SIGNATURE": signature,
    }
    async with session.post(f"{base}/v1/{name}", headers=headers) as reply:
        return await reply.json()


def test_every_private_address_is_tried_here() -> None:
    orders = {"order/new", "order/status", "order/cancel"}  # tried by ccxt
    assert set(SHAPES) | orders == set(PRIVATE)


@pytest.mark.parametrize("name", SHAPES)
async def test_a_private_call_has_the_documented_fields(name: str) -> None:
    async with simulated_venues() as (session, base):
        order = await post(session, base, "order/new", 1, **ORDER)
        assert order["is_live"]
        reply = await post(session, base, name, 2)
        assert differences(SHAPES[name], reply) == []
        if name.startswith("order/cancel"):
            assert reply["details"]["cancelledOrders"] == [int(order["order_id"])]
            assert await post(session, base, "orders", 3) == []


async def test_the_price_feed_and_auctions_are_public() -> None:
    async with simulated_venues() as (session, base):
        async with session.get(f"{base}/v1/pricefeed") as reply:
            feed = [{"pair": "BTCUSD", "price": str, "percentChange24h": str}]
            assert differences(feed, await reply.json()) == []
        async with session.get(f"{base}/v1/auction/btcusd/history") as reply:
            assert await reply.json() == []


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/v1/nosuch", "reason"),
        ("/v2/nosuch", "reason"),
        ("/api/v2/nosuch/", "reason"),
        ("/api/v3/nosuch", "code"),
        ("/0/public/Nosuch", "error"),
        ("/products/BTC-USD/nosuch", "message"),
        ("/data/nosuch", "Message"),
    ],
)
async def test_an_address_that_no_venue_has_is_refused_as_json(path: str, name: str) -> None:
    async with simulated_venues() as (session, base):
        for method in ("GET", "POST"):
            async with session.request(method, base + path) as reply:
                assert name in await reply.json()
