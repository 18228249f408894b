"""`up --cluster`: a broker and a Spark worker are killed; with `--long` all servers in turn.

With `--long` everything runs, else only what carries messages from one venue to the lake. Other
writers run beside the stream meanwhile; after each kill the audit has nothing against it.

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

from include.lake.reading import query
from include.lake.tables import TABLE_OF_TOPIC
from include.local.left_overs import MARKER
from include.local.supervisor import SupervisorClient
from include.settings import ROOT
from include.settings.cluster import ClusterPorts
from tests.support.object_store import use_store_of
from tests.support.services import eventually, free_block
from tests.support.whole_platform import MESSAGES_ALONE, TICKHOUSE, PlatformRun, up

READY_S = 120.0  # alone on the machine (`--long`)
BUSY_READY_S = 600.0  # beside other tests a JVM's first job takes minutes
TRAINED_S, WRITERS_S = 900.0, 600.0
AUDIT_S = 900.0  # beside a compaction and a load: both of its readers wait for a core
SHORT, LONG = ("kafka-2", "spark-worker-1"), ("kafka-2", "spark-worker-1", "stream", "postgres")
OUTAGE_S = 60.0


@pytest.fixture(scope="module")
def is_long(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--long"))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, is_long: bool) -> Iterator[PlatformRun]:
    """The simulated world on a cluster's servers, three days of history to train on."""
    var = tmp_path_factory.mktemp("cluster") / "var"
    command = (TICKHOUSE,) if is_long else MESSAGES_ALONE
    first = free_block(len(list(ClusterPorts(0))))
    more = {
        "SIMULATOR_HISTORY_DAYS": "3",
        "SIMULATOR_SPEED": "1" if is_long else "4",
        "PORTS_CLUSTER": str(first),
    }
    with (
        up(PlatformRun(var, command, **more), "--cluster") as platform,
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


def await_rows(run: PlatformRun, killed: str, *, within_s: float, is_whole: bool) -> None:
    """Wait until all runs again and more rows land; then the audit has nothing against it.

    `is_whole`: nothing that `status` names as missing was left out on purpose.
    """
    before, began = run.rows(), time.monotonic()
    eventually(
        lambda: run.rows() > before,
        timeout_s=within_s,
        every_s=2,
        what=f"rows land again after {killed} was killed",
    )
    if is_whole:
        run.await_ok(within_s=within_s - (time.monotonic() - began))
    print(f"{killed}: ready again after {time.monotonic() - began:.0f} s", flush=True)
    audit(run, after=killed)


def audit(run: PlatformRun, *, after: str) -> None:
    """The audit has nothing against the lake; fails with what it has."""
    began = time.monotonic()
    report = run.told("audit", "--json", timeout_s=AUDIT_S)
    print(f"{after}: audited in {time.monotonic() - began:.0f} s", flush=True)
    assert report["ok"], (after, [check for check in report["checks"] if not check["ok"]])
    assert sum(one["landed"] for one in report["partitions"]) > 100


def run_beside(run: PlatformRun, *jobs: str) -> subprocess.Popen[bytes]:
    """Jobs that write to the lake, one after another, in the installation's environment.

    `down` ends them with everything of this world, should the test fail meanwhile.
    """
    command = " && ".join(f"{sys.executable} -m spark_jobs.{job}" for job in jobs)
    environ = os.environ | run.environ | {MARKER: str(run.settings.home)}
    return subprocess.Popen(["bash", "-c", command], cwd=ROOT, env=environ)


def load_history_beside(run: PlatformRun) -> subprocess.Popen[bytes]:
    """A load of the simulated Kaggle's file, as another symbol's history."""
    source = f"{run.settings.simulator_url}/kaggle/btcusd_1-min_data.csv"
    stage = f"load_history stage --source {source} --symbol ETH-USD --run-id beside"
    return run_beside(run, stage, "load_history land --run-id beside")


def interrupt_store(run: PlatformRun) -> None:
    """Kill the object store and keep it away for a minute."""
    supervisor = SupervisorClient(run.settings)
    kill(run, "object-store")
    supervisor.stop("object-store")
    time.sleep(OUTAGE_S)
    supervisor.start("object-store")
    await_rows(run, "object-store", within_s=READY_S, is_whole=True)


def find_faults(run: PlatformRun) -> list[str]:
    """Offsets below the highest without a row, and trades that are there twice; by plain SQL."""
    faults = []
    for topic, table in TABLE_OF_TOPIC.items():
        statement = (
            'SELECT partition, min("offset"), max("offset") + 1, count(DISTINCT "offset")'
            f" FROM {table.name} GROUP BY partition"
        )
        for partition, first, end, landed in query(run.settings.lake, statement)[1]:
            if (first, end) != (0, landed):
                faults.append(f"{topic}, partition {partition}: {first} to {end}, {landed} landed")
    twice = query(
        run.settings.lake,
        "SELECT venue, symbol, trade_id, count(*) AS times FROM trades WHERE venue = 'binance'"
        " GROUP BY ALL HAVING times > 1",
    )[1]
    return [*faults, *map(str, twice)]


@pytest.mark.timeout(3600)
def test_each_server_is_killed_and_nothing_is_lost(run: PlatformRun, is_long: bool) -> None:
    settings = run.settings
    assert settings.store.startswith("s3a://") and settings.kafka.replication == 3
    eventually(lambda: run.rows() > 100, timeout_s=BUSY_READY_S, every_s=2, what="rows are landing")
    if is_long:  # else the first training, of two cores, is what makes all late
        trained = settings.forecasts / "CURRENT"
        eventually(trained.exists, timeout_s=TRAINED_S, every_s=5, what="a forecast")
        run.await_ok(within_s=TRAINED_S)
    writers = {"compaction": run_beside(run, "compact_tables trades tickers")}
    if is_long:  # `minutes` is a writer by delta-rs in any case
        writers["load_history"] = load_history_beside(run)
    for name in LONG if is_long else SHORT:
        kill(run, name)
        await_rows(run, name, within_s=READY_S if is_long else BUSY_READY_S, is_whole=is_long)
    ends = {name: writer.wait(WRITERS_S) for name, writer in writers.items()}
    assert ends == dict.fromkeys(writers, 0)
    if is_long:
        interrupt_store(run)
        loaded = run.sql("SELECT count(*) AS n FROM history_minutes WHERE symbol = 'ETH-USD'")
        assert loaded[0]["n"] > 1000
    audit(run, after="all of them")
    assert run.rows() > 1000
    assert find_faults(run) == []


def test_workers_see_no_folder_of_the_driver(run: PlatformRun) -> None:
    """Whatever the queries need lies in the object store: the workers' machines are others."""
    home = run.settings.home
    assert not (home / "lake").exists() and not (home / "checkpoints").exists()
    for number in (1, 2):
        work = home / f"spark-worker-{number}" / "work"
        assert any(work.glob("app-*/*/stderr"))
