"""A Postgres and a simulated venue of their own for a measurement, in a folder thrown away."""

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from subprocess import DEVNULL, Popen
from typing import Any

from include.errors import Unreachable
from include.local import postgres
from include.local.scratch import free_ports
from include.serving.tables import create_tables
from include.settings import Settings, load
from streaming.trader.gemini_rest import GeminiRest

READY_S = 60.0


@contextmanager
def scratch_venue() -> Iterator[Settings]:
    """Settings whose Postgres runs, with its tables, and whose Gemini is the simulator.

    Raises:
        Unreachable: one of them did not answer in time.
    """
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        Path(folder).chmod(0o755)  # Postgres runs as another user where this one is root
        env = _environment(folder)
        settings = load(env)
        postgres.prepare(settings)
        server: dict[str, Any] = {"user": postgres.system_user(), "cwd": "/"}
        stack.enter_context(_running(postgres.command(settings), **server))
        _until(lambda: postgres.answers(settings), "Postgres")
        postgres.create_databases(settings)
        create_tables(settings.dsn())
        simulator = [sys.executable, "-m", "streaming.simulator"]
        stack.enter_context(_running(simulator, env=env))
        _until(lambda: _answers(settings), "simulator")
        yield settings


def _environment(folder: str) -> dict[str, str]:
    server, venue = free_ports(2)
    return {
        "TICKHOUSE_VAR": folder, "TICKHOUSE_PORTS_POSTGRES": server,
        "TICKHOUSE_POSTGRES_PASSWORD": "for-the-measurement",
        "TICKHOUSE_PORTS_SIMULATOR": venue, "TICKHOUSE_SIMULATOR_HISTORY_DAYS": "1",
        "TICKHOUSE_VENUES_GEMINI_ORDERS": f"http://127.0.0.1:{venue}",
        "TICKHOUSE_VENUES_GEMINI_KEY": "account-to-measure",
        "TICKHOUSE_VENUES_GEMINI_SECRET": "secret-to-measure",
        "TICKHOUSE_TRADER_BROKER": "gemini", "TICKHOUSE_TRADER_DAILY_LOSS": "0",
        "TICKHOUSE_FORECAST_STALE_HOURS": "1000000",
    }  # fmt: skip


@contextmanager
def _running(command: list[str], **more: Any) -> Iterator[None]:
    process = Popen(command, stdout=DEVNULL, stderr=DEVNULL, **more)
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


def _answers(settings: Settings) -> bool:
    venues = settings.venues
    rest = GeminiRest(venues.gemini_orders, key=venues.gemini_key, secret=venues.gemini_secret,
                      next_nonce=lambda: 0)  # fmt: skip
    try:
        return bool(rest.public("/v1/symbols"))
    except Unreachable:
        return False


def _until(ready: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + READY_S
    while not ready():
        if time.monotonic() > deadline:
            raise Unreachable(f"the measurement's {what} does not answer")
        time.sleep(0.1)
