"""One connection's life: open, subscribe, decode, answer, watch for silence, end with a cause."""

import asyncio
import itertools
import logging
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

from include.backoff import Backoff
from include.errors import RateLimited, RejectedFrame, Unreachable
from include.log import event
from include.market.events import Frame
from include.market.time import SECOND_US
from streaming.feeds.decoding import DecodedFrame, Decoder, PageRequest, Request
from streaming.feeds.feed_publisher import FeedPublisher
from streaming.feeds.fetch import OK, WAIT_FOR, Fetch, fetch_alone
from streaming.feeds.stopping import wait_for_stop
from streaming.feeds.stream_spec import StreamSpec
from streaming.feeds.transport import Connect, Socket
from streaming.feeds.turn import Turn, WaitingFrames

REFUSED, RESYNC = "refused", "resync"
START, HANDOVER = "start", "handover"  # causes of a process's first connections
RENEW = "renew"
RENEW_AFTER = 2  # times `stale_s` of silence
WATCH_EVERY_S = 1.0
PAGE_BACKOFF = Backoff(first_s=1.0, max_s=60.0)
log = logging.getLogger("tickhouse.feeds")


@dataclass
class Connection:
    """Follows one stream once. Set `retire` to end it; `cause` is why it was opened.

    `live` is set by the first message; `needs_successor` when another connection should be opened
    before this one ends, for the cause `successor_cause`.
    What comes before the `turn` of its process is `waiting`, and so is its own `connect`.
    `wait_s` is how long the venue asked us to wait when it refused the connection. `opened_us` is
    when it was opened.
    """

    spec: StreamSpec
    publisher: FeedPublisher
    connect: Connect
    conn: str
    decoder: Decoder
    cause: str
    stale_s: float
    retire: asyncio.Event = field(default_factory=asyncio.Event)
    live: asyncio.Event = field(default_factory=asyncio.Event)
    needs_successor: asyncio.Event = field(default_factory=asyncio.Event)
    successor_cause: str = RENEW
    wait_s: float = 0.0
    opened_us: int = 0
    fetch: Fetch = fetch_alone
    turn: Turn = field(default_factory=Turn.start_at_once)
    waiting: WaitingFrames | None = None
    _frame_us: int = 0
    _data_us: int = 0
    _stale: str = ""
    _jobs: set["asyncio.Future[None]"] = field(default_factory=set)
    _pages: "asyncio.Queue[PageRequest]" = field(default_factory=asyncio.Queue)

    async def follow(self, stop: asyncio.Event) -> str:
        """Run until it ends; returns the cause, `refused…` when it never opened."""
        self.opened_us = self._frame_us = self._data_us = self.publisher.now_us()
        async with AsyncExitStack() as stack:
            try:
                socket = await stack.enter_async_context(self.connect(self.spec.url))
                for text in self.spec.subscribe:
                    await socket.send(text)
            except (Unreachable, RateLimited) as error:
                self.wait_s = getattr(error, "retry_after_s", 0.0)
                cause = f"{REFUSED}: {error}"
                self._publish_entry("disconnect", cause)
                return cause
            self._publish_entry("connect", self.cause)
            cause = await self._run_until_end(socket, stop)
        self._publish_entry("disconnect", cause)
        return cause

    def _publish_entry(self, entry: str, cause: str) -> None:
        """Publish an entry for the ledger; a connection that waits is not in it yet."""
        if self.waiting is None:
            self.publisher.publish_entry(entry, cause, conn=self.conn)

    async def _run_until_end(self, socket: Socket, stop: asyncio.Event) -> str:
        retired = wait_for_stop(self.retire, "renewed")
        tasks: list[asyncio.Future[str]] = [
            asyncio.ensure_future(job)
            for job in (
                self._frames(socket),
                self._fetch_pages(socket),
                self._watch(socket),
                wait_for_stop(stop),
                retired,
            )
        ]
        tasks += [asyncio.ensure_future(self._age())] if self.spec.life_s else []
        tasks += [asyncio.ensure_future(self._await_turn())] if self.waiting else []
        try:
            ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            return next(iter(ended)).result()
        finally:
            started: list[asyncio.Future[Any]] = [*tasks, *self._jobs]
            for task in started:
                task.cancel()
            await asyncio.gather(*started, return_exceptions=True)

    async def _await_turn(self) -> str:
        """Publish what waited when the turn has come; or end: the next one shows the hole."""
        await self.turn.wait()
        if not self.turn.is_continued:
            return START
        self._publish_held_back()
        return await wait_for_stop(self.retire, "renewed")

    def _publish_held_back(self) -> None:
        """Publish what waited, behind the trades of the process before; what it asks was asked."""
        waiting, self.waiting = self.waiting, None
        if waiting is None:
            return
        self.publisher.publish_entry("connect", HANDOVER, conn=self.conn, at_us=self.opened_us)
        decoded = [self._take_now(frame) for frame in waiting.frames]
        if any(result.resync for result in decoded):
            self._request_successor(RESYNC)

    async def _frames(self, socket: Socket) -> str:
        while True:
            try:
                data = await socket.receive()
            except Unreachable as error:
                return str(error)
            if cause := await self._take_and_answer(data, socket):
                return cause

    async def _fetch_pages(self, socket: Socket) -> str:
        """Fetch the pages that the decoder asks for, one after the other, and take each in."""
        while True:
            data = await self._fetch_page(await self._pages.get())
            if cause := await self._take_and_answer(data, socket):
                return cause

    async def _take_and_answer(self, data: bytes, socket: Socket) -> str:
        """Take a frame and send what the decoder asks for; why the connection ends, if it does."""
        decoded = self.take(Frame(data=data, received_time=self.publisher.now_us()))
        for request in decoded.requests:
            try:
                await self._send(socket, request)
            except Unreachable as error:
                return str(error)
        if decoded.renew:
            self._request_successor(decoded.renew)
        return RESYNC if decoded.resync else ""

    async def _fetch_page(self, page: PageRequest) -> bytes:
        """The page as a frame; whatever refuses it is asked again, as late as the venue wants."""
        for failures in itertools.count():
            wait_s = PAGE_BACKOFF.wait_s(failures)
            try:
                reply = await self.fetch(page.url, {})
                if reply.status == OK:
                    return page.frame(reply.body)
                otherwise_s = WAIT_FOR.get(reply.status, wait_s)
                wait_s = reply.wait_s(now_s=time.time(), otherwise=otherwise_s)
                cause = f"http {reply.status}"
            except Unreachable as error:
                cause = str(error)
            self.publisher.counts["pages refused"] += 1
            log.warning(event("page refused", venue=self.spec.venue, page=page.url, why=cause))
            await asyncio.sleep(wait_s)
        raise AssertionError("counting does not end")

    def take(self, frame: Frame) -> DecodedFrame:
        """Decode and publish a frame; gives what the decoder asks for, nothing if it rejects.

        One that comes before the turn of its process waits.
        """
        if self.turn.is_continued:
            self._publish_held_back()
        return self._take_now(frame) if self.waiting is None else self._wait(frame, self.waiting)

    def _take_now(self, frame: Frame) -> DecodedFrame:
        self._frame_us = frame.received_time
        self.publisher.counts["frames"] += 1
        if self.publisher.record:
            self.publisher.record(self.conn, frame)
        try:
            decoded = self.decoder.decode(frame)
        except RejectedFrame as rejection:
            self._recover(has_data=False)
            self.publisher.publish_reject(frame, rejection, conn=self.conn)
            return DecodedFrame((), resync=rejection.needs_snapshot)
        if decoded.rejected:
            self.publisher.publish_rejected_parts(frame, decoded.rejected, conn=self.conn)
        has_data = False
        for message in decoded.messages:
            has_data = has_data or message.kind != "heartbeat"
        if has_data:
            self._data_us = frame.received_time
        if self._stale:
            self._recover(has_data=has_data)
        for message in decoded.messages:
            self.publisher.publish_message(message, frame)
        if decoded.messages:
            self.live.set()
        return decoded

    def _wait(self, frame: Frame, waiting: WaitingFrames) -> DecodedFrame:
        self._frame_us = self._data_us = frame.received_time
        decoded = waiting.take(frame)
        if decoded.messages:
            self.live.set()
        return decoded

    def _recover(self, *, has_data: bool) -> None:
        """Heartbeats end a silence, only data ends a quiet spell."""
        if self._stale == "silent" or (self._stale and has_data):
            self._stale = ""
            self.publisher.publish_entry("recovered", "frame", conn=self.conn)

    async def _send(self, socket: Socket, request: Request | PageRequest) -> None:
        if not request.after_s:
            await self._send_now(socket, request)
            return

        async def send_later() -> None:
            await asyncio.sleep(request.after_s)
            await self._send_now(socket, request)

        job = asyncio.ensure_future(send_later())
        self._jobs.add(job)
        job.add_done_callback(self._jobs.discard)

    async def _send_now(self, socket: Socket, request: Request | PageRequest) -> None:
        if isinstance(request, PageRequest):
            self._pages.put_nowait(request)
        else:
            await socket.send(request.text)

    async def _watch(self, socket: Socket) -> str:
        """Report a silence of `stale_s` seconds; end the connection if no ping is answered then.

        A venue that answers pings and sends nothing may have forgotten us: if that lasts, a
        successor is opened, and this connection ends only when that one has data. Without data
        but with heartbeats the market is quiet: that is reported, and left alone.
        """
        while True:
            await asyncio.sleep(min(WATCH_EVERY_S, self.stale_s / 4))
            now_us = self.publisher.now_us()
            silent_s = (now_us - self._frame_us) / SECOND_US
            quiet_s = (now_us - self._data_us) / SECOND_US
            if quiet_s < self.stale_s or self.waiting is not None:
                continue
            staleness = "silent" if silent_s >= self.stale_s else "quiet"
            if not self._stale or (staleness == "silent" and self._stale == "quiet"):
                self._stale = staleness
                self.publisher.publish_entry(
                    "stale", staleness, conn=self.conn, detail=f"{quiet_s:.0f} s"
                )
            if staleness == "silent" and not await socket.probe():
                return "silent"
            if silent_s >= RENEW_AFTER * self.stale_s:
                self._request_successor("silent")

    def _request_successor(self, cause: str) -> None:
        self.successor_cause = cause
        self.needs_successor.set()

    async def _age(self) -> str:
        """Ask for a successor before the venue cuts this connection; then wait to be retired."""
        await asyncio.sleep(self.spec.life_s or 0)
        self._request_successor(RENEW)
        return await wait_for_stop(self.retire, "renewed")
