"""A lock file that one process holds: a second copy of a job ends with a clear sentence."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from include.errors import PlatformError


@contextmanager
def exclusive_lock(path: Path, *, name: str) -> Iterator[None]:
    """Hold the lock for the time of the block; the kernel frees it if the process is killed.

    Raises:
        PlatformError: another process holds it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            raise PlatformError(
                f"{name} is running already (pid {holder}); stop it first"
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
