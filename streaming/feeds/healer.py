"""Heals holes of trades: what the ledger says is missing is asked for by REST and published.

A hole closes (a `healed` row) only when the lake holds its ids; until then every run tries again.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Protocol

from include.errors import RejectedFrame, Unreachable
from include.log import event
from include.market.events import LedgerEntry, Message
from include.rate_limiter import RateLimiter
from streaming.feeds.fetch import Fetch
from streaming.feeds.refill import Refill, trade_numbers

OK = 200
MOST_PAGES = 50

log = logging.getLogger("tickhouse.feeds")


@dataclass(frozen=True)
class Hole:
    """Ids of one symbol that the ledger says are missing."""

    venue: str
    symbol: str
    first: int
    last: int


class Lake(Protocol):
    """What healing asks of the lake."""

    def open_holes(self) -> list[Hole]:
        """The holes that are open."""

    def landed_numbers(self, hole: Hole) -> set[int]:
        """The trade numbers within a hole that have landed."""


@dataclass
class Healer:
    """One run over all open holes. `wait_s`: how long a refill may take to land."""

    lake: Lake
    refills: dict[str, Refill]
    fetch: Fetch
    publish: Callable[[Message], None]
    flush: Callable[[], None]
    now_us: Callable[[], int]
    conn: str
    wait_s: float
    healed: int = 0
    refilled: int = 0
    open: list[str] = field(default_factory=list)

    async def run(self) -> dict[str, object]:
        """Refill every hole and close those that have landed whole; a summary for people."""
        numbers_by_hole: dict[Hole, set[int] | None] = {}
        for hole in self.lake.open_holes():
            numbers_by_hole[hole] = await self._refill(hole)
        self.flush()
        deadline = time.monotonic() + self.wait_s
        waiting = {hole: due for hole, due in numbers_by_hole.items() if due is not None}
        while waiting:
            landed_holes = [h for h, due in waiting.items() if due <= self.lake.landed_numbers(h)]
            for hole in landed_holes:
                del waiting[hole]
                self._close(hole)
            if not waiting or time.monotonic() > deadline:
                break
            await asyncio.sleep(1.0)
        self.open += [f"{hole}: not landed yet" for hole in waiting]
        self.flush()
        return {"healed": self.healed, "refilled": self.refilled, "open": self.open}

    async def _refill(self, hole: Hole) -> set[int] | None:
        """Publish what the lake lacks.

        Returns the numbers that must land, null if the venue gave too few.
        """
        refill = self.refills[hole.venue]
        landed_numbers = self.lake.landed_numbers(hole)
        missing = set(range(hole.first, hole.last + 1)) if refill.numbered else set[int]()
        if refill.numbered and missing <= landed_numbers:
            return missing
        refilled = dict[int, Message]()
        try:
            async for message in self._pages(hole, refill):
                refilled |= dict.fromkeys(trade_numbers(message), message)
        except (Unreachable, RejectedFrame) as error:
            self.open.append(f"{hole}: {error}")
            return None
        lacking = {number: refilled[number] for number in refilled if number not in landed_numbers}
        for message in dict.fromkeys(lacking.values()):
            self.publish(message)
        self.refilled += len(lacking)
        if refill.numbered and not missing <= landed_numbers | set(refilled):
            self.open.append(f"{hole}: the venue lists {len(refilled)} of {len(missing)} trades")
            return None
        return set(refilled)

    async def _pages(self, hole: Hole, refill: Refill) -> AsyncIterator[Message]:
        limiter, first = RateLimiter.half_rate(refill.per_minute), hole.first
        for _ in range(MOST_PAGES):
            await asyncio.sleep(limiter.claim(time.monotonic()))
            reply = await self.fetch(refill.url(hole.symbol, first, hole.last), {})
            if reply.status != OK:
                raise Unreachable(f"http {reply.status}")
            page = refill.trades(
                reply.body, symbol=hole.symbol, conn=self.conn, now_us=self.now_us()
            )
            for message in page:
                if hole.first <= trade_numbers(message)[0] <= hole.last:
                    yield message
            newest = max((trade_numbers(message)[-1] for message in page), default=hole.last)
            if newest >= hole.last or newest < first:
                return
            first = newest + 1

    def _close(self, hole: Hole) -> None:
        self.healed += 1
        log.info(
            event(
                "hole healed",
                venue=hole.venue,
                symbol=hole.symbol,
                first=hole.first,
                last=hole.last,
            )
        )
        entry = LedgerEntry("healed", "refilled by REST", hole.first, hole.last)
        self.publish(
            Message(
                venue=hole.venue,
                symbol=hole.symbol,
                kind="ledger",
                conn=self.conn,
                seq=None,
                venue_time=None,
                received_time=self.now_us(),
                events=(entry,),
            )
        )
