"""`python -m streaming.dashboard`: serve the live page until SIGTERM."""

import logging
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from tornado.ioloop import PeriodicCallback

from include.bus import GroupPositions
from include.errors import PlatformError
from include.heartbeat import EVENT_LOOP_S, HEARTBEAT
from include.log import event
from include.metrics import Metric, serve_metrics
from include.process import run_process
from include.settings import Settings
from streaming.dashboard.panels import PANELS
from streaming.dashboard.server import make_server
from streaming.dashboard.sources.files import poll_files
from streaming.dashboard.sources.kafka import follow_kafka
from streaming.dashboard.sources.postgres import poll_postgres
from streaming.dashboard.state import DashboardState
from streaming.dashboard.view import KEEP_S, Views

BEAT_MS = 1000.0
log = logging.getLogger("tickhouse.dashboard")


def main() -> None:
    """Serve with the settings of the environment."""
    run_process("dashboard", serve)


def serve(settings: Settings, stop: threading.Event) -> None:
    """Serve until `stop`; Kafka and Postgres may come and go.

    Raises:
        PlatformError: the port is taken, or a thread that reads for all viewers died.
    """
    state = DashboardState(KEEP_S)
    try:
        server = make_server(settings, Views(settings, state, PANELS))
    except OSError as error:
        raise PlatformError(f"port {settings.ports.dashboard} cannot be served: {error}") from error
    faults: list[str] = []

    def stop_on_fault(fault: threading.ExceptHookArgs) -> None:
        faults.append(f"{fault.thread.name if fault.thread else '?'}: {fault.exc_value!r}")
        stop.set()

    threading.excepthook = stop_on_fault
    _start(_stop_with, stop, server.io_loop)
    positions = GroupPositions(settings.bootstrap, world=settings.world, reader="dashboard")
    backfill = settings.dashboard.backfill
    _start(follow_kafka, settings.bootstrap, state, stop, backfill, positions)
    _start(poll_postgres, settings, state, stop)
    _start(poll_files, settings, state, stop)
    serve_metrics(
        settings.metrics.dashboard,
        partial(_metrics, server, state),
        host=settings.ports.host,
        hangs_after_s=EVENT_LOOP_S,
    )
    beating = PeriodicCallback(HEARTBEAT.beat, BEAT_MS)
    server.io_loop.add_callback(beating.start)
    server.start()
    log.info(event("dashboard serves", port=settings.ports.dashboard))
    server.io_loop.start()
    server.stop()
    positions.close()
    if faults:
        raise PlatformError(f"a thread that reads for the dashboard failed: {faults[0]}")


def _stop_with(stop: threading.Event, io_loop: Any) -> None:
    stop.wait()
    io_loop.add_callback(io_loop.stop)


def _metrics(server: Any, state: DashboardState) -> list[Metric]:
    offsets: dict[tuple[str, ...], float] = {
        (topic, str(part)): float(end) for (topic, part), end in dict(state.offsets).items()
    }
    return [
        Metric.of("dashboard_viewers", "pages that are open", len(server.get_sessions())),
        Metric.of(
            "dashboard_postgres_timestamp_seconds",
            "when Postgres last answered",
            state.postgres.seen_s,
        ),
        Metric(
            "dashboard_read_offset", "next Kafka offset it reads", offsets, ("topic", "partition")
        ),
    ]


def _start(loop: Callable[..., None], *arguments: object) -> None:
    threading.Thread(target=loop, args=arguments, name=loop.__name__, daemon=True).start()


if __name__ == "__main__":
    main()
