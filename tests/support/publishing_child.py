"""Publishes a forecast as it is done, but stops itself at one step, there to be killed.

`python -m tests.support.publishing_child FOLDER LEVEL STOP` passes every step of publishing, says
each on a line, and at step number STOP (from 0; -1: never) stops with SIGSTOP. The steps are the
calls that change files: before each, after each, and in the middle of those that can be half done.
"""

import os
import shutil
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from include import atomic_files
from include.forecast import forecast_file
from include.forecast.manifest import Manifest
from tests.support.forecast_files import put

Call = Callable[..., Any]
KEEP, ROWS = 2, 400
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


class Steps:
    """Counts the steps passed and stops the process at one of them."""

    def __init__(self, stop: int) -> None:
        self.stop, self.passed = stop, 0

    def step(self, name: str) -> None:
        print(name, flush=True)
        if self.passed == self.stop:
            os.kill(os.getpid(), signal.SIGSTOP)
        self.passed += 1

    def around(self, name: str, work: Call, *, half: Call | None = None) -> Call:
        def wrapped(*args: Any, **named: Any) -> Any:
            about = f"{name} {Path(args[0]).name}"
            self.step(f"before {about}")
            if half is not None:
                half(*args)
                self.step(f"in {about}")
            outcome = work(*args, **named)
            self.step(f"after {about}")
            return outcome

        return wrapped


def half_written(path: Path, content: bytes, **_: object) -> None:
    path.write_bytes(content[: len(content) // 2])


def half_removed(path: Path) -> None:
    """A removal takes the files in any order; the manifest first is the meanest."""
    (path / forecast_file.MANIFEST).unlink(missing_ok=True)


def put_level(folder: Path, level: int) -> Manifest:
    """Publish the forecast of this level, made so many days after another time."""
    made_at = EPOCH + timedelta(days=level)
    return put(folder, float(level), keep=KEEP, rows=ROWS, made_at=made_at)


def main(folder: str, level: str, stop: str) -> None:
    steps = Steps(int(stop))
    atomic_files._write = steps.around("write", atomic_files._write, half=half_written)
    atomic_files.sync_path = steps.around("sync", atomic_files.sync_path)
    os.rename = steps.around("rename", os.rename)
    os.replace = steps.around("replace", os.replace)
    Path.mkdir = steps.around("mkdir", Path.mkdir)  # type: ignore[method-assign]
    shutil.rmtree = steps.around("remove", shutil.rmtree, half=half_removed)  # type: ignore[assignment]
    put_level(Path(folder), int(level))


if __name__ == "__main__":
    main(*sys.argv[1:])
