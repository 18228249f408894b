"""`python -m streaming.feeds VENUE`: follow a venue into Kafka until SIGTERM."""

import asyncio
import itertools
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

import click

from include.errors import TickhouseError
from include.log import event, start_logging
from include.market.events import Frame, Message
from include.settings import Settings, from_environment
from streaming.bus import Producer
from streaming.feeds.fetching import Fetch, fetching
from streaming.feeds.limiter import Limiter
from streaming.feeds.outlet import log
from streaming.feeds.polling import Poller
from streaming.feeds.registry import links
from streaming.feeds.supervisor import Feed
from streaming.feeds.tape import TapeWriter
from streaming.feeds.transport import connect
from streaming.feeds.venues.suppliers import suppliers

COUNTERS_EVERY_S = 60.0
QUOTES = "quotes"
Publish = Callable[[Message], None]


@click.command()
@click.argument("venue")
@click.option("--symbols", default="", help="BASE-QUOTE,… instead of those of the settings")
@click.option("--record", type=click.Path(path_type=Path), help="folder to record tapes into")
def main(venue: str, symbols: str, record: Path | None) -> None:
    """Follow VENUE (gemini, binance), or the polled price suppliers (quotes), into Kafka."""
    start_logging(f"feed-{venue}")
    wanted = tuple(part.strip() for part in symbols.split(",") if part.strip())
    try:
        asyncio.run(_follow(venue, from_environment(), wanted, record))
    except TickhouseError as error:
        log.error(event("feed ends", venue=venue, error=error))
        sys.exit(1)


async def _follow(
    venue: str, settings: Settings, symbols: tuple[str, ...], record: Path | None
) -> None:
    stop = asyncio.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sign, stop.set)
    producer = Producer(settings.bootstrap, client_id=f"feed-{venue}")
    tapes = _Tapes(record) if record else None
    async with fetching() as fetch:
        if venue == QUOTES:
            jobs: list[Feed] | list[Poller] = _pollers(settings, symbols, fetch, producer.publish)
        else:
            jobs = _feeds(venue, settings, symbols, producer.publish, tapes)
        counting = asyncio.ensure_future(_count(venue, [job.counts for job in jobs], producer))
        try:
            async with asyncio.TaskGroup() as group:
                for job in jobs:
                    group.create_task(job.run(stop))
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from failures
        finally:
            counting.cancel()
            if tapes:
                tapes.close()
            await asyncio.to_thread(producer.close)


def _feeds(
    venue: str, settings: Settings, symbols: tuple[str, ...], publish: Publish,
    tapes: "_Tapes | None",
) -> list[Feed]:  # fmt: skip
    started_us, numbers = _now_us(), itertools.count(1)
    return [
        Feed(
            link=link, connect=connect, publish=publish, now_us=_now_us,
            conn_id=lambda: f"{venue}-{started_us}-{next(numbers)}", rng=random.Random(),
            stale_s=settings.venues.stale_s,
            record=partial(tapes.write, link.tape) if tapes else None,
        )
        for link in links(venue, venues=settings.venues, symbols=symbols)
    ]  # fmt: skip


def _pollers(
    settings: Settings, symbols: tuple[str, ...], fetch: Fetch, publish: Publish
) -> list[Poller]:
    asked, left_out = suppliers(settings.venues)
    for supplier, why in left_out.items():
        log.info(event("supplier left out", venue=supplier, why=why))
    started_us = _now_us()
    return [
        Poller(
            supplier=supplier, symbols=symbols or settings.venues.quote_symbols, fetch=fetch,
            publish=publish, now_us=_now_us, conn=f"{supplier.venue}-{started_us}-quotes",
            every_s=settings.venues.quote_poll_s, limiter=Limiter(supplier.per_minute),
        )
        for supplier in asked
    ]  # fmt: skip


async def _count(venue: str, counts: list[Counter[str]], producer: Producer) -> None:
    while True:
        await asyncio.sleep(COUNTERS_EVERY_S)
        total: Counter[str] = sum(counts, Counter())
        fields = {name.replace(" ", "_"): number for name, number in sorted(total.items())}
        log.info(event("feed counters", venue=venue, acknowledged=producer.acknowledged, **fields))


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


def _now_us() -> int:
    return time.time_ns() // 1000


if __name__ == "__main__":
    main()
