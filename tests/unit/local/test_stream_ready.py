"""The stream is ready when each of its queries has finished a batch: for `up` and containers."""

import os
import re
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from include.local.causes import stream_causes
from include.local.programs import list_programs
from include.local.supervisor import ProcessState
from include.serving.stream_progress import (
    QueryProgress,
    StreamProgress,
    progress_file,
    write_progress,
)
from include.settings import ROOT, Settings, load
from spark_jobs import health
from tests.support.services import free_ports

READY, STARTING = QueryProgress("land", batch=3, is_ready=True), QueryProgress("signals")
CASES = {
    "each query has finished a batch": ((READY,), 0, True),
    "one has not": ((READY, STARTING), 0, False),
    "nothing was reported for a minute": ((READY,), 60, False),
}
SERVICES = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
CHART = (ROOT / "deploy/helm/templates/stream.yaml").read_text()


def checks() -> list[str]:
    """The shell commands by which compose and the chart ask."""
    compose = SERVICES["stream"]["healthcheck"]["test"][-1].replace("$$", "$")
    (probe,) = re.findall(r'"sh" "-c" "((?:[^"\\]|\\.)*)"', CHART)
    return [compose, probe.replace('\\"', '"')]


def succeeds(check: str, folder: Path, environ: Mapping[str, str]) -> bool:
    """Whether a shell command succeeds in the folder above `var`."""
    return not subprocess.run(["sh", "-c", check], check=False, cwd=folder, env=environ).returncode


def test_a_process_with_metrics_is_ready_when_it_serves_them(tmp_path: Path) -> None:
    port = free_ports(1)[0]
    settings = load({"TICKHOUSE_VAR": str(tmp_path), "TICKHOUSE_METRICS_TRADER": str(port)})
    (trader,) = (program for program in list_programs(settings) if program.name == "trader")
    assert not trader.ready()
    with socket.create_server(("127.0.0.1", port)):
        assert trader.ready()


@pytest.mark.parametrize("name", CASES)
def test_up_and_containers_ask_the_same(settings: Settings, name: str) -> None:
    queries, age_s, is_ready = CASES[name]
    settings.home.mkdir(parents=True)
    at = time.time() - age_s
    write_progress(settings, StreamProgress(at, queries))
    os.utime(progress_file(settings), (at, at))
    (stream,) = (program for program in list_programs(settings) if program.name == "stream")
    assert stream.ready() is is_ready
    environ = os.environ | {"TICKHOUSE_WORLD": settings.world}
    for check in checks():
        assert succeeds(check, settings.var.parent, environ) is is_ready, check


def test_a_stream_that_never_ran_is_not_ready(settings: Settings) -> None:
    for check in checks():
        assert not succeeds(check, settings.var.parent, os.environ)


def query(name: str, **status: object) -> Any:
    return SimpleNamespace(name=name, lastProgress=None, status=status)


@pytest.mark.parametrize(
    ("state", "is_ready"),
    [
        (query("land", message="Initializing sources", isTriggerActive=False), False),
        (query("land", message="Processing new data", isTriggerActive=True), False),
        (query("land", message="Waiting for data to arrive", isTriggerActive=False), True),
        (query("measures", message="Initializing sources", isTriggerActive=False), False),
        (query("measures", message="Processing new data", isTriggerActive=True), True),
    ],
)
def test_a_query_without_a_batch_is_ready_if_there_is_none_to_do(
    settings: Settings, state: Any, is_ready: bool
) -> None:
    settings.home.mkdir(parents=True)
    health.write_progress(settings, [state])
    (stream,) = (program for program in list_programs(settings) if program.name == "stream")
    assert stream.ready() is is_ready


def test_a_query_that_finishes_no_batch_is_a_cause(tmp_path: Path) -> None:
    progress = StreamProgress(1000.0, (READY, STARTING))
    old, young = (ProcessState("stream", "running", 1, uptime_s) for uptime_s in (200, 100))
    assert list(stream_causes(progress, [old], behind={}, now_s=1001.0)) == [
        "the stream's query signals has not finished a batch in the 200 s since its start"
    ]
    assert list(stream_causes(progress, [young], behind={}, now_s=1001.0)) == []


def test_what_fails_beside_the_queries_is_a_cause_while_the_stream_reports(tmp_path: Path) -> None:
    progress = StreamProgress(1000.0, (READY,), ("the log checkpoint of trades was not written",))
    stream = ProcessState("stream", "running", 1, 200)
    assert list(stream_causes(progress, [stream], behind={}, now_s=1001.0)) == [
        "the log checkpoint of trades was not written"
    ]
    (only,) = stream_causes(progress, [stream], behind={}, now_s=1100.0)
    assert only.startswith("the stream reports nothing")
