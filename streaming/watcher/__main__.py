"""`python -m streaming.watcher`: look at the stream from outside until SIGTERM.

The stream can't tell that it stands still. This process compares its progress with Kafka's ends,
writes the lag to Postgres `stream_lag`, serves it as metrics, and tells of a stream so late that
Kafka may forget what it has not read.
"""

import logging
import threading
import time
from datetime import UTC, datetime
from functools import partial
from typing import Any

from include import alerts, metrics
from include.bus import message_times_ms, offset_ranges
from include.errors import Unreachable
from include.log import event
from include.metrics import Figure
from include.process import run_process
from include.serving.status import feeds, progress, stream_lag
from include.serving.tables import STREAM_LAG, create_tables, upsert
from include.settings import Settings
from streaming.watcher.figures import figures
from streaming.watcher.lateness import Lateness

log = logging.getLogger("tickhouse.watcher")
KEPT = ("query", "topic", "partition", "behind", "waiting_s")


class Watch:
    """What was seen last, for Postgres, metrics and alerts."""

    def __init__(self, settings: Settings) -> None:
        """Nothing was seen yet."""
        own = settings.alerts
        self.settings = settings
        self.lag: list[dict[str, Any]] = []
        self.feeds: list[dict[str, Any]] = []
        self.looks = self.failures = 0
        self._late = Lateness(
            retention_hours=settings.kafka.retention_hours,
            share=own.lag_share,
            repeat_s=own.repeat_minutes * 60.0,
        )

    def look(self) -> None:
        """Look once; what cannot be asked now is asked again at the next look."""
        bootstrap = self.settings.bootstrap
        self.lag = stream_lag(
            self.settings,
            ends=partial(offset_ranges, bootstrap),
            stamps=partial(message_times_ms, bootstrap),
        )
        self.feeds = feeds(self.settings)
        self.looks += 1
        for alert in self._late.alerts(self.lag, now=time.time()):
            log.warning(event("stream late", title=alert.title))
            alerts.tell(self.settings, alert)
        self._keep()

    def figures(self) -> list[Figure]:
        """The metrics as of the last look."""
        return figures(
            self.lag, self.feeds, progress(self.settings), looks=self.looks, failures=self.failures
        )

    def _keep(self) -> None:
        seen = datetime.now(UTC)
        rows = [{name: one[name] for name in KEPT} | {"seen_at": seen} for one in self.lag]
        try:
            upsert(self.settings.dsn(), STREAM_LAG, rows)
        except Unreachable as error:
            self.failures += 1
            log.warning(event("lag not written", error=error))


def run(settings: Settings, stop: threading.Event) -> None:
    """Look every `metrics.every_s` until `stop`."""
    watch = Watch(settings)
    metrics.serve(settings.metrics.watcher, watch.figures, host=settings.ports.host)
    create_tables(settings.dsn())
    log.info(event("watcher ready", port=settings.metrics.watcher))
    while True:
        watch.look()
        if stop.wait(settings.metrics.every_s):
            return


def main() -> None:
    """Entry point of the process."""
    run_process("watcher", run)


if __name__ == "__main__":
    main()
