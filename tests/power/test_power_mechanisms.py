"""What a mechanism promised to be durable is there after a power cut at any moment."""

import queue
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from include.settings import ROOT
from tests.power.conftest import LONG_CUTS
from tests.power.mechanisms import MECHANISMS
from tests.support.power import PowerDisk

pytestmark = pytest.mark.power
CUTS = 12
LONGEST_S = 0.25


class Writer:
    """A child that writes; `newest` is the last number that it promised, `first - 1` if none."""

    def __init__(self, name: str, folder: Path, first: int) -> None:
        self.newest = first - 1
        self._lines: queue.Queue[bytes] = queue.Queue()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.power.writing_child", name, str(folder), str(first)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
        )
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put(b"")

    def started(self) -> None:
        """Wait for its first promise."""
        line = self._lines.get(timeout=180)
        assert line, "the child ended before it had written anything"
        self.newest = int(line)

    def ended(self) -> None:
        """Take every promise up to its end."""
        self.process.wait(60)
        while line := self._lines.get(timeout=180):
            self.newest = int(line)


def lost_numbers(
    disk: PowerDisk, name: str, *, cuts: int, chance: random.Random
) -> list[tuple[int, int]]:
    """Cut so often; (promised, there) of each cut that lost something."""
    mechanism, folder, first, lost = MECHANISMS[name], disk.path / name, 0, []
    for cut in range(cuts):
        folder.mkdir(exist_ok=True)
        writer = Writer(name, folder, first)
        if cut % 4:  # else within the first steps
            writer.started()
            time.sleep(chance.uniform(0, LONGEST_S))
        disk.cut(writer.process.pid, names=chance.random() < 0.5)
        writer.ended()
        there = mechanism.newest(folder) if folder.exists() else -1
        if there < writer.newest:
            lost.append((writer.newest, there))
        first = there + 1
    return lost


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", [name for name in MECHANISMS if name != "unsynced"])
def test_what_was_promised_is_there_after_every_cut(
    disk: PowerDisk, chance: random.Random, long_run: bool, name: str
) -> None:
    cuts = LONG_CUTS if long_run else CUTS
    assert lost_numbers(disk, name, cuts=cuts, chance=chance) == []


def test_a_cut_loses_what_was_not_synced(disk: PowerDisk, chance: random.Random) -> None:
    try:
        lost = lost_numbers(disk, "unsynced", cuts=4, chance=chance)
    except ValueError:  # a file of length 0 is no JSON
        return
    assert lost
