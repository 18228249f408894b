"""The log of alerts: a line each, on the disk before any channel is asked, and completed after.

Several processes write it, each under the file's lock. A line is never moved: what completes it is
written over it, so that a process that dies meanwhile leaves the alert.
"""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

LOG_NAME, OLD_LOG_NAME = "alerts.log", "alerts.old.log"
OUTCOMES = "outcomes"
AlertJson = dict[str, str]


class AlertLog:
    """The log of a world; above `max_bytes` it becomes the old one, and a new one begins."""

    def __init__(self, folder: Path, *, max_bytes: int) -> None:
        self._folder, self._max_bytes = folder, max_bytes

    def append(self, payload: AlertJson, outcomes: Mapping[str, str]) -> None:
        """Write an alert down, with what is known of its channels.

        Raises:
            OSError: there is no room, or no leave to write.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / LOG_NAME
        if path.exists() and path.stat().st_size > self._max_bytes:
            path.replace(path.with_name(OLD_LOG_NAME))
        with _hold_open(path, os.O_CREAT) as handle:
            os.lseek(handle, 0, os.SEEK_END)
            os.write(handle, _encode_line(payload, outcomes))

    def complete(
        self, payload: AlertJson, waiting: Mapping[str, str], outcomes: Mapping[str, str]
    ) -> None:
        """Put what became of an alert's channels in place of what was known of those `waiting`.

        Raises:
            OSError: the line is gone, or cannot be written.
        """
        old, new = _encode_line(payload, waiting), _encode_line(payload, outcomes)
        if old == new:
            return
        for name in (LOG_NAME, OLD_LOG_NAME):
            path = self._folder / name
            if path.exists() and _replace(path, old, new):
                return
        self.append(payload, outcomes)


def _replace(path: Path, line: bytes, completed: bytes) -> bool:
    """Replace the last such line; a shorter one gets spaces at its end, so that one write does."""
    with _hold_open(path) as handle:
        text = os.pread(handle, os.fstat(handle).st_size, 0)
        start = text.rfind(line)
        if start < 0:
            return False
        tail = text[start + len(line) :]
        padded = completed[:-1].ljust(len(line) - 1) + completed[-1:]
        os.pwrite(handle, padded + tail, start)
    return True


def _encode_line(payload: AlertJson, outcomes: Mapping[str, str]) -> bytes:
    line = json.dumps({**payload, OUTCOMES: dict(outcomes)}, ensure_ascii=False)
    return f"{line}\n".encode()


@contextmanager
def _hold_open(path: Path, flags: int = 0) -> Iterator[int]:
    handle = os.open(path, os.O_RDWR | flags, 0o666)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield handle
    finally:
        os.close(handle)
