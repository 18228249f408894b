"""Requests to the simulated Deribit over HTTP."""

from typing import Any

from aiohttp import ClientSession


async def post(session: ClientSession, base: str, method: str, params: Any, **headers: str) -> Any:
    """The JSON of the answer to a request."""
    body = {"jsonrpc": "2.0", "id": 7, "method": method, "params": params}
    async with session.post(f"{base}/api/v2", json=body, headers=headers) as reply:
        return await reply.json()
