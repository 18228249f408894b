"""`python -m streaming.minutes`: keep trade_minutes in Delta and Postgres equal to the trades.

Each round recomputes the minutes that trades landed in since the last one. Postgres has them at
once, Delta when they are closed (`include/serving/trade_minutes.py`). Then it serves each symbol's
forecast in use, put at the last closed minute (`include/forecast/anchors.py`), and keeps whole
books every quarter of an hour (`include/lake/book_checkpoints.py`), and their one-second bars.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import click

from include.bus import GroupPositions, TopicPartition
from include.clock import utc_now
from include.errors import Unreachable
from include.forecast.anchors import ForecastServer
from include.heartbeat import HEARTBEAT
from include.lake.book_checkpoints import BookCheckpoints
from include.lake.book_seconds import BookSeconds
from include.log import event
from include.market.time import parse_iso_time
from include.market.wire import Topic
from include.metrics import Metric, serve_metrics
from include.process import run_job, run_process
from include.serving.tables import create_tables
from include.serving.trade_minutes import CountedFiles, closing_time, refresh, restate
from include.settings import Settings, from_environment
from include.settings.groups import DatabaseRole

BACKOFF_S = 5.0
SETTLE_S = 60.0  # at first the other processes start; the books of the past can wait
log = logging.getLogger("tickhouse.minutes")


@dataclass
class Counters:
    """What this process did, for its metrics."""

    refreshes: int = 0
    minutes: int = 0
    outages: int = 0
    last: float = 0.0

    def count_refresh(self, minutes: int) -> None:
        """Count a refresh that wrote so many minutes."""
        self.refreshes, self.minutes = self.refreshes + 1, self.minutes + minutes
        self.last = time.time()

    def metrics(self) -> list[Metric]:
        """The metrics."""
        return [
            Metric.of("bars_refreshes_total", "refreshes of trade_minutes", self.refreshes),
            Metric.of("bars_written_total", "minutes written, again or new", self.minutes),
            Metric.of(
                "bars_outages_total",
                "refreshes that failed because Postgres was unreachable",
                self.outages,
            ),
            Metric.of("bars_last_refresh_timestamp_seconds", "when the last ended", self.last),
        ]


@click.command()
@click.argument("span", nargs=-1)
def main(span: tuple[str, ...]) -> None:
    """Refresh every `stream.minutes_s` until SIGTERM; with a SPAN (two ISO times), restate it."""
    if not span:
        run_process("minutes", run)
        return
    first, until = map(parse_iso_time, span)
    with run_job("minutes"):
        click.echo(restate(from_environment(), first, until))


def run(
    settings: Settings, stop: threading.Event, *, now: Callable[[], datetime] = utc_now
) -> None:
    """Refresh and re-anchor until `stop`; outages are waited out. `now` closes minutes."""
    create_tables(settings.dsn(DatabaseRole.STREAM))
    counters, counted, forecasts = Counters(), CountedFiles(), ForecastServer(settings)
    serve_metrics(settings.metrics.minutes, counters.metrics, host=settings.ports.host)
    checkpoints, seconds = BookCheckpoints(settings.lake), BookSeconds(settings.lake)
    positions = GroupPositions(settings.bootstrap, world=settings.world, reader="minutes")
    settled_s, is_stopped = time.monotonic() + SETTLE_S, HEARTBEAT.checks_with_beats(stop)
    log.info(event("minutes ready", every_s=settings.stream.minutes_s))
    while not HEARTBEAT.wait(stop, settings.stream.minutes_s):
        try:
            at = now()
            counters.count_refresh(refresh(settings, now=at, counted=counted))
            positions.show(
                {TopicPartition(Topic.TRADES, part): end for part, end in counted.offsets.items()}
            )
            # Each takes seconds on a busy machine, and who ends the process waits for them.
            if not is_stopped():
                forecasts.serve(end_at=closing_time(at))
            is_settled = time.monotonic() > settled_s
            if is_settled and not is_stopped():
                checkpoints.add_next()
            if is_settled and not is_stopped():
                seconds.add()
        except Unreachable as error:
            counters.outages += 1
            log.warning(event("refresh delayed", error=error))
            HEARTBEAT.wait(stop, BACKOFF_S)
    positions.close()


if __name__ == "__main__":
    main()
