"""A stream kept alive: connect again whatever happens, and a successor before a planned end.

If the process dies, the next one's `connect` row of cause `start` shows where the hole is.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from include.backoff import Backoff
from include.market.events import Frame
from include.market.time import SECOND_US
from streaming.feeds.connection import RESYNC, START, Connection
from streaming.feeds.feed_publisher import FeedPublisher, PublishMessage
from streaming.feeds.fetch import Fetch, fetch_alone
from streaming.feeds.stopping import pause
from streaming.feeds.stream_spec import StreamSpec
from streaming.feeds.transport import Connect
from streaming.feeds.turn import Turn, WaitingFrames

BACKOFF = Backoff(first_s=0.25, max_s=30.0)
STABLE_US = 60 * SECOND_US  # a connection that lost its book sooner counts as a failure
FAILURES_OF_A_SUCCESSOR = 5  # the old connection still works, so the next try may wait


@dataclass
class Feed:
    """Keeps one stream alive until stopped. `now_us` is the wall clock, `conn_id` gives ids.

    `last_ids` are the last trade ids known by symbol, shared by all its connections: what lies
    between two of them is a gap, what two of them carry is published once.
    """

    spec: StreamSpec
    connect: Connect
    publish: PublishMessage
    now_us: Callable[[], int]
    conn_id: Callable[[], str]
    rng: random.Random
    stale_s: float
    record: Callable[[str, Frame], None] | None = None
    counts: Counter[str] = field(default_factory=Counter)
    last_ids: dict[str, int] = field(default_factory=dict)
    fetch: Fetch = fetch_alone
    turn: Turn = field(default_factory=Turn.start_at_once)
    _failures: int = 0
    _opened: Connection | None = None

    @property
    def is_live(self) -> bool:
        """Whether its newest connection has data."""
        return self._opened is not None and self._opened.live.is_set()

    async def run(self, stop: asyncio.Event) -> None:
        """Follow the venue until `stop`.

        Raises:
            Unreachable: Kafka took no message; only a restart of the process can show the hole.
        """
        connection, task = self._open(START, stop)
        try:
            while not stop.is_set():
                await _wait_for_first(task, _wait_for(connection.needs_successor))
                if not task.done():
                    connection, task = await self._replace(connection, task, stop)
                    continue
                cause = task.result()
                self._failures = (
                    0 if self._may_reconnect_at_once(connection, cause) else self._failures
                )
                if stop.is_set():
                    return
                wait_s = BACKOFF.wait_s(self._failures, self.rng)
                await pause(stop, max(connection.wait_s, wait_s))
                self._failures += 1
                if not stop.is_set():
                    connection, task = self._open(cause, stop)
            await task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def _may_reconnect_at_once(self, connection: Connection, cause: str) -> bool:
        """Whether the next connection may come at once: this one had data, and its book."""
        was_stable = cause != RESYNC or self.now_us() - connection.opened_us > STABLE_US
        return connection.live.is_set() and was_stable

    def _open(self, cause: str, stop: asyncio.Event) -> tuple[Connection, "asyncio.Task[str]"]:
        conn = self.conn_id()
        publisher = FeedPublisher(
            venue=self.spec.venue,
            symbols=self.spec.symbols,
            publish=self.publish,
            now_us=self.now_us,
            record=self.record,
            counts=self.counts,
        )
        connection = Connection(
            spec=self.spec,
            publisher=publisher,
            connect=self.connect,
            conn=conn,
            cause=cause,
            decoder=self.spec.decoder(conn, self.last_ids),
            stale_s=self.stale_s,
            fetch=self.fetch,
            turn=self.turn,
            waiting=None if self.turn.has_come else WaitingFrames(self.spec.decoder(conn, {})),
        )
        self._opened = connection
        return connection, asyncio.ensure_future(connection.follow(stop))

    async def _replace(
        self, old: Connection, old_task: "asyncio.Task[str]", stop: asyncio.Event
    ) -> tuple[Connection, "asyncio.Task[str]"]:
        """Make before break: the old connection ends once the new one has data, or by itself."""
        old.needs_successor.clear()
        new, new_task = self._open(old.successor_cause, stop)
        await _wait_for_first(new_task, old_task, _wait_for(new.live))
        if new_task.done() and not old_task.done() and not stop.is_set():
            new_task.result()  # a fault of Kafka ends the feed
            self._failures += 1
            wait_s = BACKOFF.wait_s(FAILURES_OF_A_SUCCESSOR, self.rng)
            await _wait_for_first(old_task, pause(stop, max(new.wait_s, wait_s)))
            old.needs_successor.set()
            return old, old_task
        old.retire.set()
        await old_task
        return new, new_task


async def _wait_for_first(*waits: "Coroutine[Any, Any, object] | asyncio.Task[Any]") -> None:
    """Wait for the first; coroutines are cancelled then, tasks of the caller left running."""
    tasks = [wait for wait in waits if isinstance(wait, asyncio.Task)]
    started = [asyncio.ensure_future(wait) for wait in waits if not isinstance(wait, asyncio.Task)]
    try:
        await asyncio.wait([*tasks, *started], return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in started:
            task.cancel()
        await asyncio.gather(*started, return_exceptions=True)


async def _wait_for(event: asyncio.Event) -> None:
    await event.wait()
