"""`python -m streaming.watcher`: look at the stream from outside until SIGTERM.

The stream cannot notice that it stands still. This process compares its progress with Kafka's ends,
writes the lag to Postgres `stream_lag`, serves it as metrics, and sends an alert when the stream is
so late that Kafka may delete what it has not read, and of each cause for which `status` is red. It
stops broker, feeds, stream and trader before the disk is full.
"""

import logging
import threading
import time
from datetime import UTC, datetime
from functools import partial

from include import alerts
from include.bus import message_times_ms, offset_ranges
from include.errors import Unreachable
from include.heartbeat import HEARTBEAT
from include.local.query_lag import QueryLag
from include.local.status import FeedHealth, read_status
from include.log import event
from include.metrics import Metric, serve_metrics
from include.process import run_process
from include.serving.stream_progress import read_progress
from include.serving.tables import STREAM_LAG, create_tables, upsert
from include.settings import Settings
from include.settings.groups import DatabaseRole
from streaming.watcher.cause_alerts import CauseAlerts
from streaming.watcher.disk_guard import start_disk_guard
from streaming.watcher.end_times import EndTimes
from streaming.watcher.lateness import Lateness
from streaming.watcher.metrics import feed_metrics, lag_metrics, progress_metrics, watcher_metrics

log = logging.getLogger("tickhouse.watcher")


class Watcher:
    """The lag and the feeds of the last look, for Postgres, metrics and alerts."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lags: list[QueryLag] = []
        self._feeds: list[FeedHealth] = []
        self._looks = self._failures = 0
        self._end_times = EndTimes()
        repeat_s = settings.alerts.repeat_minutes * 60.0
        self._lateness = Lateness(
            retention_hours=settings.kafka.retention_hours,
            share=settings.alerts.lag_share,
            repeat_s=repeat_s,
        )
        self._cause_alerts = CauseAlerts(repeat_s=repeat_s)

    def watch_once(self) -> None:
        """Look once; what cannot be read now is read again at the next look."""
        bootstrap = self._settings.bootstrap
        current = read_status(
            self._settings,
            ranges=partial(offset_ranges, bootstrap),
            times_ms=partial(message_times_ms, bootstrap),
            by_watcher=True,
        )
        now_s = time.time()
        self._lags = self._end_times.date_lags(current.lag, now_s=now_s)
        self._feeds = current.feeds
        self._looks += 1
        for alert in (
            *self._lateness.alerts(self._lags, now_s=now_s),
            *self._cause_alerts.alerts(current.causes, now_s=now_s),
        ):
            log.warning(event("alert", kind=alert.kind, title=alert.title))
            alerts.send(self._settings, alert)
        self._write_lag()

    def metrics(self) -> list[Metric]:
        """The metrics as of the last look."""
        return [
            *lag_metrics(self._lags),
            *progress_metrics(read_progress(self._settings)),
            *feed_metrics(self._feeds),
            *watcher_metrics(looks=self._looks, failures=self._failures),
        ]

    def _write_lag(self) -> None:
        seen_at = datetime.now(UTC)
        rows = [
            {
                "query": lag.query,
                "topic": lag.topic,
                "partition": lag.partition,
                "behind": lag.behind,
                "waiting_s": lag.waiting_s,
                "seen_at": seen_at,
            }
            for lag in self._lags
            if lag.behind is not None
        ]
        try:
            upsert(self._settings.dsn(DatabaseRole.STREAM), STREAM_LAG, rows)
        except Unreachable as error:
            self._failures += 1
            log.warning(event("lag not written", error=error))


def _create_tables(settings: Settings) -> None:
    """Make the tables of Postgres, if it answers; `look` writes to them when it does again."""
    try:
        create_tables(settings.dsn(DatabaseRole.STREAM))
    except Unreachable as error:
        log.warning(event("no tables in Postgres", error=error))


def run(settings: Settings, stop: threading.Event) -> None:
    """Look every `metrics.every_s` until `stop`."""
    watcher = Watcher(settings)
    serve_metrics(settings.metrics.watcher, watcher.metrics, host=settings.ports.host)
    start_disk_guard(settings, stop)
    _create_tables(settings)
    log.info(event("watcher ready", port=settings.metrics.watcher))
    while True:
        watcher.watch_once()
        if HEARTBEAT.wait(stop, settings.metrics.every_s):
            return


def main() -> None:
    """Entry point of the process."""
    run_process("watcher", run)


if __name__ == "__main__":
    main()
