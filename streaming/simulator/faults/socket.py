"""A server's websocket whose messages pass the loaded faults."""

import struct
from contextlib import suppress

from aiohttp import WSMessage, WSMsgType, web

from streaming.simulator.clock import Clock
from streaming.simulator.faults.message_filter import (
    RESET,
    EndConnection,
    MessageFilter,
    SendMessage,
    Step,
)

_TEXT, _SHORT, _MIDDLE = 0x81, 126, 65536


class FaultySocket(web.WebSocketResponse):
    """A websocket that sends and receives what its message filter lets pass."""

    def __init__(
        self, message_filter: MessageFilter, clock: Clock, *, heartbeat_s: float | None = None
    ) -> None:
        super().__init__(compress=False, heartbeat=heartbeat_s)
        self._filter, self._clock = message_filter, clock

    @property
    def withholds_data(self) -> bool:
        """Whether a fault holds data back while heartbeats go on."""
        return self._filter.withholds_data(self._clock.now_s())

    async def send_str(self, data: str, compress: int | None = None) -> None:
        """Send a text, or what the faults make of it."""
        await self._take_steps(self._filter.filter_message(data, self._clock.now_s()))

    async def receive(self, timeout: float | None = None) -> WSMessage:  # noqa: ASYNC109 (aiohttp's)
        """Wait for the next message that no fault removes."""
        while True:
            message: WSMessage = await super().receive(timeout)
            if message.type is not WSMsgType.TEXT:
                return message
            if self._filter.cut_off(self._clock.now_s()):
                continue
            steps = self._filter.filter_request(message.data, self._clock.now_s())
            if steps is None:
                return message
            await self._take_steps(steps)

    async def ping(self, message: bytes = b"") -> None:
        """Send a ping, unless nothing passes."""
        if not self._filter.cut_off(self._clock.now_s()):
            await super().ping(message)

    async def pong(self, message: bytes = b"") -> None:
        """Answer a ping, unless nothing passes."""
        if not self._filter.cut_off(self._clock.now_s()):
            await super().pong(message)

    async def _take_steps(self, steps: list[Step]) -> None:
        for step in steps:
            if isinstance(step, EndConnection):
                await self._end(step)
                return
            await self._send(step)

    async def _send(self, step: SendMessage) -> None:
        with suppress(ConnectionError):  # closed: the reader of this socket ends too
            if step.raw is None:
                await super().send_str(step.text)
            else:
                await self.send_frame(step.raw, WSMsgType.TEXT)

    async def _end(self, end: EndConnection) -> None:
        """Close with a code, reset TCP, or leave it in the midst of a frame."""
        if end.code != RESET:
            await self.close(code=end.code)
            return
        transport = self._req.transport if self._req else None
        if transport is None:
            return
        if end.half:
            transport.write(half_a_frame(end.half.encode(), end.share))
            transport.close()
        else:
            transport.abort()


def half_a_frame(frame_payload: bytes, share: float) -> bytes:
    """A frame's head for the whole payload, and this share of it."""
    size = len(frame_payload)
    if size < _SHORT:
        head = struct.pack("!BB", _TEXT, size)
    elif size < _MIDDLE:
        head = struct.pack("!BBH", _TEXT, _SHORT, size)
    else:
        head = struct.pack("!BBQ", _TEXT, _SHORT + 1, size)
    return head + frame_payload[: int(size * share)]
