"""Plays a tape over a websocket, byte for byte, with its recorded spacing over `speed`."""

import asyncio
import time
from pathlib import Path

from aiohttp import WSMsgType, web

from include.market.time import SECOND_US
from streaming.feeds.tape import read_tape


class TapePlayer:
    """Serves one recorded connection; every connection plays it from its start.

    After it was played to its end, later connections, such as those a feed opens because the market
    fell silent, stay silent too.
    """

    def __init__(self, path: Path, *, speed: float) -> None:
        """Read the tape into memory.

        Raises:
            SettingsError: it is absent.
        """
        self.symbol = path.name.partition("_")[0].lower()
        self._frames, self._speed = list(read_tape(path)), speed
        self._over = False

    async def websocket(self, request: web.Request) -> web.WebSocketResponse:
        """Serve the tape; after its end the socket stays open and silent."""
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        player = asyncio.ensure_future(self._play(socket))
        try:
            async for _ in socket:
                continue
        finally:
            player.cancel()
        return socket

    async def _play(self, socket: web.WebSocketResponse) -> None:
        started = time.monotonic()
        for frame in () if self._over else self._frames:
            passed_s = (
                (frame.received_time - self._frames[0].received_time) / SECOND_US / self._speed
            )
            wait_s = started + passed_s - time.monotonic()
            if wait_s > 0:
                await asyncio.sleep(wait_s)
            await socket.send_frame(frame.data, WSMsgType.TEXT)
        self._over = True
