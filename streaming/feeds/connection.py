"""One connection's life: open, subscribe, decode, answer, watch for silence, end with a cause."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

from include.errors import RateLimited, RejectedFrame, Unreachable
from include.market.events import Frame
from streaming.feeds.decoded import Decoded, Decoder, Send
from streaming.feeds.outlet import Outlet
from streaming.feeds.registry import Link
from streaming.feeds.stopping import stopped
from streaming.feeds.transport import Connect, Socket

REFUSED = "refused"
RENEW = "renew"
RENEW_AFTER = 2  # times `stale_s` of silence
WATCH_EVERY_S = 1.0


@dataclass
class Connection:
    """Follows one link once. Set `retire` to end it; `cause` says why it was opened.

    `live` is set by the first message; `worn` when a successor should be opened before this ends,
    for the cause `worn_by`.
    `wait_s` is how long the venue asked us to wait when it refused the connection.
    """

    link: Link
    outlet: Outlet
    connect: Connect
    conn: str
    decoder: Decoder
    cause: str
    stale_s: float
    retire: asyncio.Event = field(default_factory=asyncio.Event)
    live: asyncio.Event = field(default_factory=asyncio.Event)
    worn: asyncio.Event = field(default_factory=asyncio.Event)
    worn_by: str = RENEW
    wait_s: float = 0.0
    _frame_us: int = 0
    _data_us: int = 0
    _stale: str = ""
    _jobs: set["asyncio.Future[None]"] = field(default_factory=set)

    async def follow(self, stop: asyncio.Event) -> str:
        """Run until it ends; returns the cause, `refused…` when it never opened."""
        self._frame_us = self._data_us = self.outlet.now_us()
        async with AsyncExitStack() as stack:
            try:
                socket = await stack.enter_async_context(self.connect(self.link.url))
                for text in self.link.subscribe:
                    await socket.send(text)
            except (Unreachable, RateLimited) as error:
                self.wait_s = getattr(error, "retry_after_s", 0.0)
                cause = f"{REFUSED}: {error}"
                self.outlet.tell("disconnect", cause, conn=self.conn)
                return cause
            self.outlet.tell("connect", self.cause, conn=self.conn)
            cause = await self._until_ended(socket, stop)
        self.outlet.tell("disconnect", cause, conn=self.conn)
        return cause

    async def _until_ended(self, socket: Socket, stop: asyncio.Event) -> str:
        retired = stopped(self.retire, "renewed")
        tasks: list[asyncio.Future[str]] = [
            asyncio.ensure_future(job)
            for job in (self._frames(socket), self._watch(socket), stopped(stop), retired)
        ]
        tasks += [asyncio.ensure_future(self._age())] if self.link.life_s else []
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            return next(iter(done)).result()
        finally:
            started: list[asyncio.Future[Any]] = [*tasks, *self._jobs]
            for task in started:
                task.cancel()
            await asyncio.gather(*started, return_exceptions=True)

    async def _frames(self, socket: Socket) -> str:
        while True:
            try:
                data = await socket.receive()
            except Unreachable as error:
                return str(error)
            decoded = self.take(Frame(data=data, received_time=self.outlet.now_us()))
            for send in decoded.sends:
                try:
                    await self._send(socket, send)
                except Unreachable as error:
                    return str(error)
            if decoded.renew:
                self._wear(decoded.renew)
            if decoded.resync:
                return "resync"

    def take(self, frame: Frame) -> Decoded:
        """Decode and publish a frame; gives what the decoder asks for, nothing if it refused."""
        self._frame_us = frame.received_time
        self.outlet.counts["frames"] += 1
        if self.outlet.record:
            self.outlet.record(self.conn, frame)
        try:
            decoded = self.decoder.decode(frame)
        except RejectedFrame as refused:
            self._recover(frame, data=False)
            self.outlet.refusal(frame, refused, conn=self.conn)
            return Decoded(())
        self._recover(frame, data=any(one.kind != "heartbeat" for one in decoded.messages))
        for message in decoded.messages:
            self.outlet.message(message, frame)
        if decoded.messages:
            self.live.set()
        return decoded

    def _recover(self, frame: Frame, *, data: bool) -> None:
        """Heartbeats end a silence, only data ends a quiet spell."""
        if data:
            self._data_us = frame.received_time
        if self._stale == "silent" or (self._stale and data):
            self._stale = ""
            self.outlet.tell("recovered", "frame", conn=self.conn)

    async def _send(self, socket: Socket, send: Send) -> None:
        if not send.after_s:
            await socket.send(send.text)
            return

        async def later() -> None:
            await asyncio.sleep(send.after_s)
            await socket.send(send.text)

        job = asyncio.ensure_future(later())
        self._jobs.add(job)
        job.add_done_callback(self._jobs.discard)

    async def _watch(self, socket: Socket) -> str:
        """Tell a silence of `stale_s` seconds; end the connection if no ping is answered then.

        A venue that answers pings and says nothing may have forgotten us: if that lasts, a
        successor is opened, and this connection ends only when that one has data. Without data
        but with heartbeats the market is quiet: that is told, and left alone.
        """
        while True:
            await asyncio.sleep(min(WATCH_EVERY_S, self.stale_s / 4))
            now_us = self.outlet.now_us()
            silent_s, quiet_s = (now_us - self._frame_us) / 1e6, (now_us - self._data_us) / 1e6
            if quiet_s < self.stale_s:
                continue
            found = "silent" if silent_s >= self.stale_s else "quiet"
            if not self._stale or (found == "silent" and self._stale == "quiet"):
                self._stale = found
                self.outlet.tell("stale", found, conn=self.conn, detail=f"{quiet_s:.0f} s")
            if found == "silent" and not await socket.probe():
                return "silent"
            if silent_s >= RENEW_AFTER * self.stale_s:
                self._wear("silent")

    def _wear(self, cause: str) -> None:
        self.worn_by = cause
        self.worn.set()

    async def _age(self) -> str:
        """Ask for a successor before the venue cuts this connection; then wait to be retired."""
        await asyncio.sleep(self.link.life_s or 0)
        self._wear(RENEW)
        return await stopped(self.retire, "renewed")
