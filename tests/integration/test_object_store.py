"""A world whose lake and checkpoints are in an object store: kills, then every reader of them."""

import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from deltalake import DeltaTable

from include.bus import ensure_topics
from include.lake.reading import query
from include.object_path import ObjectPath
from include.settings import ROOT, Settings
from tests.conftest import make_environment
from tests.support.object_store import object_store, used, variables
from tests.support.services import eventually
from tests.support.stream_world import Sender, broker, caught_up, checkpoint, served, streaming

MESSAGES = 3000
SEED = int(os.environ.get("KILL_SEED", random.randrange(10**6)))
CLUSTER = {
    "TICKHOUSE_STREAM_MASTER": "local-cluster[2,2,1024]",
    "TICKHOUSE_STREAM_EXECUTOR_MEMORY": "512m",
}
World = tuple[Settings, dict[str, str]]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A broker, a Postgres and an object store; nothing that must last is on this machine."""
    more = {"STREAM_TRIGGER_S": "0.5", "STREAM_DRIVER_MEMORY": "1g"}
    with object_store(tmp_path / "s3") as port:
        environ = make_environment(tmp_path / "var", **more) | variables(port)
        with used(port), served(environ) as (settings, _):
            bus = broker(settings)
            try:
                ensure_topics(settings.bootstrap)
                yield settings, environ
            finally:
                bus.kill()
                bus.wait(30)


def run(environ: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """A verb or a job, to its end."""
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        env=os.environ | environ,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.timeout(900)
def test_a_killed_stream_goes_on_as_a_cluster_with_an_object_store(world: World) -> None:
    """It is killed with its executors in one process, and resumed with two of their own."""
    settings, environ = world
    print(f"seed {SEED}")
    sender = Sender(settings, random.Random(SEED))
    for point, more in (("after_delta_commit", {}), ("none", CLUSTER)):
        sender.send(MESSAGES // 2)
        with streaming(settings, environ | more, point, 2) as stream:
            if point == "none":
                eventually(
                    lambda: caught_up(settings) or stream.process.poll() is not None,
                    timeout_s=200,
                    what="all is landed",
                )
                assert_readers_agree(environ, junk=sender.junk)
            else:
                eventually(stream.process.poll, timeout_s=200, what=f"{point} kills")
                assert stream.process.returncode == -signal.SIGKILL
    assert isinstance(checkpoint(settings), ObjectPath)
    made_here = {path.name for path in settings.home.iterdir()}
    assert not made_here & {"lake", "checkpoints"}, made_here
    assert_compaction_keeps_the_rows(settings, environ)
    doctor = run(environ, "cli.main", "doctor", "--json")
    land = json.loads(doctor.stdout)["queries"][0]
    assert (land["query"], land["state"], land["waiting"]) == ("land", "intact", 0), doctor


def assert_readers_agree(environ: dict[str, str], *, junk: int) -> None:
    """The audit, with its two readers, and SQL, beside the running stream."""
    audit = run(environ, "cli.main", "audit", "--json")
    checks = json.loads(audit.stdout)["checks"]
    failed = [check["name"] for check in checks if not check["ok"]]
    assert failed == ["I2 completeness"], audit.stdout  # what is sent has holes without a ledger
    counted = run(
        environ, "cli.main", "sql", "SELECT count(*) AS n FROM quarantine", "--format", "json"
    )
    assert json.loads(counted.stdout)[0]["n"] == junk, counted


def assert_compaction_keeps_the_rows(settings: Settings, environ: dict[str, str]) -> None:
    statement = "SELECT count(*), count(DISTINCT trade_id), sum(price) FROM trades"
    rows = query(settings.lake, statement)[1]
    files = len(DeltaTable(f"{settings.lake}/trades").file_uris())
    compacted = run(environ, "spark_jobs.compact_tables", "trades")
    assert compacted.returncode == 0, compacted.stderr[-2000:]
    assert len(DeltaTable(f"{settings.lake}/trades").file_uris()) < files
    assert query(settings.lake, statement)[1] == rows
