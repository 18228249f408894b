"""`python -m streaming.minutes`: keep trade_minutes in Delta and Postgres equal to the trades.

Each round recomputes the minutes that trades landed in since the last one. Delta is merged first;
Postgres gets the rows and the new positions in one transaction, so a kill at any point means that
the same minutes are computed again.
"""

import logging
import signal
import sys
import threading
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import click
import pyarrow as pa

from include import metrics
from include.errors import TickhouseError, Unreachable
from include.lake.minutes import changed_minutes, minutes_between
from include.lake.tables import TRADE_MINUTES
from include.lake.writing import merge_rows
from include.log import event, start_logging
from include.metrics import Figure
from include.serving.minutes import READER, alone
from include.serving.tables import create_tables, upsert_with
from include.settings import Settings, from_environment

BACKOFF_S = 5.0
log = logging.getLogger("tickhouse.minutes")


@dataclass
class Told:
    """What this process did, for its metrics."""

    refreshes: int = 0
    minutes: int = 0
    outages: int = 0
    last: float = 0.0

    def refreshed(self, minutes: int) -> None:
        """Count a refresh that wrote so many minutes."""
        self.refreshes, self.minutes = self.refreshes + 1, self.minutes + minutes
        self.last = time.time()

    def figures(self) -> list[Figure]:
        """The metrics."""
        return [
            Figure.of("minutes_refreshes_total", "refreshes of trade_minutes", self.refreshes),
            Figure.of("minutes_written_total", "minutes written, again or new", self.minutes),
            Figure.of("minutes_outages_total", "refreshes that Postgres kept back", self.outages),
            Figure.of("minutes_last_refresh_timestamp_seconds", "when the last ended", self.last),
        ]


def refresh(settings: Settings) -> int:
    """Bring both tables up to the landed trades; gives how many minutes were written.

    Raises:
        Unreachable: Postgres does not answer.
    """
    with alone(settings.dsn()) as (cursor, before):
        minutes, after = changed_minutes(settings.lake, before)
        if after == before:
            return 0
        _write(settings, cursor, minutes)
        places = [
            {"reader": READER, "partition": partition, "next_offset": offset}
            for partition, offset in after.items()
        ]
        upsert_with(cursor, "positions", places)
    return int(minutes.num_rows)


def restate(settings: Settings, first: datetime, until: datetime) -> int:
    """Write the minutes from `first` to before `until` anew from the landed trades; their number.

    For what `refresh` cannot see: trades that came back from quarantine, a feed ledger that tells
    more by now. Minutes that are equal already stay equal.

    Raises:
        Unreachable: Postgres does not answer.
    """
    with alone(settings.dsn()) as (cursor, positions):
        minutes = minutes_between(settings.lake, first, until, positions=positions)
        _write(settings, cursor, minutes)
    return int(minutes.num_rows)


def _write(settings: Settings, cursor: Any, minutes: pa.Table) -> None:
    if minutes.num_rows:
        merge_rows(settings.lake, TRADE_MINUTES, minutes)
        upsert_with(cursor, "trade_minutes", minutes.to_pylist())


@click.command()
@click.argument("span", nargs=-1)
def main(span: tuple[str, ...]) -> None:
    """Refresh every `stream.minutes_s` until SIGTERM; with a SPAN (two ISO times), restate it."""
    start_logging("minutes")
    settings = from_environment()
    try:
        if span:
            first, until = map(datetime.fromisoformat, span)
            click.echo(restate(settings, first, until))
            return
        stop = threading.Event()
        for sign in (signal.SIGTERM, signal.SIGINT):
            signal.signal(sign, lambda *_: stop.set())
        run(settings, stop)
    except TickhouseError as error:
        log.error(event("minutes ends", error=error))
        click.echo(f"error: {type(error).__name__}: {error}", err=True)
        sys.exit(1)


def run(settings: Settings, stop: threading.Event) -> None:
    """Refresh until `stop`; an outage is waited out."""
    create_tables(settings.dsn())
    told = Told()
    metrics.serve(settings.metrics.minutes, told.figures, host=settings.ports.host)
    log.info(event("minutes ready", every_s=settings.stream.minutes_s))
    while not stop.wait(settings.stream.minutes_s):
        try:
            told.refreshed(refresh(settings))
        except Unreachable as error:
            told.outages += 1
            log.warning(event("minutes waits", error=error))
            stop.wait(BACKOFF_S)


if __name__ == "__main__":
    main()
