"""A Postgres and a simulated venue of their own for a measurement, in a folder thrown away."""

import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

from include.errors import Unreachable
from include.local.scratch import (
    choose_postgres,
    free_ports,
    run_in_background,
    scratch_postgres,
    wait_for,
)
from include.settings import Settings, load
from streaming.trader.brokers.gemini_rest import GeminiRest


@contextmanager
def scratch_venue() -> Iterator[Settings]:
    """Settings whose Postgres runs, with its tables, and whose Gemini is the simulator.

    Raises:
        Unreachable: one of them did not answer in time.
    """
    with scratch_world({}) as env:
        yield load(env)


@contextmanager
def scratch_world(more: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """The environment of such a world, with further TICKHOUSE_ settings, for other processes.

    Raises:
        Unreachable: one of them did not answer in time.
    """
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        env = _build_environment(folder) | dict(more)
        settings = load(env)
        stack.enter_context(scratch_postgres(settings))
        simulator = [sys.executable, "-m", "streaming.simulator"]
        stack.enter_context(run_in_background(simulator, env=env))
        wait_for(lambda: _answers(settings), "simulator")
        yield env


def _build_environment(folder: str) -> dict[str, str]:
    venue = free_ports(1)[0]
    return {
        "TICKHOUSE_VAR": folder,
        **choose_postgres(),
        "TICKHOUSE_PORTS_SIMULATOR": venue,
        "TICKHOUSE_SIMULATOR_HISTORY_DAYS": "1",
        "TICKHOUSE_VENUES_GEMINI_ORDERS": f"http://127.0.0.1:{venue}",
        "TICKHOUSE_VENUES_GEMINI_KEY": "account-to-measure",
        "TICKHOUSE_VENUES_GEMINI_SECRET": "secret-to-measure",
        "TICKHOUSE_TRADER_BROKER": "gemini",
        "TICKHOUSE_TRADER_DAILY_LOSS": "0",
        "TICKHOUSE_TRADER_LAG_S": "0",  # its market is of 2018
        "TICKHOUSE_TRADER_SKEW_S": "0",
        "TICKHOUSE_FORECAST_STALE_HOURS": "800000",
    }


def _answers(settings: Settings) -> bool:
    venues = settings.venues
    client = GeminiRest(
        venues.gemini.orders,
        key=venues.gemini.key,
        secret=venues.gemini.secret,
        next_nonce=lambda: 0,
    )
    try:
        return bool(client.get_public("/v1/symbols"))
    except Unreachable:
        return False
