"""Which processes the platform has, in which order, with which command and sign of readiness."""

import http.client
import socket
import sys
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

from include.local import airflow, kafka, postgres
from include.market.venues import GEMINI, VENUES
from include.serving.stream_progress import read_progress
from include.settings import Settings

PYTHON = sys.executable
SERVERS_STAGE, WORK_STAGE, FEEDS_STAGE = 0, 1, 2
LIVE, AIRFLOW = "live", "airflow-"
FRESH_PROGRESS_S = 10.0


@dataclass(frozen=True)
class Program:
    """One supervised process: `ready` tests whether it does its work; `stage` orders the start.

    Servers come first, then all that works with them at once (stages that wait for one another
    leave cores idle), then what brings messages in, when the stream takes them.
    What `needs_space` is stopped while less of the disk is free than the floor of the settings.
    """

    name: str
    stage: int
    command: list[str]
    ready: Callable[[], bool]
    ready_s: float = 60.0
    env: dict[str, str] = field(default_factory=dict)
    user: str | None = None
    stop_s: int = 15
    needs_space: bool = False


def list_programs(settings: Settings) -> list[Program]:
    """Every process of this world, in the order of their stages."""
    unordered = [
        _define_kafka(settings),
        _define_postgres(settings),
        *([_define_simulator(settings)] if settings.world != LIVE else []),
        _define_stream(settings),
        *_define_airflow(settings),
        *_define_feeds(settings),
        _define_python("trader", stage=WORK_STAGE, needs_space=True),
        _define_python("minutes", stage=WORK_STAGE),
        _define_python("watcher", stage=FEEDS_STAGE),  # it would report what is not started yet
        _define_dashboard(settings),
        *([_define_sql_server(settings)] if settings.sql_server.start == "yes" else []),
    ]
    return sorted(unordered, key=lambda program: program.stage)


def open_port(host: str, port: int) -> bool:
    """Whether something listens on this port."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((host, port)) == 0


def serves_page(url: str) -> bool:
    """Whether a page is served at this address: a process that dies again listens for a moment."""
    try:
        with urllib.request.urlopen(url, timeout=5) as reply:
            return bool(reply.status == HTTPStatus.OK)
    except (OSError, http.client.HTTPException):
        return False


def _define_kafka(settings: Settings) -> Program:
    return Program(
        "kafka",
        SERVERS_STAGE,
        kafka.build_command(settings),
        lambda: kafka.answers(settings),
        stop_s=30,
        needs_space=True,
    )


def _define_postgres(settings: Settings) -> Program:
    return Program(
        "postgres",
        SERVERS_STAGE,
        postgres.build_command(settings),
        lambda: postgres.answers(settings),
        user=postgres.system_user(),
    )


def _define_simulator(settings: Settings) -> Program:
    return Program(
        "simulator",
        SERVERS_STAGE,
        [PYTHON, "-m", "streaming.simulator"],
        lambda: serves_page(f"{settings.simulator_url}/healthz"),
    )


def _define_stream(settings: Settings) -> Program:
    return Program(
        "stream",
        WORK_STAGE,
        [PYTHON, "-m", "spark_jobs.stream_market"],
        lambda: _fresh_progress(settings),
        ready_s=300,
        stop_s=30,
        needs_space=True,
    )


def _define_airflow(settings: Settings) -> list[Program]:
    api = airflow.AirflowApi(settings)
    binary = str(Path(PYTHON).with_name("airflow"))
    env = airflow.build_environment(settings)
    ready = {"api-server": api.is_healthy}
    return [
        Program(
            f"{AIRFLOW}{name}",
            WORK_STAGE,
            [binary, name, *airflow.NO_LOG_SERVER.get(name, [])],
            ready.get(name, lambda: True),
            ready_s=300,
            env=env,
        )
        for name in airflow.COMPONENTS
    ]


def _define_feeds(settings: Settings) -> list[Program]:
    symbols_by_feed = {name: settings.venues.of(name).symbols for name in VENUES}
    symbols_by_feed["quotes"] = settings.venues.quote_symbols
    if settings.simulator.tape:
        symbols_by_feed = {GEMINI.name: settings.venues.gemini.symbols}
    return [
        Program(
            f"feed-{feed}",
            FEEDS_STAGE,
            [PYTHON, "-m", "streaming.feeds", feed],
            lambda: True,
            needs_space=True,
        )
        for feed, symbols in symbols_by_feed.items()
        if symbols
    ]


def _define_dashboard(settings: Settings) -> Program:
    return Program(
        "dashboard",
        WORK_STAGE,
        [PYTHON, "-m", "streaming.dashboard"],
        lambda: serves_page(f"http://{settings.ports.host}:{settings.ports.dashboard}/"),
    )


def _define_sql_server(settings: Settings) -> Program:
    return Program(
        "sql-server",
        WORK_STAGE,
        [PYTHON, "-m", "spark_jobs.serve_sql"],
        lambda: open_port(settings.ports.host, settings.ports.sql_server),
        ready_s=300,
        stop_s=30,
    )


def _define_python(name: str, *, stage: int, needs_space: bool = False) -> Program:
    command = [PYTHON, "-m", f"streaming.{name}"]
    return Program(name, stage, command, lambda: True, needs_space=needs_space)


def _fresh_progress(settings: Settings) -> bool:
    return time.time() - read_progress(settings).written_at < FRESH_PROGRESS_S
