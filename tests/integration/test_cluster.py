"""`up --cluster`: a broker and a Spark worker are killed; with `--long` all servers in turn.

Three brokers with TLS and log-ins, two workers that see no folder of the driver, S3 and Postgres
over TLS: what a real cluster is told by settings, on this machine.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import psutil
import pytest

from include.lake.tables import TABLE_OF_TOPIC
from include.local.supervisor import SupervisorClient
from include.settings import ROOT
from include.settings.cluster import ClusterPorts
from tests.support.object_store import use_store_of
from tests.support.services import eventually, free_block
from tests.support.whole_platform import PlatformRun, up

READY_S, COMPACTION_S = 300.0, 300.0  # a busy machine takes minutes for a JVM's first job
SHORT, LONG = ("kafka-2", "spark-worker-1"), ("kafka-2", "spark-worker-1", "stream", "postgres")
OUTAGE_S = 60.0


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PlatformRun]:
    """The simulated world on a cluster's servers, three days of history to train on."""
    var = tmp_path_factory.mktemp("cluster") / "var"
    first = free_block(len(list(ClusterPorts(0))))
    more = {
        "SIMULATOR_HISTORY_DAYS": "3",
        "SIMULATOR_SPEED": "4",
        "PORTS_CLUSTER": str(first),
    }
    with (
        up(PlatformRun(var, **more), "--cluster") as platform,
        use_store_of(platform.settings),
    ):
        yield platform


def kill(run: PlatformRun, name: str) -> None:
    """End a process and all that it has started, at once."""
    pid = run.pid(name)
    assert pid is not None, name
    parts = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    for part in parts:
        part.send_signal(signal.SIGKILL)


def await_rows(run: PlatformRun, killed: str) -> None:
    """Wait until all runs again and more rows land."""
    before = run.rows()
    eventually(
        lambda: run.rows() > before and run.told("status", "--json")["ok"],
        timeout_s=READY_S,
        every_s=2,
        what=f"rows land again after {killed} was killed",
    )


def run_beside(run: PlatformRun, *job: str) -> subprocess.Popen[bytes]:
    """A job that writes to the lake, in the installation's environment."""
    command = [sys.executable, "-m", *job]
    return subprocess.Popen(command, cwd=ROOT, env=os.environ | run.environ)


def interrupt_store(run: PlatformRun) -> None:
    """Kill the object store and keep it away for a minute."""
    supervisor = SupervisorClient(run.settings)
    kill(run, "object-store")
    supervisor.stop("object-store")
    time.sleep(OUTAGE_S)
    supervisor.start("object-store")
    await_rows(run, "object-store")


def find_faults(run: PlatformRun) -> list[str]:
    """Offsets below the highest without a row, and trades that are there twice; by plain SQL."""
    faults = []
    for topic, table in TABLE_OF_TOPIC.items():
        statement = (
            f'SELECT partition, min("offset") AS low, max("offset") AS high, '
            f'count(DISTINCT "offset") AS landed FROM {table.name} GROUP BY partition'
        )
        for part in run.sql(statement):
            if (part["low"], part["high"] + 1) != (0, part["landed"]):
                faults.append(f"{topic}: {part}")
    twice = run.sql(
        "SELECT venue, symbol, trade_id, count(*) AS times FROM trades WHERE venue = 'binance'"
        " GROUP BY ALL HAVING times > 1"
    )
    return [*faults, *map(str, twice)]


@pytest.mark.timeout(1800)
def test_each_server_is_killed_and_nothing_is_lost(
    run: PlatformRun, request: pytest.FixtureRequest
) -> None:
    settings = run.settings
    assert settings.store.startswith("s3a://") and settings.kafka.replication == 3
    eventually(lambda: run.rows() > 100, timeout_s=180, every_s=2, what="rows are landing")
    is_long = request.config.getoption("--long")
    compaction = run_beside(run, "spark_jobs.compact_tables", "quotes", "tickers")
    for name in LONG if is_long else SHORT:
        kill(run, name)
        await_rows(run, name)
    assert compaction.wait(COMPACTION_S) == 0
    if is_long:
        interrupt_store(run)
    report = run.told("audit", "--json")
    assert report["ok"], report["checks"]
    assert sum(one["landed"] for one in report["partitions"]) > 1000
    assert find_faults(run) == []


def test_workers_see_no_folder_of_the_driver(run: PlatformRun) -> None:
    """Whatever the queries need lies in the object store: the workers' machines are others."""
    home = run.settings.home
    assert not (home / "lake").exists() and not (home / "checkpoints").exists()
    for number in (1, 2):
        work = home / f"spark-worker-{number}" / "work"
        assert any(work.glob("app-*/*/stderr"))
