"""Asking one supplier for its prices, again and again, politely; what fails is a ledger row."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from include.errors import RejectedFrame, Unreachable
from include.log import event
from include.market import wire
from include.market.events import Frame, Message
from include.market.time import SECOND_US, USUAL_BOUND
from include.rate_limiter import RateLimiter
from streaming.feeds.decoding import RejectedParts
from streaming.feeds.feed_publisher import PublishMessage
from streaming.feeds.fetch import OK, WAIT_FOR, Fetch, Reply
from streaming.feeds.ledger import ledger_message
from streaming.feeds.stopping import pause
from streaming.feeds.venues.suppliers import Supplier

RESTRICTED = 451

log = logging.getLogger("tickhouse.feeds")


@dataclass
class Poller:
    """Follows one supplier. `now_us` is the wall clock; each symbol is up or down for itself.

    An answer that is the same to the byte for `unchanged_s` seconds comes from a cache, not from a
    market: it is no quote any more, and the supplier counts as down until it changes. 0: never.
    """

    supplier: Supplier
    symbols: tuple[str, ...]
    fetch: Fetch
    publish: PublishMessage
    now_us: Callable[[], int]
    conn: str
    every_s: float
    limiter: RateLimiter
    unchanged_s: float = 0.0
    counts: Counter[str] = field(default_factory=Counter)
    _up: dict[str, bool] = field(default_factory=dict)
    _answers: dict[str, Frame] = field(default_factory=dict)  # the first of those that are the same

    async def run(self, stop: asyncio.Event) -> None:
        """Ask until `stop`, or until the supplier answers that it may not serve us here (451)."""
        while not stop.is_set():
            started_us = self.now_us()
            for symbol in self.symbols:
                await pause(stop, self.limiter.claim(self.now_us() / SECOND_US))
                if stop.is_set():
                    return
                if await self._ask(symbol) == RESTRICTED:
                    return
            spent_s = (self.now_us() - started_us) / SECOND_US
            await pause(stop, max(0.0, self.every_s - spent_s))

    async def _ask(self, symbol: str) -> int:
        """Ask once and publish; returns the HTTP status, 0 for none."""
        self.counts["asked"] += 1
        url = self.supplier.url + self.supplier.path(symbol)
        try:
            reply = await self.fetch(url, self.supplier.headers)
        except Unreachable as error:
            self._report(symbol, up=False, cause=str(error))
            return 0
        if reply.status == OK:
            self._take(symbol, Frame(data=reply.body, received_time=self.now_us()))
            return OK
        self._hold_off(symbol, reply)
        return reply.status

    def _take(self, symbol: str, frame: Frame) -> None:
        parts = RejectedParts(USUAL_BOUND)
        try:
            message = self.supplier.quote(frame, symbol=symbol, conn=self.conn, parts=parts)
        except RejectedFrame as rejection:
            self._reject(frame, rejection)
            self._report(symbol, up=False, cause=rejection.reason)
            return
        if self._is_unchanged(symbol, frame):
            self.counts["unchanged"] += 1
            cause = f"the same answer for {self.unchanged_s:g} s"
            self._report(symbol, up=False, cause=cause)
            return
        messages = [message, *self._ticker(frame, message, parts)]
        for rejected in parts.rejected:
            self._reject(frame, rejected)
        self._report(symbol, up=True, cause="answers" if symbol in self._up else "start")
        for published in messages:
            self.counts[published.kind] += 1
            self.publish(published)

    def _is_unchanged(self, symbol: str, frame: Frame) -> bool:
        """Whether the supplier has given this very answer for too long."""
        first = self._answers.get(symbol)
        if first is None or first.data != frame.data:
            self._answers[symbol] = first = frame
        age_us = frame.received_time - first.received_time
        return 0 < self.unchanged_s * SECOND_US <= age_us

    def _ticker(self, frame: Frame, quote: Message, parts: RejectedParts) -> list[Message]:
        """The ticker beside a quote, if there is one that can be read."""
        try:
            ticker = self.supplier.ticker(frame, quote, parts)
        except RejectedFrame as rejection:
            parts.add(rejection)
            return []
        return [] if ticker is None else [ticker]

    def _reject(self, frame: Frame, rejection: RejectedFrame) -> None:
        self.counts["rejects"] += 1
        self.publish(
            wire.reject_message(
                frame.data,
                venue=self.supplier.venue,
                conn=self.conn,
                received_time=frame.received_time,
                reason=rejection.reason,
                detail=rejection.detail,
            )
        )

    def _hold_off(self, symbol: str, reply: Reply) -> None:
        now_s = self.now_us() / SECOND_US
        if reply.status in WAIT_FOR:
            wait_s = reply.wait_s(now_s=now_s, otherwise=WAIT_FOR[reply.status])
            self.limiter.hold(now_s, wait_s)
        self._report(symbol, up=False, cause=f"http {reply.status}")

    def _report(self, symbol: str, *, up: bool, cause: str) -> None:
        """Publish a ledger entry when a supplier begins or ceases to answer, not each time."""
        if self._up.get(symbol) is up:
            return
        self._up[symbol] = up
        entry = "connect" if up else "disconnect"
        self.counts[entry] += 1
        venue, write_log = self.supplier.venue, log.info if up else log.warning
        write_log(event(f"supplier {entry}", venue=venue, symbol=symbol, cause=cause))
        self.publish(
            ledger_message(
                entry, cause, venue=venue, symbol=symbol, conn=self.conn, at_us=self.now_us()
            )
        )
