"""The one seam to the network: a websocket that gives bytes, and the cause of its end."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

import aiohttp

from include.errors import RateLimited, Unreachable
from streaming.feeds.fetch import WAIT_FOR, Reply

MAX_FRAME_BYTES = 16 * 1024 * 1024
CONNECT_TIMEOUT_S = 15.0
_PROBE_TIMEOUT_S = 10.0


class Socket(Protocol):
    """One open connection to a venue."""

    async def send(self, text: str) -> None:
        """Send a text frame."""

    async def receive(self) -> bytes:
        """Wait for the next frame; Unreachable is the connection's end, with its cause."""

    async def probe(self) -> bool:
        """Ask whether the other end is there, by a ping; for use when it has been silent."""


class Connect(Protocol):
    """Opens connections."""

    def __call__(self, url: str) -> AbstractAsyncContextManager[Socket]:
        """Open one; entering raises Unreachable."""


class WebSocket:
    """A websocket of aiohttp. Answers the server's pings; sends none but when probed."""

    def __init__(self, socket: "aiohttp.ClientWebSocketResponse[bool]") -> None:
        self._socket = socket
        self._answered = asyncio.Event()

    async def send(self, text: str) -> None:
        """Send a text frame.

        Raises:
            Unreachable: the connection is gone.
        """
        try:
            await self._socket.send_str(text)
        except (aiohttp.ClientError, ConnectionError) as error:
            raise Unreachable(f"send failed: {error}") from error

    async def receive(self) -> bytes:
        """Wait for the next frame, undecoded.

        Raises:
            Unreachable: the connection ended; the message is the cause.
        """
        while True:
            message = await self._socket.receive()
            if message.type in {aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY}:
                return bytes(message.data)
            if message.type is aiohttp.WSMsgType.PING:
                await self._pong(message.data)
            elif message.type is aiohttp.WSMsgType.PONG:
                self._answered.set()
            else:
                raise Unreachable(self._close_cause(message.type, message.data))

    async def probe(self) -> bool:
        """Ask whether the other end answers a ping within ten seconds."""
        self._answered.clear()
        try:
            await self._socket.ping()
            await asyncio.wait_for(self._answered.wait(), _PROBE_TIMEOUT_S)
        except (TimeoutError, ConnectionError, aiohttp.ClientError):
            return False
        return True

    async def _pong(self, ping_data: bytes) -> None:
        try:
            await self._socket.pong(ping_data)
        except (aiohttp.ClientError, ConnectionError) as error:
            raise Unreachable(f"pong failed: {error}") from error

    def _close_cause(self, kind: aiohttp.WSMsgType, content: object) -> str:
        if kind is aiohttp.WSMsgType.ERROR:
            return f"error {content!r}"
        code = content if kind is aiohttp.WSMsgType.CLOSE else None
        return f"closed {code or self._socket.close_code or 1006}"


@asynccontextmanager
async def connect(url: str) -> AsyncIterator[Socket]:
    """Open a websocket; leaving closes it.

    Raises:
        Unreachable: it cannot be opened.
        RateLimited: the venue refuses us for some time (403, 418, 429, 451, 503).
    """
    async with aiohttp.ClientSession(trust_env=True) as session:
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                socket = await session.ws_connect(
                    url, autoping=False, max_msg_size=MAX_FRAME_BYTES, decode_text=False
                )
        except aiohttp.WSServerHandshakeError as error:
            raise _connection_error(error.status, error.headers) from error
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise Unreachable(f"{type(error).__name__}: {error}") from error
        try:
            yield WebSocket(socket)
        finally:
            await socket.close()


def _connection_error(status: int, headers: Mapping[str, str] | None) -> Unreachable | RateLimited:
    if status not in WAIT_FOR:
        return Unreachable(f"http {status}")
    reply = Reply(status, b"", (headers or {}).get("Retry-After", ""))
    wait_s = reply.wait_s(now_s=time.time(), otherwise=WAIT_FOR[status])
    return RateLimited(f"http {status}", wait_s)
