"""A hole in numbered trades, from the feed that missed them to the Delta rows that close it.

The simulator leaves out a trade, then the feed is killed for some seconds; the ledger's holes are
refilled by the DAG's own function while the real stream job lands, stands still, and lands again.
"""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import psutil
import pytest
from deltalake import DeltaTable

from include.bus import ensure_topics
from include.lake.reading import open_table
from include.local import worlds
from include.settings import ROOT, Settings, load
from streaming.feeds.heal_gaps import DeltaLake
from streaming.feeds.healer import Hole
from tests.conftest import make_environment
from tests.support.postgres import fetch_tuples
from tests.support.services import eventually, running
from tests.support.stream_world import caught_up, streaming

SCRIPT = """
faults:
  - {fault: skip, venue: binance, stream: '"btcusdt@aggTrade"', message: 4}
"""
FEED = [sys.executable, "-m", "streaming.feeds", "binance", "--symbols", "BTC-USDT"]
THE_TASK = "from dags.heal_gaps import refill_holes; print(refill_holes.function())"
MISSED = 8  # trades, at least, that are made while the feed is dead: four seconds


@pytest.fixture
def world(
    tmp_path: Path, kafka_broker: str, postgres_dsn: dict[str, Any], service_settings: Settings
) -> Iterator[tuple[Settings, dict[str, str]]]:
    """A simulator that leaves out a trade, beside a broker and a Postgres."""
    script = tmp_path / "faults.yaml"
    script.write_text(SCRIPT)
    environ = make_environment(
        tmp_path / "var",
        KAFKA_BOOTSTRAP=kafka_broker,
        STREAM_TRIGGER_S="0.2",
        STREAM_DRIVER_MEMORY="1g",
        SIMULATOR_FAULTS=str(script),
        PORTS_POSTGRES=str(service_settings.ports.postgres),
    )
    settings = load(environ | worlds.simulated_addresses(load(environ)))
    environ |= worlds.simulated_addresses(settings)
    settings.home.mkdir(parents=True)
    ensure_topics(kafka_broker)
    command = [sys.executable, "-m", "streaming.simulator"]
    with running(command, log=tmp_path / "simulator.log", env=environ):
        yield settings, environ


@pytest.mark.timeout(240)
def test_a_hole_closes_only_when_its_trades_are_in_delta(
    world: tuple[Settings, dict[str, str]], tmp_path: Path
) -> None:
    settings, environ = world
    lake = DeltaLake(settings.lake)
    with ExitStack() as stack:
        stream = stack.enter_context(streaming(settings, environ))
        with running(FEED, log=tmp_path / "feed.log", env=environ) as feed:
            eventually(lambda: len(numbers(settings)) > 5, timeout_s=90, what="trades land")
            os.kill(feed.pid, signal.SIGKILL)
        killed_at = newest(settings)
        eventually(lambda: newest(settings) > killed_at + MISSED, what="trades nobody heard")
        with running(FEED, log=tmp_path / "feed.log", env=environ):
            eventually(lambda: len(lake.open_holes()) == 2, what="two holes in the ledger")
        holes = sorted(lake.open_holes(), key=lambda hole: hole.first)
        assert holes[0].first == holes[0].last
        eventually(lambda: caught_up(settings), what="the feed's last word has landed")
        # what was sent in the last second before the kill may be there: it counts as unknown
        there = set(numbers(settings))
        lacking = [set(range(hole.first, hole.last + 1)) - there for hole in holes]
        assert len(lacking[0]) == 1 and len(lacking[1]) >= MISSED and not contiguous(sorted(there))

        with standing_still(stream.process.pid):
            summary_now = healed(environ, "--wait-s", "3")
            assert summary_now["healed"] == 0 and len(summary_now["open"]) == 2
            assert summary_now["refilled"] == len(lacking[0]) + len(lacking[1])
        eventually(lambda: caught_up(settings), timeout_s=60, what="the refill has landed")
        assert sorted(lake.open_holes(), key=lambda hole: hole.first) == holes
        assert healed_by_the_task(environ, tmp_path) == {"healed": 2, "refilled": 0, "open": []}
        eventually(lambda: not lake.open_holes(), what="the ledger rows close")
        assert contiguous(numbers(settings))
        for hole in holes:
            assert landed(settings, hole) == at_the_venue(settings, hole)
        health = "SELECT state, cause FROM feed_health WHERE venue = 'binance'"
        eventually(
            lambda: fetch_tuples(settings.dsn(), health) == [("disconnected", "BTC-USDT: stop")],
            what="a healed hole shows no feed as live that has ended",
        )
        assert healed(environ) == {"healed": 0, "refilled": 0, "open": []}


@contextmanager
def standing_still(pid: int) -> Iterator[None]:
    """The process and its children get no time; nothing can land."""
    family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    for one in family:
        one.suspend()
    try:
        yield
    finally:
        for one in family:
            one.resume()


def numbers(settings: Settings) -> list[int]:
    """The ids of the landed trades, in order."""
    table = open_table(settings.lake, "trades")
    rows_read = table.to_pyarrow_table(columns=["trade_id"]).to_pylist() if table else []
    return sorted({int(row["trade_id"]) for row in rows_read})


def contiguous(found: list[int]) -> bool:
    return found == list(range(found[0], found[-1] + 1))


def landed(settings: Settings, hole: Hole) -> list[tuple[int, Decimal, Decimal, str]]:
    """Id, price, quantity and side of a hole's trades in Delta; each must be there once."""
    table = DeltaTable(f"{settings.lake}/trades")
    columns = ["trade_id", "price", "quantity", "side"]
    rows_read = table.to_pyarrow_table(columns=columns).to_pylist()
    found = (
        (int(row["trade_id"]), row["price"], row["quantity"], row["side"]) for row in rows_read
    )
    return sorted(row for row in found if hole.first <= row[0] <= hole.last)


def at_the_venue(settings: Settings, hole: Hole) -> list[tuple[int, Decimal, Decimal, str]]:
    """The same as the venue's REST has it, read without our decoder."""
    count = hole.last - hole.first + 1
    return [
        (one["a"], Decimal(one["p"]), Decimal(one["q"]), "sell" if one["m"] else "buy")
        for one in rest(settings, f"fromId={hole.first}&limit={count}")
    ]


def newest(settings: Settings) -> int:
    """The id of the venue's newest trade."""
    return int(rest(settings, "limit=1")[-1]["a"])


def rest(settings: Settings, query: str) -> list[dict[str, Any]]:
    url = f"{settings.simulator_url}/api/v3/aggTrades?symbol=BTCUSDT&{query}"
    with urllib.request.urlopen(url, timeout=10) as reply:
        return list(json.loads(reply.read()))


def healed(environ: dict[str, str], *options: str) -> dict[str, Any]:
    """One run of the healer; its summary."""
    return summary([sys.executable, "-m", "streaming.feeds.heal_gaps", *options], environ)


def healed_by_the_task(environ: dict[str, str], home: Path) -> dict[str, Any]:
    """The same by the function of the DAG's task."""
    airflow = {"AIRFLOW_HOME": str(home / "airflow"), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
    return summary([sys.executable, "-c", THE_TASK], environ | airflow)


def summary(command: list[str], environ: dict[str, str]) -> dict[str, Any]:
    done = subprocess.run(
        command,
        env=os.environ | environ,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return dict(json.loads(done.stdout.splitlines()[-1]))
