"""A link kept alive: connect again whatever happens, and a successor before a planned end.

If the process dies, the next one's `connect` row of cause `start` shows where the hole is.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from include.backoff import Backoff
from include.market.events import Frame, Message
from streaming.feeds.connection import Connection
from streaming.feeds.outlet import Outlet
from streaming.feeds.registry import Link
from streaming.feeds.stopping import paused
from streaming.feeds.transport import Connect

BACKOFF = Backoff(first_s=0.25, most_s=30.0)


@dataclass
class Feed:
    """Keeps one link alive until told to stop. `now_us` is the wall clock, `conn_id` gives ids.

    `last_ids` are the last trade ids known by symbol, shared by all its connections: what lies
    between two of them is a gap, what two of them tell is told once.
    """

    link: Link
    connect: Connect
    publish: Callable[[Message], None]
    now_us: Callable[[], int]
    conn_id: Callable[[], str]
    rng: random.Random
    stale_s: float
    record: Callable[[str, Frame], None] | None = None
    counts: Counter[str] = field(default_factory=Counter)
    last_ids: dict[str, int] = field(default_factory=dict)
    _failures: int = 0

    async def run(self, stop: asyncio.Event) -> None:
        """Follow the venue until `stop`.

        Raises:
            Unreachable: Kafka took no message; only a restart of the process can tell the hole.
        """
        line, following = self._next("start", stop)
        try:
            while not stop.is_set():
                await _first(following, _until(line.worn))
                if not following.done():
                    line, following = await self._replaced(line, following, stop)
                    continue
                cause = following.result()
                self._failures = 0 if line.live.is_set() else self._failures
                if stop.is_set():
                    return
                await paused(stop, max(line.wait_s, BACKOFF.wait_s(self._failures, self.rng)))
                self._failures += 1
                if not stop.is_set():
                    line, following = self._next(cause, stop)
            await following
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)

    def _next(self, cause: str, stop: asyncio.Event) -> tuple[Connection, "asyncio.Task[str]"]:
        conn = self.conn_id()
        outlet = Outlet(
            venue=self.link.venue,
            symbols=self.link.symbols,
            publish=self.publish,
            now_us=self.now_us,
            record=self.record,
            counts=self.counts,
        )
        line = Connection(
            link=self.link,
            outlet=outlet,
            connect=self.connect,
            conn=conn,
            cause=cause,
            decoder=self.link.decoder(conn, self.last_ids),
            stale_s=self.stale_s,
        )
        return line, asyncio.ensure_future(line.follow(stop))

    async def _replaced(
        self, line: Connection, following: "asyncio.Task[str]", stop: asyncio.Event
    ) -> tuple[Connection, "asyncio.Task[str]"]:
        """Make before break: the old connection ends once the new one has data, or by itself."""
        line.worn.clear()
        new, new_following = self._next(line.worn_by, stop)
        await _first(new_following, following, _until(new.live))
        if new_following.done() and not following.done() and not stop.is_set():
            new_following.result()  # a fault of Kafka ends the feed
            self._failures += 1
            await _first(following, paused(stop, max(new.wait_s, BACKOFF.wait_s(5, self.rng))))
            line.worn.set()
            return line, following
        line.retire.set()
        await following
        return new, new_following


async def _first(*waits: "Coroutine[Any, Any, object] | asyncio.Task[Any]") -> None:
    """Wait for the first; those made here are cancelled, tasks of others left running."""
    own = [asyncio.ensure_future(one) for one in waits if not isinstance(one, asyncio.Task)]
    given = [one for one in waits if isinstance(one, asyncio.Task)]
    try:
        await asyncio.wait([*given, *own], return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in own:
            task.cancel()
        await asyncio.gather(*own, return_exceptions=True)


async def _until(event: asyncio.Event) -> None:
    await event.wait()
