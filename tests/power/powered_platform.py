"""The whole platform on a disk whose power is cut, and the moments at which it is cut."""

import os
import random
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil

from bench.drill.counting import (
    find_lost_messages,
    find_repeated_decisions,
    find_unrecorded_holes,
    find_wrong_rows,
    find_wrong_trades,
    list_decision_ids,
)
from bench.drill.reading import (
    Recorder,
    list_ends,
    read_topics,
)
from include.lake.checkpoint import committed_offsets
from include.lake.tables import LANDED_TOPICS
from include.local.airflow import OVER
from include.market.wire import TopicPartition
from include.serving.connection import fetch_rows
from include.settings import ROOT
from tests.support.power import PowerDisk, family
from tests.support.services import eventually
from tests.support.whole_platform import PlatformRun

UP_S = 120.0  # of every `up` after a cut
MOMENT_S = 400.0
LANDED_S = 300.0


class PoweredPlatform(PlatformRun):
    """An installation on `disk`; `seen.log` in `logs` has what a consumer saw before each cut."""

    def __init__(self, disk: PowerDisk, logs: Path) -> None:
        super().__init__(disk.path / "var", SIMULATOR_HISTORY_DAYS="3", SIMULATOR_SPEED="4")
        self.disk, self.logs = disk, logs
        self._recorder: Recorder | None = None

    def start(self, *, within_s: float) -> None:
        """One `up` makes it ready in time, whatever the disk holds (timed on a quiet machine)."""
        began, is_quiet = time.monotonic(), os.getloadavg()[0] < 2 * (os.cpu_count() or 1)
        done = self.verb("up", "--detach", timeout_s=600)
        took = time.monotonic() - began
        assert done.returncode == 0, f"up failed after {took:.0f} s: {done.stderr[-3000:]}"
        print(f"up took {took:.0f} s", flush=True)
        assert took < within_s or not is_quiet, f"up took {took:.0f} s: {done.stderr[-3000:]}"

    def begin_start(self) -> subprocess.Popen[bytes]:
        """`up`, not waited for."""
        with (self.logs / "up.log").open("ab") as log:
            command = [str(ROOT / "tickhouse"), "up", "--detach"]
            environ = os.environ | self.environ
            return subprocess.Popen(
                command,
                env=environ,
                cwd=ROOT,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def record(self) -> None:
        """Follow the topics from here on."""
        self._recorder = Recorder(self.settings.bootstrap, self.logs / "seen.log")
        self._recorder.start()

    def cut(self, *, names: bool) -> None:
        """Cut the power of disk and processes; mount the disk again."""
        self.disk.cut(*self._roots(), names=names)

    def check(self) -> None:
        """By the count of our own, then by the audit: nothing lost, nothing doubled."""
        seen = self._recorder.finish() if self._recorder else {}
        self._recorder = None
        now = read_topics(self.settings.bootstrap)
        wrong = find_lost_messages(seen, now) + find_repeated_decisions(now)
        ends = list_ends(now)
        eventually(lambda: self._landed(ends), timeout_s=LANDED_S, every_s=1, what="landed")
        wrong += find_wrong_rows(self.settings.lake, now, bootstrap=self.settings.bootstrap)
        wrong += find_wrong_trades(self.settings.lake, now)
        wrong += find_unrecorded_holes(now) + self._decisions_without_message()
        assert wrong == []
        report = self.told("audit", "--json")
        assert report["ok"], report["checks"]

    def end(self) -> None:
        """End whatever runs."""
        if self._recorder:
            self._recorder.finish()
        self.disk.cut(*self._roots())

    def family(self) -> list[psutil.Process]:
        return family(self._roots(), var=self.disk.path)

    def _roots(self) -> list[int]:
        pid_file = self.var / "sim" / "supervisord.pid"
        with suppress(OSError, ValueError, psutil.Error):
            pid = int(pid_file.read_text())
            # The number may belong to another process by now, even to another supervisord.
            if any(str(self.var) in part for part in psutil.Process(pid).cmdline()):
                return [pid]
        return []

    def _landed(self, ends: dict[TopicPartition, int]) -> bool:
        committed = committed_offsets(self.settings.home / "checkpoints" / "land" / "stream")
        return all(
            committed.get(part, 0) >= end
            for part, end in ends.items()
            if part.topic in LANDED_TOPICS
        )

    def _decisions_without_message(self) -> list[str]:
        """Decisions of Postgres that their topic lacks, once what waits has been sent."""
        statement = "SELECT decision_id FROM decisions"
        decided = {row["decision_id"] for row in fetch_rows(self.settings.dsn(), statement)}
        deadline = time.monotonic() + 20
        while True:
            missing = decided - set(list_decision_ids(read_topics(self.settings.bootstrap)))
            if not missing or time.monotonic() > deadline:
                return [f"decision {name} only in Postgres" for name in sorted(missing)]
            time.sleep(1)


Moment = Callable[[PoweredPlatform, random.Random], None]


def at_any_time(platform: PoweredPlatform, chance: random.Random) -> None:
    """Within the next minute."""
    time.sleep(chance.uniform(2, 60))


def first_commit_of(table: str) -> Moment:
    """As soon as a table has its first commit (at once if it has)."""
    first = f"{table}/_delta_log/00000000000000000000.json"

    def moment(platform: PoweredPlatform, _: random.Random) -> None:
        _wait_for(lambda: _files(platform, first), first, every_s=0.005)

    return moment


def in_a_log_checkpoint(platform: PoweredPlatform, _: random.Random) -> None:
    """As soon as the next checkpoint of a table's log appears, or after two minutes."""
    pattern = "*/_delta_log/*.checkpoint*"
    there, deadline = _files(platform, pattern), time.monotonic() + 120
    while time.monotonic() < deadline and _files(platform, pattern) == there:
        time.sleep(0.005)


def in_loading(platform: PoweredPlatform, chance: random.Random) -> None:
    """While the first history is loaded."""
    _wait_for(lambda: _runs(platform, "spark_jobs.load_history"), "history is loaded")
    time.sleep(chance.uniform(0, 10))


def in_training(platform: PoweredPlatform, chance: random.Random) -> None:
    """While a training runs: the first one, or one that is begun for it."""
    api = platform.airflow
    if any(run.state in OVER for run in api.runs("retrain_forecast")):
        api.trigger("retrain_forecast")
    _wait_for(
        lambda: any(run.state == "running" for run in api.runs("retrain_forecast")), "training"
    )
    time.sleep(chance.uniform(0, 10))


def in_compaction(platform: PoweredPlatform, chance: random.Random) -> None:
    """While the lake is compacted."""
    module = "spark_jobs.compact_tables"
    platform.airflow.trigger("compact_lake")
    _wait_for(lambda: _runs(platform, module), module)
    time.sleep(chance.uniform(0, 15))


def _files(platform: PoweredPlatform, pattern: str) -> set[Path]:
    return set((platform.var / "sim" / "lake").glob(pattern))


def _runs(platform: PoweredPlatform, module: str) -> bool:
    for process in platform.family():
        with suppress(psutil.Error):
            if module in process.cmdline():
                return True
    return False


def _wait_for(claim: Callable[[], object], what: str, *, every_s: float = 0.5) -> None:
    eventually(claim, timeout_s=MOMENT_S, every_s=every_s, what=what)
