"""`python -m streaming.dashboard`: serve the live page until SIGTERM."""

import logging
import signal
import sys
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from include import metrics
from include.errors import PlatformError, TickhouseError
from include.log import event, start_logging
from include.metrics import Figure
from include.settings import Settings, from_environment
from streaming.dashboard.board import KEEP_S, Board
from streaming.dashboard.live import Live
from streaming.dashboard.poller import Latest, poll_database, poll_files
from streaming.dashboard.reader import follow
from streaming.dashboard.server import make_server

log = logging.getLogger("tickhouse.dashboard")


def main() -> None:
    """Serve with the settings of the environment."""
    start_logging("dashboard")
    try:
        serve(from_environment())
    except TickhouseError as error:
        log.error(event("dashboard ends", error=error))
        sys.exit(1)
    log.info(event("dashboard stopped"))


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; Kafka and Postgres may come and go.

    Raises:
        PlatformError: the port is taken, or a thread that reads for all viewers died.
    """
    stop, live, latest = threading.Event(), Live(KEEP_S), Latest()
    try:
        server = make_server(settings, Board(settings, live, latest))
    except OSError as error:
        raise PlatformError(f"port {settings.ports.dashboard} cannot be served: {error}") from error
    faults: list[str] = []

    def died(fault: threading.ExceptHookArgs) -> None:
        faults.append(f"{fault.thread.name if fault.thread else '?'}: {fault.exc_value!r}")
        server.io_loop.add_callback(server.io_loop.stop)

    threading.excepthook = died
    for sign in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sign, lambda *_: server.io_loop.add_callback_from_signal(server.io_loop.stop))
    _start(follow, settings.bootstrap, live, stop, settings.dashboard.backfill)
    _start(poll_database, settings, live, latest, stop)
    _start(poll_files, settings, latest, stop)
    metrics.serve(
        settings.metrics.dashboard,
        partial(_figures, server, live, latest),
        host=settings.ports.host,
    )
    server.start()
    log.info(event("dashboard serves", port=settings.ports.dashboard))
    server.io_loop.start()
    stop.set()
    server.stop()
    if faults:
        raise PlatformError(f"the dashboard reads no more: {faults[0]}")


def _figures(server: Any, live: Live, latest: Latest) -> list[Figure]:
    read: dict[tuple[str, ...], float] = {
        (topic, str(part)): float(end) for (topic, part), end in dict(live.reached).items()
    }
    return [
        Figure.of("dashboard_viewers", "pages that are open", len(server.get_sessions())),
        Figure.of(
            "dashboard_postgres_timestamp_seconds",
            "when Postgres last answered",
            latest.served.seen,
        ),
        Figure("dashboard_read_offset", "next Kafka offset it reads", read, ("topic", "partition")),
    ]


def _start(work: Callable[..., None], *arguments: object) -> None:
    threading.Thread(target=work, args=arguments, name=work.__name__, daemon=True).start()


if __name__ == "__main__":
    main()
