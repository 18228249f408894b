"""A process whose main loop hangs: its page of metrics still answers, and `status` names it."""

import json
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from include.heartbeat import Heartbeat
from include.local.airflow import PARTS, AirflowApi
from include.local.causes import airflow_causes, process_causes
from include.local.process_pages import ProcessPage, read_pages
from include.local.supervisor import ProcessState
from include.settings import Settings, load
from tests.support.services import eventually, free_ports

HANGING = """
import asyncio, sys, threading, time
from include.heartbeat import HEARTBEAT
from include.metrics import serve_metrics

async def main(port):
    serve_metrics(port, lambda: [], host="127.0.0.1", hangs_after_s=2.0)
    for _ in range(3):
        HEARTBEAT.beat()
        await asyncio.sleep(0.1)
    time.sleep(60)

asyncio.run(main(int(sys.argv[1])))
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load({"TICKHOUSE_VAR": str(tmp_path)})


def running(name: str, uptime_s: int = 300) -> ProcessState:
    return ProcessState(name, "running", pid=None, uptime_s=uptime_s)


@contextmanager
def hanging_process(port: int) -> Iterator[None]:
    child = subprocess.Popen([sys.executable, "-c", HANGING, str(port)])
    try:
        yield
    finally:
        child.kill()
        child.wait()


def test_the_page_shows_for_how_long_a_process_hangs() -> None:
    (port,) = free_ports(1)
    pages = {"feed-gemini": f"http://127.0.0.1:{port}/metrics"}

    def age_s() -> float:
        page = read_pages(pages)["feed-gemini"]
        return page.loop_age_s or 0.0 if page else 0.0

    with hanging_process(port):
        eventually(lambda: age_s() > 1.5, timeout_s=30)
        first, before = age_s(), time.monotonic()
        time.sleep(0.5)
        assert age_s() - first == pytest.approx(time.monotonic() - before, abs=0.4)
    assert read_pages(pages) == {"feed-gemini": None}
    assert read_pages({}) == {}


def health(port: int) -> tuple[int, bool]:
    """The status and the answer of a process's health page."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as reply:
            return reply.status, json.load(reply)["ok"]
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)["ok"]
    except OSError:
        return 0, False


def test_the_health_page_that_containers_ask_refuses_when_the_loop_hangs() -> None:
    (port,) = free_ports(1)
    with hanging_process(port):
        eventually(lambda: health(port) == (200, True), timeout_s=30)
        eventually(lambda: health(port) == (503, False), timeout_s=30)


@pytest.mark.parametrize(
    ("name", "age_s", "hangs"),
    [
        ("feed-gemini", 14.0, False),
        ("feed-binance-2", 16.0, True),
        ("dashboard", 16.0, True),
        ("trader", 59.0, False),
        ("trader", 61.0, True),
        ("minutes", 3600.0, True),
        ("watcher", None, False),
    ],
)
def test_a_main_loop_that_stands_still_is_a_cause(
    settings: Settings, name: str, age_s: float | None, hangs: bool
) -> None:
    page = ProcessPage(uptime_s=300, loop_age_s=age_s)
    causes = list(process_causes(settings, [running(name)], {name: page}))
    sentence = f"{name} hangs: its main loop has not gone round for {age_s or 0:.0f} s"
    assert causes == ([f"{sentence}: ./tickhouse logs {name}"] if hangs else [])


def test_a_page_that_does_not_answer_is_a_cause_after_the_start(settings: Settings) -> None:
    silent = {"trader": None, "minutes": None}
    causes = list(
        process_causes(settings, [running("trader"), running("minutes", uptime_s=30)], silent)
    )
    assert causes == ["trader does not answer at its page"]
    assert not list(process_causes(settings, [running("kafka")], {}))
    ended = ProcessState("trader", "backoff", pid=None, uptime_s=300)
    assert list(process_causes(settings, [ended], silent)) == [
        "trader is backoff: ./tickhouse logs trader"
    ]


@pytest.mark.parametrize(
    ("state", "uptime_s", "parts", "causes"),
    [
        ("running", 300, ["scheduler"], ["scheduler: ./tickhouse logs airflow-scheduler"]),
        ("running", 300, ["metadatabase"], ["metadatabase: ./tickhouse logs postgres"]),
        ("running", 300, [], []),
        ("running", 60, ["scheduler"], []),
        ("backoff", 300, ["scheduler"], []),
    ],
)
def test_an_airflow_that_is_not_healthy_by_its_own_page_is_a_cause(
    state: str, uptime_s: int, parts: list[str], causes: list[str]
) -> None:
    scheduler = ProcessState("airflow-scheduler", state, pid=None, uptime_s=uptime_s)
    found = list(airflow_causes([scheduler, running("airflow-api-server")], lambda: parts))
    assert found == [f"Airflow is not healthy, by its {cause}" for cause in causes]
    assert not list(airflow_causes([running("trader")], lambda: ["api-server"]))


@pytest.mark.parametrize(
    ("silent_s", "unhealthy"), [(0.0, ["scheduler"]), (60.0, []), (30.0, ["scheduler"])]
)
def test_a_heartbeat_that_is_a_little_late_is_no_cause(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, silent_s: float, unhealthy: list[str]
) -> None:
    late = (datetime.now(UTC) - timedelta(seconds=45)).isoformat()
    health: dict[str, dict[str, str]] = {part: {"status": "healthy"} for part in PARTS}
    health["scheduler"] = {"status": "unhealthy", "latest_scheduler_heartbeat": late}
    monkeypatch.setattr(AirflowApi, "_send", lambda *_, **__: health)
    api = AirflowApi(settings)
    assert api.unhealthy_parts(silent_s=silent_s) == unhealthy and not api.is_healthy()
    health["metadatabase"] = {"status": "unhealthy"}
    assert api.unhealthy_parts(silent_s=silent_s) == ["metadatabase", *unhealthy]


def test_a_pause_is_no_hanging() -> None:
    heartbeat, stop = Heartbeat(), threading.Event()
    assert heartbeat.age_s is None
    ages: list[float] = []
    waiting = threading.Thread(target=heartbeat.wait, args=(stop, 2.5))
    waiting.start()
    while waiting.is_alive():
        time.sleep(0.05)
        ages.append(heartbeat.age_s or 0.0)
    assert max(ages) < 1.6
    assert not heartbeat.wait(stop, 0.0)
    stop.set()
    assert heartbeat.wait(stop, 60.0) and heartbeat.checks_with_beats(stop)()
