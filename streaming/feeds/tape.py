"""Tapes: frames as they came, one a line, with the time of each one's receipt beside them.

`PATH.jsonl.gz` holds the exact texts; line N of `PATH.recv.txt.gz` is when line N of it was
received: 13 digits are milliseconds, 19 nanoseconds, a decimal is seconds.
"""

import gzip
import logging
import re
import zlib
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from itertools import zip_longest
from pathlib import Path

from include.errors import SettingsError
from include.log import event
from include.market.events import Frame
from include.market.time import SECOND_US, from_epoch_us

_NANOSECOND_DIGITS = 19
_STAMP = re.compile(r"[0-9]{1,19}|[0-9]{1,10}\.[0-9]{1,9}")
_SYNC_EVERY = 256
log = logging.getLogger("tickhouse.feeds")


def read_tape(path: Path) -> Iterator[Frame]:
    """Frames of a tape in order; where it was cut off or damaged it ends, and that is logged.

    Raises:
        SettingsError: one of the two files is absent or of another form, or a time is no number.
    """
    number = 0
    try:
        for line, stamp in _read_lines(path):
            received_time = _micros_of(stamp, f"{_name_files(path)[1]}:{number + 1}")
            yield Frame(data=line, received_time=received_time)
            number += 1
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        if isinstance(error, gzip.BadGzipFile) and not number:
            raise SettingsError(f"tape {path}: {error}") from error
        log.warning(event("tape is cut off", tape=path, frames=number, reason=error))


def tape_start(path: Path) -> datetime:
    """When the first frame of a tape was received (UTC).

    Raises:
        SettingsError: as `read_tape`, or it holds no frame.
    """
    for frame in read_tape(path):
        return from_epoch_us(frame.received_time)
    raise SettingsError(f"tape {path} holds no frame")


def _read_lines(path: Path) -> Iterator[tuple[bytes, bytes]]:
    """The lines of both files side by side, without their ends."""
    files = _name_files(path)
    for file in files:
        if not file.exists():
            raise SettingsError(f"tape {path}: {file} does not exist")
    texts, times = map(gzip.open, files)
    with texts, times:
        for line, stamp in zip_longest(texts, times, fillvalue=b""):
            for file, read in zip(files, (line, stamp), strict=True):
                if not read.endswith(b"\n"):
                    raise EOFError(f"{file.name} has no further whole line")
            yield line[:-1], stamp[:-1]


def _micros_of(stamp: bytes, location: str) -> int:
    """`1524546889368` (ms), `1617566591.326123` (s) or 19 digits (ns) as microseconds."""
    text = stamp.decode("ascii", errors="replace").strip()
    if not _STAMP.fullmatch(text):
        raise SettingsError(f"{location}: the time of receipt {text!r} is not a number of its form")
    if "." in text:
        return int(Decimal(text) * SECOND_US)
    return int(text) // 1000 if len(text) == _NANOSECOND_DIGITS else int(text) * 1000


class TapeWriter:
    """Records frames; `unrecordable` counts those that hold a newline and so have no line."""

    def __init__(self, path: Path) -> None:
        """Open the two files of a new tape, making its folder."""
        path.parent.mkdir(parents=True, exist_ok=True)
        texts, times = _name_files(path)
        self._texts, self._times = gzip.open(texts, "wb"), gzip.open(times, "wb")
        self.written = self.unrecordable = 0

    def write(self, frame: Frame) -> None:
        """Append a frame."""
        if b"\n" in frame.data:
            self.unrecordable += 1
            return
        self._texts.write(frame.data + b"\n")
        self._times.write(b"%d\n" % (frame.received_time * 1000))
        self.written += 1
        if self.written % _SYNC_EVERY == 0:
            self._texts.flush()
            self._times.flush()

    def close(self) -> None:
        """Finish both files."""
        self._texts.close()
        self._times.close()


def _name_files(path: Path) -> tuple[Path, Path]:
    return (path.with_name(f"{path.name}.jsonl.gz"), path.with_name(f"{path.name}.recv.txt.gz"))


class Tapes:
    """One tape a connection, named by it."""

    def __init__(self, folder: Path) -> None:
        """Record into a folder."""
        self._folder = folder
        self._open: dict[str, TapeWriter] = {}

    def write(self, name: str, conn: str, frame: Frame) -> None:
        """Write a frame to its connection's tape."""
        if conn not in self._open:
            self._open[conn] = TapeWriter(self._folder / f"{name}_{conn}")
        self._open[conn].write(frame)

    def close(self) -> None:
        """Close every tape."""
        for tape in self._open.values():
            tape.close()
