"""`spark-submit` on a cluster of two processes, and what is refused before anything starts."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from deltalake import DeltaTable

from include.errors import PlatformError
from include.settings import ROOT, Settings, load
from spark_jobs import session
from spark_jobs.session import require_shared_paths, require_task_slots, submit_environment
from spark_jobs.submission import submit_command
from tests.support.landed_rows import land, trade

FILES = 6


def spark_of(master: str, slots: int = 2, conf: dict[str, str] | None = None) -> Any:
    context = SimpleNamespace(master=master, defaultParallelism=slots)
    return SimpleNamespace(sparkContext=context, conf=conf or {})


def submitted(settings: Settings, **variables: str) -> Settings:
    return load({"TICKHOUSE_VAR": str(settings.var), "TICKHOUSE_WORLD": settings.world} | variables)


def test_a_job_runs_on_executors_of_their_own(settings: Settings, tmp_path: Path) -> None:
    variables = {
        "TICKHOUSE_STREAM_BATCH_MASTER": "local-cluster[1,1,1024]",
        "TICKHOUSE_STREAM_EXECUTOR_MEMORY": "512m",
        "TICKHOUSE_STREAM_LAKE": str(tmp_path / "lake"),
        "TICKHOUSE_STREAM_SPARK_CONF": "spark.ui.enabled=false",
    }
    on_cluster = submitted(settings, **variables)
    for number in range(FILES):
        land(Path(on_cluster.lake), "trades", [trade(number, str(number), "buy", "1", "2")])
    rows_before = DeltaTable(f"{on_cluster.lake}/trades").to_pyarrow_table().sort_by("offset")
    environ = submit_environment() | variables
    environ |= {"TICKHOUSE_VAR": str(on_cluster.var), "TICKHOUSE_WORLD": on_cluster.world}
    command = submit_command(on_cluster, "compact_tables", ("trades",))
    assert command[2] == "local-cluster[1,1,1024]"
    done = subprocess.run(
        command, check=False, env=environ, cwd=ROOT, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stdout[-1500:] + done.stderr[-1500:]
    table = DeltaTable(f"{on_cluster.lake}/trades")
    assert len(table.file_uris()) < FILES
    assert table.to_pyarrow_table().sort_by("offset") == rows_before


def test_spark_submit_without_the_jars_is_one_sentence(settings: Settings) -> None:
    command = submit_command(settings, "compact_tables")
    bare = [command[0], "--master", "local[1]", command[-1]]
    environ = submit_environment() | {"TICKHOUSE_VAR": str(settings.var)}
    done = subprocess.run(
        bare, check=False, env=environ, cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 1
    assert "error: PlatformError: spark-submit was not given the jars" in done.stdout


def test_a_worker_without_the_environment_is_one_sentence(settings: Settings) -> None:
    environ = submit_environment() | {
        "TICKHOUSE_VAR": str(settings.var),
        "TICKHOUSE_STREAM_BATCH_MASTER": "local-cluster[1,1,1024]",
        "TICKHOUSE_STREAM_EXECUTOR_MEMORY": "512m",
        "PYSPARK_PYTHON": "/nowhere/bin/python",
        "PYSPARK_DRIVER_PYTHON": sys.executable,
    }
    done = subprocess.run(
        [sys.executable, "-m", "spark_jobs.compact_tables", "trades"],
        check=False,
        env=environ,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 1
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith(
        "error: PlatformError: executors of local-cluster[1,1,1024] cannot run Tickhouse's Python ("
    )
    assert "/nowhere/bin/python" in line and "./tickhouse submit JOB --environment URI" in line


def test_a_lake_that_executors_cannot_see_is_refused(settings: Settings) -> None:
    with pytest.raises(PlatformError, match=r"executors of spark://a:7077 cannot see the lake /"):
        require_shared_paths(spark_of("spark://a:7077"), settings)
    require_shared_paths(spark_of("local[2]"), settings)
    for name, value in {"STORE": "s3a://lake", "STREAM_SHARED_DISK": "yes"}.items():
        other = submitted(settings, **{f"TICKHOUSE_{name}": value})
        require_shared_paths(spark_of("spark://a:7077"), other)


def test_fewer_slots_than_the_queries_keep_busy_are_refused(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "offset_ranges", lambda *_: dict.fromkeys(range(4), (0, 0)))
    with pytest.raises(PlatformError, match=r"local\[5\] has 5 task slots and 6 are needed"):
        require_task_slots(spark_of("local[5]", slots=5), settings)
    require_task_slots(spark_of("local[6]", slots=6), settings)
    monkeypatch.setattr(session, "SLOTS_WAIT_S", 0.0)
    with pytest.raises(PlatformError, match="give the cluster more cores"):
        require_task_slots(spark_of("spark://a:7077", slots=2), settings)
