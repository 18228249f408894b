"""Who looks each millisecond sees whole forecasts only, wherever the publisher is killed."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from include.forecast.forecast_file import current_id, load_current, published_manifests
from include.forecast.publications import PUBLICATIONS, read_publications
from include.settings import ROOT
from tests.support.publishing_child import KEEP, ROWS, put_level
from tests.support.services import eventually

LOOKS = 3
# The steps that a publisher must pass; there are more of them, and each is killed.
KNOWN = (
    "in write forecast.csv",
    "in write manifest.json",
    "before rename .partial-",
    "in write CURRENT.partial",
    "before replace CURRENT.partial",
    "after replace CURRENT.partial",
    "after rename BTC-USD",
    "in remove .partial-gone-",
)


class Reader(threading.Thread):
    """Reads the pointer and what it points to each millisecond, with nothing of the code's own."""

    def __init__(self, folder: Path) -> None:
        super().__init__(daemon=True)
        self.folder, self.done = folder, threading.Event()
        self.looks, self.faults, self.seen = 0, list[str](), ""

    def run(self) -> None:
        while not self.done.wait(0.001):
            try:
                self.seen = self.look()
            except (OSError, ValueError, KeyError) as error:
                self.faults.append(repr(error))
            self.looks += 1

    def look(self) -> str:
        name = (self.folder / "CURRENT").read_text()
        target = self.folder / name.removesuffix("\n")
        manifest = json.loads((target / "manifest.json").read_text())
        content = (target / "forecast.csv").read_bytes()
        if hashlib.sha256(content).hexdigest() != manifest["sha256"]:
            raise ValueError(f"{name!r} is torn")
        if content.count(b"\n") != ROWS + 1 or not name.endswith("\n"):
            raise ValueError(f"{name!r} has {content.count(10)} lines")
        return str(manifest["forecast_id"])

    def looked(self) -> str:
        """What stands there now: what the last of some whole looks saw, begun after this call."""
        upto = self.looks + LOOKS
        eventually(lambda: self.looks >= upto, every_s=0.001, what="the reader looks")
        return self.seen


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    for day in range(KEEP):  # as many as are kept, so that each publishing has one to remove
        put_level(tmp_path, day)
    reader_thread = Reader(tmp_path)
    reader_thread.start()
    return reader_thread


def publisher(folder: Path, level: int, stop: int) -> subprocess.Popen[str]:
    arguments = [str(folder), str(level), str(stop)]
    command = [sys.executable, "-m", "tests.support.publishing_child", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)


def killed_at(folder: Path, level: int, stop: int, reader: Reader) -> tuple[list[str], str, bool]:
    """The steps said, what a reader saw while the publisher stood there, whether it was killed."""
    with publisher(folder, level, stop) as child:
        _, status = os.waitpid(child.pid, os.WUNTRACED)
        stopped = os.WIFSTOPPED(status)
        forecast_id = reader.looked()
        if stopped:
            os.kill(child.pid, signal.SIGKILL)
        else:
            child.returncode = os.waitstatus_to_exitcode(status)
            assert child.returncode == 0
        assert child.stdout is not None
        return child.stdout.read().splitlines(), forecast_id, stopped


def test_a_reader_sees_whole_forecasts_only_wherever_the_publisher_is_killed(
    tmp_path: Path, reader: Reader
) -> None:
    began, steps, level = time.monotonic(), list[str](), KEEP
    switched = list[bool]()
    for stop in range(200):
        old = current_id(tmp_path)
        level += 1
        steps, forecast_id, killed = killed_at(tmp_path, level, stop, reader)
        # the old one up to the one move of the pointer, the new one from it on
        assert (forecast_id != old) == any("after replace CURRENT" in step for step in steps), (
            steps[-1:]
        )
        switched.append(forecast_id != old)
        assert forecast_id == reader.looked() == current_id(tmp_path)
        assert load_current(tmp_path).manifest.forecast_id == forecast_id
        new = put_level(tmp_path, level)
        assert reader.looked() == new.forecast_id
        kept_ids = [manifest.forecast_id for manifest in published_manifests(tmp_path)]
        assert kept_ids == [new.forecast_id, old]
        assert {path.name for path in tmp_path.iterdir()} == {"CURRENT", PUBLICATIONS, *kept_ids}
        in_use = [publication.forecast_id for publication in read_publications(tmp_path)]
        assert in_use[-2:] == [old, new.forecast_id]  # one a move of the pointer
        if not killed:
            break
    reader.done.set()
    reader.join()
    assert not reader.faults
    assert not killed and stop == len(steps) >= 30
    assert any(switched) and not all(switched)
    for prefix in KNOWN:
        assert any(step.startswith(prefix) for step in steps), f"{prefix}: {steps}"
    print(f"{stop} kills, {reader.looks} looks in {time.monotonic() - began:.1f} s")
