"""What runs beside the queries: Postgres served from the tables, and signals restated.

Postgres may hang or be away for as long as it likes: these threads wait, nothing else does.
"""

import logging
import threading
from collections.abc import Callable
from typing import Any

from include.backoff import Backoff
from include.lake.late_windows import LateWindows
from include.log import event
from include.serving.market_rows import serve_market_tables
from include.serving.signals import serve_signals
from include.serving.tables import create_tables
from include.settings import Settings
from include.settings.groups import DatabaseRole
from spark_jobs.health import LedgerHealth

SERVE_S = 30.0  # at the latest: a new row wakes the thread
RESTATE_S = 2.0
BACKOFF = Backoff(first_s=1.0, max_s=15.0)
log = logging.getLogger("tickhouse.stream")


def in_background(work: Callable[..., object], *arguments: Any) -> None:
    """Run it in a thread that does not keep the process."""
    threading.Thread(target=work, args=arguments, name=work.__name__, daemon=True).start()


def serve_postgres(
    settings: Settings, health: LedgerHealth, wakeup: threading.Event, stop: threading.Event
) -> None:
    """Keep what Postgres serves of the lake up to date until `stop`; `wakeup` wakes it."""
    dsn, days = settings.dsn(DatabaseRole.STREAM), settings.stream.served_days

    def begin() -> None:
        create_tables(dsn)
        health.begin(settings.lake)

    def serve() -> None:
        health.serve(dsn)
        serve_signals(dsn, settings.lake, keep_days=days)
        serve_market_tables(dsn, settings.lake, keep_days=days)

    _repeat(begin, serve, every_s=SERVE_S, wakeup=wakeup, stop=stop)


def restate_late_windows(
    settings: Settings, late: LateWindows, wakeup: threading.Event, stop: threading.Event
) -> None:
    """Restate the windows whose late changes have landed, until `stop`; sets `wakeup`."""

    def restate() -> None:
        row_count = late.restate_windows(settings.lake, window_s=settings.stream.window_s)
        if row_count:
            wakeup.set()
            log.info(event("signals restated", rows=row_count))

    _repeat(lambda: None, restate, every_s=RESTATE_S, wakeup=threading.Event(), stop=stop)


def _repeat(
    begin: Callable[[], None],
    work: Callable[[], None],
    *,
    every_s: float,
    wakeup: threading.Event,
    stop: threading.Event,
) -> None:
    """`begin` once and `work` again and again, each until it succeeds; outages are logged once."""
    failures, has_begun = 0, False
    while not stop.is_set():
        wakeup.clear()
        try:
            if not has_begun:
                begin()
                has_begun = True
            work()
        except Exception as error:  # the queries go on, whatever it is
            if not failures:
                log.warning(event("serving waits", error=error))
            failures += 1
            stop.wait(BACKOFF.wait_s(failures))
        else:
            failures = 0
            wakeup.wait(every_s)
