"""`status` is red with its cause whenever the promise is not being kept, and never hangs."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from include.errors import Unreachable
from include.local import causes as causes_module
from include.local import status as status_module
from include.local.causes import disk_causes, process_causes, stream_causes, topic_causes
from include.local.restarts import FOLDER, is_restart_loop, pause_s, recent_starts
from include.local.status import read_status
from include.local.supervisor import ProcessState, SupervisorClient
from include.market.wire import TopicPartition
from include.serving.account_states import AccountState
from include.serving.stream_progress import QueryProgress, StreamProgress, write_progress
from include.settings import Settings, load
from streaming.watcher import disk_guard
from streaming.watcher.cause_alerts import CauseAlerts
from streaming.watcher.disk_guard import DiskGuard
from tests.support.lake_of_rows import put

PART = TopicPartition("market.book", 0)
STREAM = ProcessState("stream", "running", pid=None, uptime_s=500)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    loaded = load({"TICKHOUSE_VAR": str(tmp_path), "TICKHOUSE_ALERTS_DISK_SHARE": "0"})
    loaded.home.mkdir(parents=True)
    return loaded


class World:
    """What supervisord, Kafka and Postgres answer."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.processes: Any = lambda: [STREAM]
        self.ranges: Any = lambda topics: {PART: (0, 100)}
        self.feeds: Any = list
        self.accounts: list[AccountState] = []
        monkeypatch.setattr(SupervisorClient, "processes", lambda _: self.processes())
        monkeypatch.setattr(status_module, "read_feed_healths", lambda _: self.feeds())
        monkeypatch.setattr(status_module, "read_account_states", lambda *_: self.accounts)

    def causes(self, settings: Settings) -> list[str]:
        current = read_status(settings, ranges=self.ranges, times_ms=lambda _: {})
        assert current.ok == (not current.causes)
        return current.causes


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


def progress(settings: Settings, *, age_s: float, end: int) -> None:
    at = time.time() - age_s
    query = QueryProgress("land", offsets={PART.topic: {0: end}}, reported_at=at, is_ready=True)
    write_progress(settings, StreamProgress(time.time(), (query,)))


def test_an_account_that_is_set_aside_is_a_cause_and_a_halted_one_is_none(
    settings: Settings, world: World
) -> None:
    put(settings.lake, "trades", [{}])
    progress(settings, age_s=0, end=100)
    failed = AccountState("eth", failure="InvalidSymbol: the venue has no ETH-USD")
    world.accounts = [AccountState("main", halted="by hand"), failed]
    assert world.causes(settings) == [
        "the trader's account eth is suspended, and tried again: "
        "InvalidSymbol: the venue has no ETH-USD"
    ]
    assert [one.state for one in world.accounts] == ["halted", "suspended"]


def unreachable() -> Any:
    raise Unreachable("Postgres at 127.0.0.1:1: database tickhouse does not exist")


def test_all_is_well_without_a_cause(settings: Settings, world: World) -> None:
    progress(settings, age_s=1, end=90)
    assert world.causes(settings) == []


def test_a_platform_that_is_down_is_one_cause(settings: Settings, world: World) -> None:
    def down() -> Any:
        raise Unreachable("no supervisor answers")

    world.processes = down
    assert world.causes(settings) == ["nothing runs: ./tickhouse up"]


def test_what_hangs_is_named_within_seconds_and_the_rest_is_still_shown(
    settings: Settings, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status_module, "ANSWER_S", 0.3)
    monkeypatch.setattr("include.time_limit.measure_load", lambda: 1.0)
    progress(settings, age_s=1, end=90)
    put(settings.lake, "tickers", [{}])
    never, began = threading.Event(), time.monotonic()
    world.ranges, world.feeds = lambda topics: never.wait(), never.wait
    current = read_status(settings, ranges=world.ranges, times_ms=lambda _: {})
    assert time.monotonic() - began < 3
    assert current.causes == [
        "Kafka does not answer within 0.3 s",
        "Postgres does not answer within 0.3 s",
    ]
    assert (current.ok, current.rows, len(current.processes)) == (False, {"tickers": 1}, 1)
    world.processes = never.wait
    assert world.causes(settings) == ["the supervisor does not answer within 0.3 s"]
    never.set()


def test_a_lost_database_and_a_broken_table_are_a_cause_each(
    settings: Settings, world: World
) -> None:
    for name in ("tickers", "quality_results"):
        put(settings.lake, name, [{}])
    log = Path(settings.lake, "quality_results", "_delta_log", f"{0:020}.json")
    log.write_bytes(b"")
    progress(settings, age_s=1, end=90)
    world.feeds = unreachable
    database, table = world.causes(settings)
    assert database.endswith("database tickhouse does not exist")
    assert table.startswith("table quality_results cannot be read: commit 0 is empty or cut off")


def test_a_stream_that_stands_still_for_a_minute_while_messages_wait_is_a_cause(
    settings: Settings, world: World
) -> None:
    progress(settings, age_s=75, end=90)
    (cause,) = world.causes(settings)
    assert cause == "the stream's query land has made no progress for 75 s while 10 messages wait"
    progress(settings, age_s=75, end=100)
    assert world.causes(settings) == []
    progress(settings, age_s=50, end=90)
    assert world.causes(settings) == []


def test_a_stream_that_reports_nothing_and_a_topic_that_lost_its_end_are_causes() -> None:
    old = StreamProgress(written_at=1000.0)
    assert list(stream_causes(old, [STREAM], behind={}, now_s=1100.0)) == [
        "the stream reports nothing, for 100 s"
    ]
    young = ProcessState("stream", "running", pid=None, uptime_s=30)
    assert list(stream_causes(old, [young], behind={}, now_s=1100.0)) == []
    assert list(stream_causes(old, [STREAM], behind={}, now_s=900.0)) == [
        "the stream reports nothing, for 100 s"
    ]
    ready = StreamProgress(1000.0, (QueryProgress("land", is_ready=True),))
    assert [ready.is_ready(now_s) for now_s in (900.0, 1000.0, 1100.0)] == [False, True, False]
    query = QueryProgress("land", offsets={PART.topic: {0: 880}})
    (cause,) = topic_causes([query], {PART: (0, 163)})
    assert cause.startswith("market.book/0 ends at offset 163, but the stream has read up to 880")


def test_a_process_that_is_down_suspended_or_restarts_for_ever_is_a_cause(
    settings: Settings,
) -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        os.kill(child.pid, signal.SIGSTOP)
        os.waitpid(child.pid, os.WUNTRACED)
        folder = settings.home / FOLDER
        folder.mkdir()
        now_s = time.time()
        (folder / "stream.json").write_text(str([now_s - 900, *(now_s - s for s in range(4))]))
        processes = [
            ProcessState("kafka", "fatal", pid=None, uptime_s=0),
            ProcessState("feed-gemini", "running", pid=child.pid, uptime_s=9),
            STREAM,
        ]
        fatal, suspended, loop = process_causes(settings, processes)
    finally:
        child.kill()
        child.wait()
    assert fatal == "kafka is fatal: ./tickhouse logs kafka"
    assert suspended.startswith(f"feed-gemini (pid {child.pid}) is suspended")
    assert loop == "stream was started 4 times in 5 minutes: ./tickhouse logs stream"


@pytest.mark.parametrize(
    ("free_mb", "words"), [(400, "only 400 MB are free"), (900, "is nearly full: 900 of 10000 MB")]
)
def test_a_disk_that_is_nearly_full_is_a_cause(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free_mb: int, words: str
) -> None:
    usage = type("Usage", (), {"free": free_mb * 1_000_000, "total": 10_000_000_000})
    monkeypatch.setattr(causes_module.shutil, "disk_usage", lambda _: usage)
    (cause,) = disk_causes(load({"TICKHOUSE_VAR": str(tmp_path)}))
    assert words in cause
    usage.free = 1_100_000_000
    assert list(disk_causes(load({"TICKHOUSE_VAR": str(tmp_path)}))) == []


def test_a_cause_that_two_looks_see_is_one_alert_until_it_is_gone() -> None:
    alerts = CauseAlerts(repeat_s=3600)
    assert alerts.alerts(["nothing for 60 s"], now_s=0) == []
    (alert,) = alerts.alerts(["nothing for 70 s"], now_s=10)
    assert (alert.kind, alert.title) == ("not_working", "nothing for 70 s")
    assert alerts.alerts(["nothing for 80 s"], now_s=20) == []
    assert len(alerts.alerts(["nothing for 3700 s"], now_s=3700)) == 1
    assert alerts.alerts([], now_s=3710) == []
    assert alerts.alerts(["nothing for 61 s"], now_s=3720) == []
    assert len(alerts.alerts(["nothing for 71 s"], now_s=3730)) == 1


def test_pauses_grow_while_lives_are_short_and_a_long_life_ends_them() -> None:
    starts: list[float] = []
    now_s, pauses = 1000.0, []
    for _ in range(9):
        pauses.append(pause_s(starts, now_s))
        starts.append(now_s + pauses[-1])
        now_s = starts[-1] + 3
    assert pauses == [0, 0, 1, 2, 4, 8, 16, 30, 30]
    assert pause_s(starts, starts[-1] + 61) == 0


def test_starts_are_noted_and_the_command_takes_the_place(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "include.local.restarts", "job", str(tmp_path)]
    for _ in range(2):
        done = subprocess.run(
            [*command, "--floor-mb", "0", "--", "sh", "-c", "echo $0 runs", "it"],
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout == "it runs\n"
    assert len(recent_starts(tmp_path, "job")) == 2
    assert not is_restart_loop(recent_starts(tmp_path, "job"))


def test_a_process_that_needs_space_does_not_start_on_a_full_disk(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "include.local.restarts", "kafka", str(tmp_path)]
    more_than_there_is = str(10**12)
    with subprocess.Popen(
        [*command, "--floor-mb", more_than_there_is, "--", "echo", "started"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as waiting:
        assert waiting.stderr is not None and waiting.stdout is not None
        assert waiting.stderr.readline().startswith("waits for space: ")
        waiting.terminate()
        assert waiting.stdout.read() == ""


class Supervisor:
    """supervisord's processes, and in which order they were stopped and started."""

    def __init__(self) -> None:
        self.states = {"kafka": "running", "feed-gemini": "running", "trader": "stopped"}
        self.steps: list[str] = []

    def processes(self) -> list[ProcessState]:
        return [ProcessState(name, state, 1, 1) for name, state in self.states.items()]

    def stop_together(self, names: list[str], *, within_s: float) -> None:
        for name in names:
            self.stop(name)

    def stop(self, name: str) -> None:
        self.states[name] = "stopped"
        self.steps.append(f"stop {name}")

    def start(self, name: str) -> None:
        self.states[name] = "running"
        self.steps.append(f"start {name}")


def test_below_the_floor_the_broker_is_stopped_last_and_started_first_when_space_is_back(
    settings: Settings,
) -> None:
    supervisor: Any = Supervisor()
    free = [600.0]

    def guard() -> DiskGuard:  # a new one each time: what it knows is in a file
        names = ["kafka", "feed-gemini", "trader"]
        return DiskGuard(settings, supervisor=supervisor, names=names, free_mb=lambda _: free[0])

    guard().watch_once()
    assert supervisor.steps == []
    free[0] = 499
    guard().watch_once()
    guard().watch_once()
    assert supervisor.steps == ["stop feed-gemini", "stop kafka"]
    free[0] = 550
    guard().watch_once()
    assert supervisor.steps[2:] == []
    free[0] = 601
    guard().watch_once()
    guard().watch_once()
    assert supervisor.steps[2:] == ["start kafka", "start feed-gemini"]


@pytest.mark.parametrize("damage", ["flipped", "empty", "nul", "folder"])
def test_what_was_stopped_is_started_again_though_its_note_is_damaged(
    settings: Settings, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    supervisor: Any = Supervisor()
    free, names = [1.0], ["kafka", "feed-gemini"]

    def guard() -> DiskGuard:
        return DiskGuard(settings, supervisor=supervisor, names=names, free_mb=lambda _: free[0])

    guard().watch_once()
    note = settings.home / "stopped_for_space.json"
    flipped = note.read_bytes().replace(b"kafka", b"kagka")
    note.unlink()
    if damage == "folder":
        note.mkdir()
    else:
        note.write_bytes({"flipped": flipped, "empty": b"", "nul": bytes(40)}[damage])
    guard().watch_once()
    free[0] = 9999
    guard().watch_once()
    assert supervisor.steps[2:] == ["start kafka", "start feed-gemini"]
    assert caplog.text.count(f"{note} is damaged") == 1
    guard().watch_once()
    assert supervisor.steps[4:] == []


def test_a_disk_too_full_for_the_note_does_not_keep_the_guard_from_starting_again(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(disk_guard, "write_checked_file", refuse)
    supervisor: Any = Supervisor()
    free = [1.0]
    guard = DiskGuard(
        settings,
        supervisor=supervisor,
        names=["kafka", "feed-gemini"],
        free_mb=lambda _: free[0],
    )
    guard.watch_once()
    assert supervisor.steps == ["stop feed-gemini", "stop kafka"]
    free[0] = 9999
    guard.watch_once()
    guard.watch_once()
    assert supervisor.steps[2:] == ["start kafka", "start feed-gemini"]
