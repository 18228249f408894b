"""`python -m streaming.feeds VENUE`: follow a venue into Kafka until SIGTERM."""

import asyncio
import itertools
import random
from collections import Counter
from functools import partial
from pathlib import Path

import click

from include.bus import FeedProducer, Spool, SpoolingPublisher, describe_holes
from include.clock import now_us
from include.local.lock import exclusive_lock
from include.log import event
from include.market import wire
from include.market.events import Frame, Message
from include.market.time import DAY_S
from include.market.venues import VENUES
from include.metrics import serve_metrics
from include.process import run_async_process
from include.rate_limiter import RateLimiter
from include.settings import Settings
from streaming.feeds.feed_publisher import PublishMessage, log
from streaming.feeds.fetch import Fetch, open_fetch
from streaming.feeds.last_trade_ids import LastTradeIds, last_ids_in_kafka
from streaming.feeds.metrics import metrics
from streaming.feeds.poller import Poller
from streaming.feeds.registry import stream_specs
from streaming.feeds.stopping import pause
from streaming.feeds.supervisor import Feed
from streaming.feeds.tape import TapeWriter
from streaming.feeds.transport import connect
from streaming.feeds.venues.suppliers import list_suppliers

COUNTERS_EVERY_S = 60
DELIVERY_S = 7 * DAY_S  # a broker may be away as long as the disk has room
QUOTES = "quotes"
FEED_TOPICS = tuple(
    topic
    for kind, topic in wire.TOPIC_OF_KIND.items()
    if topic.startswith("market.") and kind not in {"signal", "heartbeat"}
)


@click.command(
    help=f"Follow VENUE ({', '.join(VENUES)}, or {QUOTES}: the polled suppliers) into Kafka."
)
@click.argument("venue")
@click.option("--symbols", default="", help="BASE-QUOTE,… instead of those of the settings")
@click.option(
    "--record", "tape_folder", type=click.Path(path_type=Path), help="folder to record tapes into"
)
def main(venue: str, symbols: str, tape_folder: Path | None) -> None:
    """Follow one venue, or the suppliers, until SIGTERM."""
    followed = tuple(part.strip() for part in symbols.split(",") if part.strip())
    run_async_process(
        f"feed-{venue}",
        lambda settings, stop: follow_alone(
            venue, settings, followed, tape_folder=tape_folder, stop=stop
        ),
    )


async def follow_alone(
    venue: str,
    settings: Settings,
    symbols: tuple[str, ...],
    *,
    tape_folder: Path | None,
    stop: asyncio.Event,
) -> None:
    """Follow a venue, or the suppliers, until `stop`.

    Raises:
        PlatformError: another process of this world does: both would write its spool and last ids.
    """
    with exclusive_lock(settings.home / "feeds" / f"{venue}.lock", name=f"the feed of {venue}"):
        await _follow(venue, settings, symbols, tape_folder=tape_folder, stop=stop)


def _resume(
    venue: str, settings: Settings, last_trade_ids: LastTradeIds, spool: Spool
) -> list[Message]:
    """Go on from what Kafka and the spool have; entries of what a damaged spool has lost."""
    if venue == QUOTES:
        return []
    in_kafka = last_ids_in_kafka(settings.bootstrap, venue=venue)
    delivered_ids = last_trade_ids.by_symbol | in_kafka
    messages = list(describe_holes(spool, delivered_ids, now_us=now_us()))
    last_trade_ids.resume(in_kafka, spool)
    return messages


async def _follow(
    venue: str,
    settings: Settings,
    symbols: tuple[str, ...],
    *,
    tape_folder: Path | None,
    stop: asyncio.Event,
) -> None:
    folder = settings.home / "feeds"
    last_trade_ids = LastTradeIds(folder / f"{venue}.json")
    spool = Spool(folder / f"{venue}.spool", max_bytes=settings.kafka.spool_mb * 2**20)
    lost_messages = _resume(venue, settings, last_trade_ids, spool)
    producer = FeedProducer(
        settings.bootstrap,
        client_id=f"feed-{venue}",
        delivery_s=DELIVERY_S,
        topics=FEED_TOPICS,
    )
    publisher = SpoolingPublisher(producer, spool, now_us=now_us, on_sent=last_trade_ids.count_sent)
    for message in lost_messages:
        publisher.publish(message)
    tapes = _Tapes(tape_folder) if tape_folder else None
    async with open_fetch() as fetch:
        if venue == QUOTES:
            jobs: list[Feed] | list[Poller] = _make_pollers(
                settings, symbols, fetch, publisher.publish
            )
        else:
            jobs = _make_feeds(venue, settings, symbols, publisher.publish, tapes, last_trade_ids)
        try:
            async with asyncio.TaskGroup() as group:
                for job in jobs:
                    group.create_task(job.run(stop))
                counters = [job.counts for job in jobs]
                metrics_now = partial(
                    metrics, venue, counters, producer=producer, publisher=publisher
                )
                port = settings.metrics.feeds.get(venue, settings.metrics.quotes)
                serve_metrics(port, metrics_now, host=settings.ports.host)
                group.create_task(_tick(venue, counters, producer, publisher, last_trade_ids, stop))
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from failures
        finally:
            if tapes:
                tapes.close()
            try:
                await asyncio.to_thread(producer.close)
            finally:
                _save_last_ids(producer, last_trade_ids)
                publisher.close()


def _make_feeds(
    venue: str,
    settings: Settings,
    symbols: tuple[str, ...],
    publish: PublishMessage,
    tapes: "_Tapes | None",
    last_trade_ids: LastTradeIds,
) -> list[Feed]:
    started_us, numbers = now_us(), itertools.count(1)
    return [
        Feed(
            spec=spec,
            connect=connect,
            publish=publish,
            now_us=now_us,
            conn_id=lambda: f"{venue}-{started_us}-{next(numbers)}",
            rng=random.Random(),
            stale_s=settings.venues.stale_s,
            last_ids=dict(last_trade_ids.by_symbol),
            record=partial(tapes.write, spec.tape) if tapes else None,
        )
        for spec in stream_specs(venue, venues=settings.venues, symbols=symbols)
    ]


def _make_pollers(
    settings: Settings, symbols: tuple[str, ...], fetch: Fetch, publish: PublishMessage
) -> list[Poller]:
    polled, left_out = list_suppliers(settings.venues)
    for supplier, cause in left_out.items():
        log.info(event("supplier left out", venue=supplier, why=cause))
    started_us = now_us()
    return [
        Poller(
            supplier=supplier,
            symbols=symbols or settings.venues.quote_symbols,
            fetch=fetch,
            publish=publish,
            now_us=now_us,
            conn=f"{supplier.venue}-{started_us}-quotes",
            every_s=settings.venues.quote_poll_s,
            limiter=RateLimiter.half_rate(supplier.per_minute),
        )
        for supplier in polled
    ]


async def _tick(
    venue: str,
    counters: list[Counter[str]],
    producer: FeedProducer,
    publisher: SpoolingPublisher,
    last_trade_ids: LastTradeIds,
    stop: asyncio.Event,
) -> None:
    """Each second drain the spool and save the last trade ids; each minute log the counters."""
    for second in itertools.count(1):
        await pause(stop, 1.0)
        if stop.is_set():
            return
        publisher.drain()
        _save_last_ids(producer, last_trade_ids)
        if second % COUNTERS_EVERY_S:
            continue
        total: Counter[str] = sum(counters, Counter())
        fields = {name.replace(" ", "_"): number for name, number in sorted(total.items())}
        log.info(
            event(
                "feed counters",
                venue=venue,
                acknowledged=producer.acknowledged,
                spooled=publisher.spooled,
                dropped=publisher.dropped,
                **fields,
            )
        )


def _save_last_ids(producer: FeedProducer, last_trade_ids: LastTradeIds) -> None:
    through = producer.acknowledged_through
    last_trade_ids.acknowledge(sent_count=producer.sent, through=through)
    last_trade_ids.save()


class _Tapes:
    """One tape a connection, named by it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: dict[str, TapeWriter] = {}

    def write(self, name: str, conn: str, frame: Frame) -> None:
        if conn not in self._open:
            self._open[conn] = TapeWriter(self._folder / f"{name}_{conn}")
        self._open[conn].write(frame)

    def close(self) -> None:
        for tape in self._open.values():
            tape.close()


if __name__ == "__main__":
    main()
