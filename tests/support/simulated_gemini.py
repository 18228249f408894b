"""Signed requests to the simulated Gemini."""

import base64
import hashlib
import hmac
import json
from itertools import count
from typing import Any

from aiohttp import ClientSession

from tests.support.simulated_venues import SECRET

ORDER = {"symbol": "btcusd", "amount": "0.01", "price": "10000.00", "side": "buy"} | {
    "type": "exchange limit"
}
_nonces = count(1)


def sign_gemini(path: str, **params: Any) -> dict[str, str]:
    """The headers of a private request."""
    body = {"request": path, "nonce": next(_nonces), **params}
    payload = base64.b64encode(json.dumps(body).encode())
    signature = hmac.new(SECRET.encode(), payload, hashlib.sha384).hexdigest()
    return {
        "X-GEMINI-APIKEY": "account-k",
        "X-GEMINI-PAYLOAD": payload.decode(),
        "X-GEMINI-SIGNATURE": signature,
    }


async def post_gemini(
    session: ClientSession, base: str, path: str, **params: Any
) -> tuple[int, Any]:
    """Status and JSON of a private request."""
    async with session.post(base + path, headers=sign_gemini(path, **params)) as reply:
        return reply.status, await reply.json()
