"""One supervised connection: connect, subscribe, decode, publish, and again whatever happens.

If the process dies, the next one's `connect` row of cause `start` shows where the hole is.
"""

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from include.errors import RejectedFrame, Unreachable
from include.log import event
from include.market import wire
from include.market.events import Frame, Message
from streaming.feeds.decoded import Decoder
from streaming.feeds.ledger import ledger
from streaming.feeds.registry import Link
from streaming.feeds.stopping import paused, stopped
from streaming.feeds.transport import Connect, Socket

BACKOFF_MOST_S = 30.0
BACKOFF_FIRST_S = 0.25
MAX_REJECT_BYTES = 5_900_000  # base64 of it still fits a Kafka message

log = logging.getLogger("tickhouse.feeds")


def backoff(failures: int, rng: random.Random) -> float:
    """Give the seconds to wait before attempt `failures` + 1: doubled, capped, with jitter."""
    longest = min(BACKOFF_MOST_S, BACKOFF_FIRST_S * 2.0 ** min(failures, 20))
    return longest * rng.uniform(0.5, 1.0)


@dataclass
class Feed:
    """Keeps one link alive until told to stop. `now_us` is the wall clock, `conn_id` gives ids."""

    link: Link
    connect: Connect
    publish: Callable[[Message], None]
    now_us: Callable[[], int]
    conn_id: Callable[[], str]
    rng: random.Random
    stale_s: float
    record: Callable[[str, Frame], None] | None = None
    counts: Counter[str] = field(default_factory=Counter)
    _decoder: Decoder | None = None
    _conn: str = ""
    _last_us: int = 0
    _stale: bool = False
    _failures: int = 0
    _cause: str = "start"

    async def run(self, stop: asyncio.Event) -> None:
        """Follow the venue until `stop`.

        Raises:
            Unreachable: Kafka took no message; only a restart of the process can tell the hole.
        """
        while not stop.is_set():
            await self._one_connection(stop)
            if not stop.is_set():
                delay_s = backoff(self._failures, self.rng)
                self._failures += 1
                await paused(stop, delay_s)

    async def _one_connection(self, stop: asyncio.Event) -> None:
        self._conn = self.conn_id()
        self._stale, self._last_us = False, self.now_us()
        async with AsyncExitStack() as stack:
            try:
                socket = await stack.enter_async_context(self.connect(self.link.url))
                for text in self.link.subscribe:
                    await socket.send(text)
            except Unreachable as error:
                self.counts["refused"] += 1
                log.warning(event("feed refused", venue=self.link.venue, cause=error))
                return
            self._tell("connect", self._cause)
            self._decoder = self.link.decoder(self._conn, self._decoder)
            self._cause = await self._until_ended(socket, stop)
        self._tell("disconnect", self._cause)

    async def _until_ended(self, socket: Socket, stop: asyncio.Event) -> str:
        """Run the connection's tasks; returns the cause of its end."""
        tasks = [
            asyncio.ensure_future(job)
            for job in (self._frames(socket), self._watch(socket), stopped(stop))
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            return next(iter(done)).result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _frames(self, socket: Socket) -> str:
        while True:
            try:
                data = await socket.receive()
            except Unreachable as error:
                return str(error)
            if self.take(Frame(data=data, received_time=self.now_us())):
                return "resync"

    def take(self, frame: Frame) -> bool:
        """Decode and publish a frame; true asks for a new connection."""
        self._last_us = frame.received_time
        self.counts["frames"] += 1
        if self._stale:
            self._stale = False
            self._tell("recovered", "frame")
        if self.record:
            self.record(self._conn, frame)
        assert self._decoder is not None
        try:
            decoded = self._decoder.decode(frame)
        except RejectedFrame as refused:
            self._reject(frame, refused)
            return False
        for message in decoded.messages:
            self._publish(message, frame)
        if decoded.messages:
            self._failures = 0
        return decoded.resync

    async def _watch(self, socket: Socket) -> str:
        """Tell a silence of `stale_s` seconds; end the connection if no ping is answered then."""
        while True:
            await asyncio.sleep(self.stale_s / 4)
            silent_s = (self.now_us() - self._last_us) / 1e6
            if silent_s < self.stale_s:
                continue
            if not self._stale:
                self._stale = True
                self._tell("stale", "silent", detail=f"{silent_s:.0f} s")
            if not await socket.probe():
                return "silent"

    def _publish(self, message: Message, frame: Frame) -> None:
        if len(frame.data) > MAX_REJECT_BYTES:
            value = wire.encode(message)
            if len(value) > wire.MAX_MESSAGE_BYTES:
                self._reject(frame, RejectedFrame("too_large", f"{len(value)} bytes"))
                return
        if message.kind == "ledger":
            self.counts["gaps"] += 1
            log.warning(event("feed gap", venue=message.venue, symbol=message.symbol,
                              conn=message.conn, seq=message.seq))  # fmt: skip
        self.counts[message.kind] += 1
        self.publish(message)

    def _reject(self, frame: Frame, refused: RejectedFrame) -> None:
        self.counts["rejects"] += 1
        kept, detail = frame.data[:MAX_REJECT_BYTES], refused.detail
        if len(kept) < len(frame.data):
            detail = f"cut to {len(kept)} of {len(frame.data)} bytes; {detail}"
        self.publish(
            wire.rejected(
                kept, venue=self.link.venue, conn=self._conn, received_time=frame.received_time,
                reason=refused.reason, detail=detail,
            )
        )  # fmt: skip

    def _tell(self, entry: str, cause: str, *, detail: str = "") -> None:
        self.counts[entry] += 1
        log.info(event(f"feed {entry}", venue=self.link.venue, conn=self._conn, cause=cause))
        for symbol in self.link.symbols:
            self.publish(
                ledger(entry, cause, venue=self.link.venue, symbol=symbol, conn=self._conn,
                       at=self.now_us(), detail=detail)
            )  # fmt: skip
