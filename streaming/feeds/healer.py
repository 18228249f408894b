"""Heals holes of trades: what is missing by the ledger is asked for by REST and published.

A hole closes (a `healed` row) only when the venue listed it from end to end and the lake holds
what it listed; until then every run goes on where the lake ends. Numbers that the venue lists
without a trade in them are a `lost` row.
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
from include.market.feed_entries import make_ledger_message
from include.market.time import SECOND_US
from include.rate_limiter import RateLimiter
from streaming.feeds.feed_publisher import PublishMessage
from streaming.feeds.fetch import OK, WAIT_FOR, Fetch
from streaming.feeds.refill import Refill, TradePage, trade_numbers

MAX_PAGES, MAX_PAGES_OF_IDS = 50, 200  # of a hole in one run

log = logging.getLogger("tickhouse.feeds")


@dataclass(frozen=True)
class Hole:
    """Ids of one symbol that are missing by the ledger."""

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
class Listing:
    """What of a hole the venue's pages have listed so far.

    `next_number` is where the next page begins; `begins_late` a first number that shows that the
    venue has forgotten what lies before. `is_whole`: the pages leave nothing of the hole out.
    """

    hole: Hole
    next_number: int
    listed: set[int] = field(default_factory=set)
    empty: set[int] = field(default_factory=set)
    begins_late: int | None = None
    is_whole: bool = False
    is_paused: bool = False  # the next run goes on at `next_number`
    why_open: str = ""


@dataclass
class Healer:
    """One run over all open holes. `wait_s`: how long a refill may take to land.

    `refused_until`: by venue, until when it asked not to be asked (µs UTC); the next run keeps it.
    `resume_at` too: of holes whose ids rise by steps, the number up to which everything has landed.
    """

    lake: Lake
    refills: dict[str, Refill]
    fetch: Fetch
    publish: PublishMessage
    flush: Callable[[], None]
    now_us: Callable[[], int]
    conn: str
    wait_s: float
    healed: int = 0
    refilled: int = 0
    open: list[str] = field(default_factory=list)
    refused_until: dict[str, int] = field(default_factory=dict)
    resume_at: dict[str, int] = field(default_factory=dict)
    _limiters: dict[str, RateLimiter] = field(default_factory=dict)

    async def run(self) -> dict[str, object]:
        """Refill every hole and close those that have landed whole; a summary for people."""
        waiting: dict[Hole, Listing] = {}
        holes = self.lake.open_holes()
        keys = {_key_of(hole) for hole in holes}
        self.resume_at = {key: number for key, number in self.resume_at.items() if key in keys}
        for hole in holes:
            listing = await self._refill(hole)
            if listing.is_whole or listing.is_paused:
                waiting[hole] = listing
            if not listing.is_whole:
                self.open.append(f"{hole}: {listing.why_open}")
        self.flush()
        deadline = time.monotonic() + self.wait_s
        while waiting:
            for hole, listing in list(waiting.items()):
                if self._has_landed(listing):
                    del waiting[hole]
                    self._settle(listing)
            if not waiting or time.monotonic() > deadline:
                break
            await asyncio.sleep(1.0)
        self.open += [f"{hole}: not landed yet" for hole in waiting if waiting[hole].is_whole]
        self.flush()
        return {"healed": self.healed, "refilled": self.refilled, "open": self.open}

    def _has_landed(self, listing: Listing) -> bool:
        hole, landed_numbers = listing.hole, self.lake.landed_numbers(listing.hole)
        if not self.refills[hole.venue].numbered:
            return listing.listed <= landed_numbers
        return len(landed_numbers | listing.empty) == hole.last - hole.first + 1

    async def _refill(self, hole: Hole) -> Listing:
        """Publish what the lake lacks, from the first number that it lacks on."""
        refill, landed_numbers = self.refills[hole.venue], self.lake.landed_numbers(hole)
        if refill.numbered:
            first = _find_missing(hole.first, landed_numbers)
        else:
            first = self.resume_at.get(_key_of(hole), hole.first)
        listing = Listing(hole, next_number=first)
        if refill.numbered and first > hole.last:
            listing.is_whole = True
            return listing
        if self.refused_until.get(hole.venue, 0) > self.now_us():
            listing.why_open = self._refusal(hole.venue)
            return listing
        try:
            async for page in self._pages(listing, refill, landed_numbers):
                self._publish_page(page, listing, landed_numbers)
        except (Unreachable, RejectedFrame) as error:
            listing.why_open = str(error)
        return listing

    def _publish_page(self, page: TradePage, listing: Listing, landed_numbers: set[int]) -> None:
        hole = listing.hole
        listing.empty.update(n for n in page.empty if hole.first <= n <= hole.last)
        for message in page.messages:
            numbers = [n for n in trade_numbers(message) if hole.first <= n <= hole.last]
            missing = [n for n in numbers if n not in landed_numbers and n not in listing.listed]
            listing.listed.update(numbers)
            if missing:
                self.publish(message)
                self.refilled += len(missing)

    async def _pages(
        self, listing: Listing, refill: Refill, landed_numbers: set[int]
    ) -> AsyncIterator[TradePage]:
        """The pages from `next_number` on, which moves behind each."""
        last = listing.hole.last
        for _ in range(MAX_PAGES if refill.numbered else MAX_PAGES_OF_IDS):
            page = await self._ask(listing.hole, refill, listing.next_number)
            numbers = page.numbers()
            behind = [number for number in numbers if number >= listing.next_number]
            if not behind:
                listing.why_open = f"the venue lists no trade from {listing.next_number} on"
                return
            if numbers[0] > listing.next_number:
                listing.begins_late = listing.begins_late or numbers[0]
            yield page
            listing.next_number = _find_missing(behind[-1] + 1, landed_numbers)
            if listing.next_number > last:
                self._judge(listing, refill, landed_numbers)
                return
        listing.is_paused = not refill.numbered and listing.begins_late is None
        listing.why_open = f"the next run goes on at {listing.next_number}"

    def _judge(self, listing: Listing, refill: Refill, landed_numbers: set[int]) -> None:
        """Whether the pages, which have come to the end of the hole, left nothing out."""
        hole = listing.hole
        if refill.numbered:
            size = hole.last - hole.first + 1
            count = len(landed_numbers | listing.listed | listing.empty)
            listing.is_whole = count == size
            listing.why_open = f"the venue lists {count} of {size} trades"
        else:
            listing.is_whole = not listing.begins_late
            listing.why_open = f"the venue lists no trade before {listing.begins_late}"

    async def _ask(self, hole: Hole, refill: Refill, first: int) -> TradePage:
        limiter = self._limiters.setdefault(hole.venue, RateLimiter.half_rate(refill.per_minute))
        await asyncio.sleep(limiter.claim(time.monotonic()))
        begin = first if refill.numbered else first - 1  # a known trade shows where a page begins
        reply = await self.fetch(refill.url(hole.symbol, begin, hole.last), {})
        if reply.status in WAIT_FOR:
            wait_s = reply.wait_s(now_s=time.time(), otherwise=WAIT_FOR[reply.status])
            limiter.hold(time.monotonic(), wait_s)
            self.refused_until[hole.venue] = self.now_us() + int(wait_s * SECOND_US)
            raise Unreachable(f"http {reply.status}: {self._refusal(hole.venue)}")
        if reply.status != OK:
            raise Unreachable(f"http {reply.status}")
        return refill.page(reply.body, symbol=hole.symbol, conn=self.conn, now_us=self.now_us())

    def _refusal(self, venue: str) -> str:
        """Until when the venue is not asked, in words."""
        wait_s = (self.refused_until[venue] - self.now_us()) / SECOND_US
        return f"the venue asked to wait, another {wait_s:.0f} s"

    def _settle(self, listing: Listing) -> None:
        """Close a hole that has landed whole; of one that has landed so far, remember how far."""
        key = _key_of(listing.hole)
        if listing.is_whole:
            self._close(listing)
            self.resume_at.pop(key, None)
        else:
            self.resume_at[key] = listing.next_number

    def _close(self, listing: Listing) -> None:
        self.healed += 1
        hole = listing.hole
        log.info(
            event(
                "hole healed",
                venue=hole.venue,
                symbol=hole.symbol,
                first=hole.first,
                last=hole.last,
            )
        )
        at_us = self.now_us()
        for number in sorted(listing.empty):
            only = Hole(hole.venue, hole.symbol, number, number)
            self.publish(lost_message(only, "empty at the venue", conn=self.conn, at_us=at_us))
        entry = LedgerEntry("healed", "refilled by REST", hole.first, hole.last)
        self.publish(_make_message(hole, entry, conn=self.conn, at_us=at_us))


def lost_message(hole: Hole, cause: str, *, conn: str, at_us: int) -> Message:
    """The ledger's entry that a hole is closed without its trades."""
    entry = LedgerEntry("lost", cause, hole.first, hole.last)
    return _make_message(hole, entry, conn=conn, at_us=at_us)


def _make_message(hole: Hole, entry: LedgerEntry, *, conn: str, at_us: int) -> Message:
    return make_ledger_message(entry, venue=hole.venue, symbol=hole.symbol, conn=conn, at_us=at_us)


def _key_of(hole: Hole) -> str:
    return f"{hole.venue} {hole.symbol} {hole.first} {hole.last}"


def _find_missing(first: int, landed_numbers: set[int]) -> int:
    while first in landed_numbers:
        first += 1
    return first
