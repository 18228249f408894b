"""The process of a feed: its connections, what they publish through, who is before and after."""

import asyncio
import itertools
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from include.bus import FeedProducer
from include.clock import now_us
from include.heartbeat import EVENT_LOOP_S, HEARTBEAT
from include.local.feed_files import FeedFiles, describe_process, is_of_bridge
from include.local.lock import FileLock, awaited_lock, read_lock_holder, running_already
from include.log import event
from include.market.events import Message
from include.market.feed_entries import QUOTES
from include.metrics import serve_metrics
from include.rate_limiter import RateLimiter
from include.settings import Settings
from streaming.feeds.feed_publisher import log
from streaming.feeds.fetch import Fetch, open_fetch
from streaming.feeds.handover import end_for_successor, hand_over, take_handover, wait_for_end
from streaming.feeds.last_trade_ids import last_ids_in_kafka, select_symbols
from streaming.feeds.metrics import metrics
from streaming.feeds.outlet import DELIVERY_S, FEED_TOPICS, Outlet
from streaming.feeds.poller import Poller
from streaming.feeds.registry import stream_specs
from streaming.feeds.shard_takeover import take_over_others
from streaming.feeds.stopping import pause
from streaming.feeds.supervisor import Feed
from streaming.feeds.tape import Tapes
from streaming.feeds.transport import connect
from streaming.feeds.turn import Turn
from streaming.feeds.venue_pauses import ObedientFetch
from streaming.feeds.venues.suppliers import list_suppliers

COUNTERS_EVERY_S = 60
PORT_TRIES = 10  # the process before may have it for a second longer


@dataclass
class FeedProcess:
    """Follows the symbols of one shard until `stop`; `tapes` records what comes.

    A bridge publishes while its feed is restarted, and ends when that is live again.
    """

    files: FeedFiles
    settings: Settings
    symbols: tuple[str, ...]
    tapes: Tapes | None
    stop: asyncio.Event
    is_bridge: bool = False
    turn: Turn = field(default_factory=Turn)
    _outlet: Outlet | None = None

    async def run(self) -> None:
        """Follow, once no other process of the shard does.

        Raises:
            PlatformError: another process of this world does, and does not end for this one.
        """
        with FileLock(self.files.lock) as lock:
            await self._wait_for_successor()
            async with awaited_lock(self.files.start_lock, self.stop):
                is_first = lock.take(self._note, tries=2)
                self.files.refuse_shared(self.symbols)
                if is_first:
                    self.files.handover.unlink(missing_ok=True)
                    self._outlet = await self._open_outlet({})
                    self.turn.begin(is_continued=False)
                elif is_of_bridge(lock.holder) == self.is_bridge:
                    raise running_already(f"the feed of {self.files.shard.name}", lock.holder)
            await self._follow(lock)

    @property
    def _note(self) -> str:
        return describe_process(self.symbols, is_bridge=self.is_bridge)

    async def _wait_for_successor(self) -> None:
        """One that waits already comes first: it misses nothing."""
        while not self.stop.is_set() and read_lock_holder(self.files.successor) is not None:
            await pause(self.stop, 0.1)

    async def _follow(self, lock: FileLock) -> None:
        async with open_fetch() as fetch:
            feeds = self._make_feeds(fetch)
            pollers = self._make_pollers(fetch)
            jobs: Sequence[Feed | Poller] = [*feeds, *pollers]
            try:
                async with asyncio.TaskGroup() as group:
                    for job in jobs:
                        group.create_task(job.run(self.stop))
                    if self._outlet is None:
                        await self._take_turn(lock, feeds)
                    if self._outlet is not None:
                        counters = [job.counts for job in jobs]
                        group.create_task(self._serve_metrics(self._outlet, counters))
                        group.create_task(self._tick(self._outlet, counters))
                        group.create_task(end_for_successor(self.files, self.stop))
            except ExceptionGroup as failures:
                raise failures.exceptions[0] from failures
            finally:
                await self._close()
            if read_lock_holder(self.files.successor) is not None and feeds:
                hand_over(self.files, feeds)

    async def _take_turn(self, lock: FileLock, feeds: Sequence[Feed]) -> None:
        """Wait for the end of the process before, and go on behind what it published."""
        if not await wait_for_end(self.files, lock, feeds, self.stop):
            return
        lock.write_note(self._note)
        shared = take_handover(self.files)
        log.info(event("taking over", feed=self.files.shard.program, continued=shared is not None))
        self._outlet = await self._open_outlet(shared or {})
        for feed in feeds:
            feed.last_ids.update(self._outlet.last_trade_ids.shared_numbers | (shared or {}))
        self.turn.begin(is_continued=shared is not None)

    async def _close(self) -> None:
        if self.tapes:
            self.tapes.close()
        if self._outlet is not None:
            try:
                await asyncio.to_thread(self._outlet.producer.close)
            finally:
                self._outlet.close()

    async def _open_outlet(self, shared: dict[str, int]) -> Outlet:
        """Go on from what the process before, Kafka, the spool and other shards have."""
        venue, bootstrap = self.files.shard.venue, self.settings.bootstrap
        producer = FeedProducer(
            bootstrap,
            client_id=self.files.shard.program,
            delivery_s=DELIVERY_S,
            topics=FEED_TOPICS,
        )
        outlet = Outlet(self.files, self.settings, producer)
        if venue == QUOTES:
            return outlet
        await take_over_others(outlet, self.settings, self.symbols)
        in_kafka: dict[str, int] = {}
        if not shared.keys() >= set(self.symbols):
            newest = last_ids_in_kafka(bootstrap, venue=venue)
            in_kafka = select_symbols(newest, self.symbols)
        outlet.resume(in_kafka)
        return outlet

    def _publish(self, message: Message) -> None:
        assert self._outlet is not None, "it is not its turn"
        self._outlet.publish(message)

    def _make_feeds(self, fetch: Fetch) -> list[Feed]:
        shard, started_us, numbers = self.files.shard, now_us(), itertools.count(1)
        if shard.venue == QUOTES:
            return []
        last_ids = self._outlet.last_trade_ids.shared_numbers if self._outlet else {}
        return [
            Feed(
                spec=spec,
                connect=connect,
                publish=self._publish,
                now_us=now_us,
                conn_id=lambda: f"{shard.name}-{started_us}-{next(numbers)}",
                rng=random.Random(),
                stale_s=self.settings.venues.stale_s,
                last_ids=dict(last_ids),
                record=partial(self.tapes.write, spec.tape) if self.tapes else None,
                turn=self.turn,
                fetch=ObedientFetch(
                    fetch,
                    self.settings.home / "feeds",
                    now_us=now_us,
                    limiter=RateLimiter(spec.pages_per_minute, within_s=60.0),
                ),
            )
            for spec in stream_specs(shard.venue, venues=self.settings.venues, symbols=self.symbols)
        ]

    def _make_pollers(self, fetch: Fetch) -> list[Poller]:
        if self.files.shard.venue != QUOTES:
            return []
        polled, left_out = list_suppliers(self.settings.venues)
        for supplier, cause in left_out.items():
            log.info(event("supplier left out", venue=supplier, why=cause))
        started_us = now_us()
        return [
            Poller(
                supplier=supplier,
                symbols=self.symbols,
                fetch=ObedientFetch(fetch, self.settings.home / "feeds", now_us=now_us),
                publish=self._publish,
                now_us=now_us,
                conn=f"{supplier.venue}-{started_us}-{QUOTES}",
                every_s=self.settings.venues.quote_poll_s,
                unchanged_s=self.settings.venues.quote_unchanged_s,
                limiter=RateLimiter.half_rate(supplier.per_minute),
            )
            for supplier in polled
        ]

    async def _serve_metrics(self, outlet: Outlet, counters: list[Counter[str]]) -> None:
        read = partial(metrics, self.files.shard, counters, outlet=outlet)
        port = self.settings.metrics.port_of(self.files.shard)
        for _ in range(PORT_TRIES):
            if not port or serve_metrics(
                port, read, host=self.settings.ports.host, hangs_after_s=EVENT_LOOP_S
            ):
                return
            await pause(self.stop, 1.0)

    async def _tick(self, outlet: Outlet, counters: list[Counter[str]]) -> None:
        """Each second drain the spool and save the last trade ids; each minute log the counters."""
        for second in itertools.count(1):
            HEARTBEAT.beat()
            await pause(self.stop, 1.0)
            if self.stop.is_set():
                return
            outlet.persist()
            if second % COUNTERS_EVERY_S:
                continue
            total: Counter[str] = sum(counters, Counter())
            fields = {name.replace(" ", "_"): number for name, number in sorted(total.items())}
            log.info(
                event(
                    "feed counters",
                    feed=self.files.shard.program,
                    acknowledged=outlet.producer.acknowledged,
                    spooled=outlet.publisher.spooled,
                    dropped=outlet.publisher.dropped,
                    **fields,
                )
            )
