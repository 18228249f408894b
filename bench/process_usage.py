"""What every process below this one uses: processor seconds, bytes written, memory; and folders.

A process belongs to the one of its ancestors that was started here, by whose name it is counted. It
is looked at twice a second: what a process does in its last half second is not seen.
"""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import NamedTuple

import psutil

from bench.measurement import MIB

EVERY_S = 0.5
BLOCK_BYTES = 512  # of `st_blocks`, whatever the file system's are


class Usage(NamedTuple):
    """Of the processes of one name: processor seconds, bytes written, median of their MiB."""

    processor_s: float
    written: int
    memory_mib: float


class _ProcessUse(NamedTuple):
    name: str
    processor_s: float
    written: int


class UsageSampler:
    """Samples until `stop`; `name_of` gives the name of a process that was started here."""

    def __init__(self, name_of: Callable[[psutil.Process], str]) -> None:
        self._name_of = name_of
        self._uses: dict[tuple[int, float], _ProcessUse] = {}
        self._before: dict[tuple[int, float], _ProcessUse] = {}
        self._memory: dict[str, list[int]] = {}
        self._lock, self._stop = threading.Lock(), threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def take(self) -> dict[str, Usage]:
        """What was used since the last time, by name."""
        with self._lock:
            self._sample()
            usage = {
                name: Usage(
                    round(sum(self._grown(name, "processor_s")), 2),
                    int(sum(self._grown(name, "written"))),
                    median(sizes) / MIB,
                )
                for name, sizes in self._memory.items()
            }
            self._before = dict(self._uses)
            self._memory = {}
        return usage

    def stop(self) -> None:
        """Sample no more."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(EVERY_S):
            with self._lock:
                self._sample()

    def _grown(self, name: str, column: str) -> Iterator[float]:
        for process, current in self._uses.items():
            if current.name == name:
                before = self._before.get(process)
                yield getattr(current, column) - (getattr(before, column) if before else 0)

    def _sample(self) -> None:
        sizes: dict[str, int] = {}
        names: dict[int, str] = {}
        for process in _list_descendants(psutil.Process()):
            try:
                with process.oneshot():
                    name = names.get(process.ppid()) or self._name_of(process)
                    names[process.pid] = name
                    times, written = process.cpu_times(), process.io_counters().write_bytes
                    sizes[name] = sizes.get(name, 0) + process.memory_info().rss
            except psutil.Error:
                continue
            used = _ProcessUse(name, times.user + times.system, written)
            self._uses[process.pid, process.create_time()] = used
        for name, size in sizes.items():
            self._memory.setdefault(name, []).append(size)


def _list_descendants(process: psutil.Process) -> Iterator[psutil.Process]:
    """Every process below this one, parents before children."""
    children: dict[int, list[psutil.Process]] = {}
    for child in process.children(recursive=True):
        try:
            children.setdefault(child.ppid(), []).append(child)
        except psutil.Error:
            continue
    waiting = children.get(process.pid, [])
    while waiting:
        first = waiting.pop(0)
        yield first
        waiting += children.get(first.pid, [])


class FolderSize(NamedTuple):
    """Bytes on the disk and number of the files in a folder."""

    size: int
    files: int


def folder_size(folder: Path) -> FolderSize:
    """Disk space and files of all that is in a folder and below; what vanishes is left out."""
    size = files = 0
    for path in folder.rglob("*"):
        try:
            if path.is_file():
                size, files = size + path.stat().st_blocks * BLOCK_BYTES, files + 1
        except OSError:
            continue
    return FolderSize(size, files)
