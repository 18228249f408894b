"""The simulator in this process, and what its replies are compared with: documented shapes."""

import hashlib
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode

from aiohttp import ClientSession
from aiohttp.test_utils import TestServer

from include.settings import load
from streaming.simulator.__main__ import make_application

SECRET = "for-tests-only"
KEYS = {
    "TICKHOUSE_VENUES_GEMINI_KEY": "account-k",
    "TICKHOUSE_VENUES_GEMINI_SECRET": SECRET,
    "TICKHOUSE_VENUES_DERIBIT_KEY": "account-k",
    "TICKHOUSE_VENUES_DERIBIT_SECRET": SECRET,
    "TICKHOUSE_SIMULATOR_BINANCE_KEY": "account-k",
    "TICKHOUSE_SIMULATOR_BINANCE_SECRET": SECRET,
}


@asynccontextmanager
async def simulated_venues() -> AsyncIterator[tuple[ClientSession, str]]:
    """A client and the simulator's address, without a slash at its end."""
    async with TestServer(make_application(load(KEYS))) as server, ClientSession() as session:
        yield session, str(server.make_url("")).rstrip("/")


def sign_binance(params: dict[str, str], now_ms: int) -> str:
    """A signed query string."""
    query = urlencode(params | {"timestamp": str(now_ms)})
    signature = hmac.new(SECRET.encode(), query.encode(), hashlib.sha256).hexdigest()
    return f"{query}&signature={signature}"


def differences(shape: Any, reply: Any, at: str = "reply") -> list[str]:
    """Where a reply is not of its documented shape.

    A shape is a type, a tuple of types, a dictionary of shapes (all keys have to be there), a
    list of one shape (each item has it) or of several (the items' shapes in order), or a value.
    """
    if isinstance(shape, dict):
        if not isinstance(reply, dict):
            return [f"{at} is no object: {reply!r}"]
        lines = [f"{at}.{name} is absent" for name in shape if name not in reply]
        for name in set(shape) & set(reply):
            lines += differences(shape[name], reply[name], f"{at}.{name}")
        return lines
    if isinstance(shape, list):
        shapes = shape * len(reply) if len(shape) == 1 and isinstance(reply, list) else shape
        if not isinstance(reply, list) or len(shapes) != len(reply):
            return [f"{at} is no list of {len(shapes)} items: {reply!r}"]
        pairs = enumerate(zip(shapes, reply, strict=True))
        return [line for n, (one, item) in pairs for line in differences(one, item, f"{at}[{n}]")]
    if isinstance(shape, type | tuple):
        kinds = shape if isinstance(shape, tuple) else (shape,)
        return [] if type(reply) in kinds else [f"{at} is {reply!r}, not of {shape}"]
    return [] if reply == shape else [f"{at} is {reply!r}, not {shape!r}"]
