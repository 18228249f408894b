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
from include.state_files import move_aside

LOOK_EVERY_S = 0.05


class LockHolder(NamedTuple):
    """The process that holds a lock, and what it notes beside its number."""

    pid: str
    note: str


class FileLock:
    """A lock that is held from `take` to `close`; the kernel frees it if the process is killed."""

    def __init__(self, path: Path) -> None:
        """Open the file, which has the number of the holder and its note."""
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            move_aside(path)
        self._file = path.open("a+")

    def take(self, note: str = "", *, tries: int = 1) -> bool:
        """Take the lock if nobody holds it; whether this process has it now.

        With two tries it does not matter that another process looks at it, which takes a moment.
        """
        for number in range(tries):
            if number:
                time.sleep(LOOK_EVERY_S)
            if _take(self._file):
                self.write_note(note)
                return True
        return False

    def write_note(self, note: str) -> None:
        """Note something for those that look who holds it."""
        self._file.truncate(0)
        self._file.write(f"{os.getpid()} {note}".strip())
        self._file.flush()

    @property
    def holder(self) -> LockHolder:
        """Who holds it, as noted."""
        return _read_holder(self._file)

    def close(self) -> None:
        """Let the lock go."""
        self._file.close()

    def __enter__(self) -> "FileLock":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@contextmanager
def exclusive_lock(path: Path, *, name: str, note: str = "") -> Iterator[None]:
    """Hold the lock for the time of the block.

    Raises:
        PlatformError: another process holds it.
    """
    with FileLock(path) as lock:
        if not lock.take(note, tries=2):
            raise running_already(name, lock.holder)
        yield


def running_already(name: str, holder: LockHolder) -> PlatformError:
    """The error of a second copy."""
    return PlatformError(f"{name} is running already (pid {holder.pid}); stop it first")


@asynccontextmanager
async def awaited_lock(path: Path, stop: asyncio.Event) -> AsyncIterator[None]:
    """Hold the lock for the time of the block, once nobody else does; at a stop without it."""
    with FileLock(path) as lock:
        while not lock.take() and not stop.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), LOOK_EVERY_S)
        yield


def read_lock_holder(path: Path) -> LockHolder | None:
    """The process that holds a lock at this moment; null if none does."""
    try:
        with path.open("r") as file:
            return None if _take(file) else _read_holder(file)
    except (FileNotFoundError, IsADirectoryError):
        return None


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
