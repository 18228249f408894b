"""`python -m streaming.feeds VENUE`: follow a venue into Kafka until SIGTERM."""

import asyncio
import itertools
import random
from collections import Counter
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import click

from include.bus import FeedProducer
from include.clock import now_us
from include.errors import SettingsError
from include.local.lock import awaited_lock, exclusive_lock
from include.log import event
from include.market.feed_shards import FeedShard, parse_shard
from include.market.venues import VENUES
from include.metrics import serve_metrics
from include.process import run_async_process
from include.rate_limiter import RateLimiter
from include.settings import Settings
from streaming.feeds.feed_files import FeedFiles
from streaming.feeds.feed_publisher import PublishMessage, log
from streaming.feeds.fetch import Fetch, open_fetch
from streaming.feeds.last_trade_ids import last_ids_in_kafka
from streaming.feeds.metrics import metrics
from streaming.feeds.outlet import DELIVERY_S, FEED_TOPICS, Outlet
from streaming.feeds.poller import Poller
from streaming.feeds.registry import require_venue, stream_specs
from streaming.feeds.shard_takeover import take_over_others
from streaming.feeds.stopping import pause
from streaming.feeds.supervisor import Feed
from streaming.feeds.tape import Tapes
from streaming.feeds.transport import connect
from streaming.feeds.venues.suppliers import list_suppliers

COUNTERS_EVERY_S = 60
QUOTES = "quotes"


def _parse_share(_context: click.Context, _option: click.Parameter, share: str) -> str:
    try:
        parse_shard("", share)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error
    return share


@click.command(
    help=f"Follow VENUE ({', '.join(VENUES)}, or {QUOTES}: the polled suppliers) into Kafka."
)
@click.argument("venue")
@click.option("--symbols", default="", help="BASE-QUOTE,… instead of those of the settings")
@click.option(
    "--shard",
    "share",
    default="",
    callback=_parse_share,
    help="NUMBER/COUNT: every COUNT-th symbol from the NUMBER-th on; all if not given",
)
@click.option(
    "--record", "tape_folder", type=click.Path(path_type=Path), help="folder to record tapes into"
)
def main(venue: str, symbols: str, share: str, tape_folder: Path | None) -> None:
    """Follow one venue, or the suppliers, until SIGTERM."""
    followed = tuple(part.strip() for part in symbols.split(",") if part.strip())
    shard = parse_shard(venue, share)
    run_async_process(
        shard.program,
        lambda settings, stop: follow_alone(
            shard, settings, followed, tape_folder=tape_folder, stop=stop
        ),
    )


async def follow_alone(
    shard: FeedShard,
    settings: Settings,
    symbols: tuple[str, ...],
    *,
    tape_folder: Path | None,
    stop: asyncio.Event,
) -> None:
    """Follow a shard of a venue, or the suppliers, until `stop`.

    Raises:
        PlatformError: another process of this world does: both would write its spool and last ids.
    """
    files = FeedFiles(settings.home / "feeds", shard)
    followed = _choose_symbols(shard, settings, symbols)
    with ExitStack() as stack:
        async with awaited_lock(files.start_lock, stop):
            stack.enter_context(
                exclusive_lock(
                    files.lock, name=f"the feed of {shard.name}", note=",".join(followed)
                )
            )
            files.refuse_shared(followed)
            outlet = await _open_outlet(files, settings, followed)
        await _follow(outlet, settings, followed, tape_folder=tape_folder, stop=stop)


def _choose_symbols(
    shard: FeedShard, settings: Settings, symbols: tuple[str, ...]
) -> tuple[str, ...]:
    """The symbols that this process follows."""
    if shard.venue == QUOTES:
        return symbols or settings.venues.quote_symbols
    require_venue(shard.venue)
    configured = settings.venues.of(shard.venue)
    if configured.shards != shard.count:
        setting = f"TICKHOUSE_VENUES_{shard.venue.upper()}_SHARDS"
        log.warning(event("shards differ", setting=setting, set=configured.shards, run=shard.count))
    followed = shard.choose(symbols or configured.symbols)
    if not followed:
        raise SettingsError(f"{shard.program} has no symbol to follow")
    return followed


async def _open_outlet(
    feed_files: FeedFiles, settings: Settings, symbols: tuple[str, ...]
) -> Outlet:
    """Go on from what Kafka, the spool and other shards have."""
    producer = FeedProducer(
        settings.bootstrap,
        client_id=feed_files.shard.program,
        delivery_s=DELIVERY_S,
        topics=FEED_TOPICS,
    )
    outlet = Outlet(feed_files, settings, producer)
    if feed_files.shard.venue != QUOTES:
        await take_over_others(outlet, settings, symbols)
        in_kafka = last_ids_in_kafka(settings.bootstrap, venue=feed_files.shard.venue)
        outlet.resume({symbol: last for symbol, last in in_kafka.items() if symbol in symbols})
    return outlet


async def _follow(
    outlet: Outlet,
    settings: Settings,
    symbols: tuple[str, ...],
    *,
    tape_folder: Path | None,
    stop: asyncio.Event,
) -> None:
    shard, tapes = outlet.files.shard, Tapes(tape_folder) if tape_folder else None
    async with open_fetch() as fetch:
        jobs: list[Feed] | list[Poller]
        if shard.venue == QUOTES:
            jobs = _make_pollers(settings, symbols, fetch, outlet.publish)
        else:
            jobs = _make_feeds(outlet, settings, symbols, tapes)
        counters = [job.counts for job in jobs]
        try:
            async with asyncio.TaskGroup() as group:
                for job in jobs:
                    group.create_task(job.run(stop))
                read = partial(metrics, shard, counters, outlet=outlet)
                port = settings.metrics.port_of(shard)
                serve_metrics(port, read, host=settings.ports.host)
                group.create_task(_tick(outlet, counters, stop))
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from failures
        finally:
            if tapes:
                tapes.close()
            try:
                await asyncio.to_thread(outlet.producer.close)
            finally:
                outlet.close()


def _make_feeds(
    outlet: Outlet, settings: Settings, symbols: tuple[str, ...], tapes: Tapes | None
) -> list[Feed]:
    shard, started_us, numbers = outlet.files.shard, now_us(), itertools.count(1)
    return [
        Feed(
            spec=spec,
            connect=connect,
            publish=outlet.publish,
            now_us=now_us,
            conn_id=lambda: f"{shard.name}-{started_us}-{next(numbers)}",
            rng=random.Random(),
            stale_s=settings.venues.stale_s,
            last_ids=dict(outlet.last_trade_ids.by_symbol),
            record=partial(tapes.write, spec.tape) if tapes else None,
        )
        for spec in stream_specs(shard.venue, venues=settings.venues, symbols=symbols)
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


async def _tick(outlet: Outlet, counters: list[Counter[str]], stop: asyncio.Event) -> None:
    """Each second drain the spool and save the last trade ids; each minute log the counters."""
    for second in itertools.count(1):
        await pause(stop, 1.0)
        if stop.is_set():
            return
        outlet.persist()
        if second % COUNTERS_EVERY_S:
            continue
        total: Counter[str] = sum(counters, Counter())
        fields = {name.replace(" ", "_"): number for name, number in sorted(total.items())}
        log.info(
            event(
                "feed counters",
                feed=outlet.files.shard.program,
                acknowledged=outlet.producer.acknowledged,
                spooled=outlet.publisher.spooled,
                dropped=outlet.publisher.dropped,
                **fields,
            )
        )


if __name__ == "__main__":
    main()
