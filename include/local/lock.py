"""A lock file that one process holds: a second copy of a job ends with a clear sentence."""

import asyncio
import fcntl
import os
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import IO, NamedTuple

from include.errors import PlatformError

LOOK_EVERY_S = 0.05


class LockHolder(NamedTuple):
    """The process that holds a lock, and what it notes beside its number."""

    pid: str
    note: str


@contextmanager
def exclusive_lock(path: Path, *, name: str, note: str = "") -> Iterator[None]:
    """Hold the lock for the time of the block; the kernel frees it if the process is killed.

    The file has the process's number and its note.

    Raises:
        PlatformError: another process holds it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as file:
        if not _take(file) and not _take_after_probe(file):
            holder = _read_holder(file)
            raise PlatformError(f"{name} is running already (pid {holder.pid}); stop it first")
        file.truncate(0)
        file.write(f"{os.getpid()} {note}".strip())
        file.flush()
        yield


def read_lock_holder(path: Path) -> LockHolder | None:
    """The process that holds a lock at this moment; null if none does."""
    try:
        with path.open("r") as file:
            return None if _take(file) else _read_holder(file)
    except FileNotFoundError:
        return None


@asynccontextmanager
async def awaited_lock(path: Path, stop: asyncio.Event) -> AsyncIterator[None]:
    """Hold the lock for the time of the block, once nobody else does; at a stop without it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as file:
        while not _take(file) and not stop.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), LOOK_EVERY_S)
        yield


def _take_after_probe(lock_file: IO[str]) -> bool:
    """Take a lock that another process may have held for as long as it takes to look at it."""
    time.sleep(LOOK_EVERY_S)
    return _take(lock_file)


def _take(lock_file: IO[str]) -> bool:
    try:
        fcntl.flock(lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read_holder(lock_file: IO[str]) -> LockHolder:
    lock_file.seek(0)
    pid, _, note = lock_file.read().strip().partition(" ")
    return LockHolder(pid or "unknown", note)
