"""Plays a tape over a websocket, with its recorded spacing over `speed`, frame for frame.

Each connection that the tape recorded is one here too: byte for byte, and cut where the recorder's
was. A client that comes back goes on behind the last frame that was sent; in the middle of a
recorded connection it gets the book first, as from the venue.
"""

import asyncio
import time
from pathlib import Path

from aiohttp import ClientConnectionResetError, WSCloseCode, WSMsgType, web

from include.market.events import Frame
from include.market.time import SECOND_US
from streaming.feeds.recorded_connections import numbered_connections
from streaming.feeds.tape import read_tape
from streaming.simulator.tape_book import name_start, take_up


class TapePlayer:
    """Serves the connections of one tape, one after the other, to one client.

    After it was played to its end, later connections, such as those a feed opens because the market
    fell silent, stay silent too.
    """

    def __init__(self, path: Path, *, speed: float) -> None:
        """Read the tape into memory.

        Raises:
            SettingsError: it is absent.
        """
        self.symbol = path.name.partition("_")[0].lower()
        self._speed = speed
        self._connections: list[list[Frame]] = []
        for number, frame in numbered_connections(read_tape(path), name_start):
            if number == len(self._connections):
                self._connections.append([])
            self._connections[number].append(frame)
        self._connection = self._sent_frames = (
            0  # which connection is played, and how many of its frames
        )
        self._player: asyncio.Future[None] | None = None

    async def websocket(self, request: web.Request) -> web.WebSocketResponse:
        """Serve the next connection; after the last one's end the socket stays open and silent."""
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        if self._player:  # a second client, such as a successor, goes on where the first one was
            self._player.cancel()
        player = self._player = asyncio.ensure_future(self._play(socket))
        try:
            async for _ in socket:
                continue
        finally:
            player.cancel()
        return socket

    async def _play(self, socket: web.WebSocketResponse) -> None:
        if self._connection == len(self._connections):
            return
        frames, first = self._connections[self._connection], self._sent_frames
        texts = [frame.data for frame in frames[first:]]
        if first:
            snapshot, *texts = take_up([frame.data for frame in frames[:first]], texts)
            await socket.send_frame(snapshot, WSMsgType.TEXT)
        started = time.monotonic()
        for frame, text in zip(frames[first:], texts, strict=True):
            passed_s = (frame.received_time - frames[first].received_time) / SECOND_US / self._speed
            wait_s = started + passed_s - time.monotonic()
            if wait_s > 0:
                await asyncio.sleep(wait_s)
            self._sent_frames += 1  # it is written at once, whatever ends the wait for its delivery
            try:
                await socket.send_frame(text, WSMsgType.TEXT)
            except ClientConnectionResetError:
                self._sent_frames -= 1
                return
        self._connection, self._sent_frames = self._connection + 1, 0
        if self._connection < len(self._connections):
            await socket.close(code=WSCloseCode.GOING_AWAY, message=b"the recording was cut here")
