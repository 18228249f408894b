"""Tapes: frames as they came, one a line, with the time of each one's receipt beside them.

`PATH.jsonl.gz` holds the exact texts; line N of `PATH.recv.txt.gz` is when line N of it was
received: 13 digits are milliseconds, 19 nanoseconds, a decimal is seconds.
"""

import gzip
import zlib
from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal
from pathlib import Path

from include.errors import SettingsError
from include.market.events import Frame
from include.market.time import SECOND_US

_NANOSECOND_DIGITS = 19
_SYNC_EVERY = 256


def read_tape(path: Path) -> Iterator[Frame]:
    """Frames of a tape in order; a tape that was cut off ends at its last whole line.

    Raises:
        SettingsError: one of the two files is absent, or a time is no number.
    """
    texts, times = _name_files(path)
    for file in (texts, times):
        if not file.exists():
            raise SettingsError(f"tape {path}: {file} does not exist")
    with suppress(EOFError, zlib.error), gzip.open(texts) as lines, gzip.open(times) as stamps:
        for line, stamp in zip(lines, stamps, strict=False):
            if not (line.endswith(b"\n") and stamp.endswith(b"\n")):
                return
            yield Frame(data=line[:-1], received_time=micros_of(stamp.decode("ascii").strip()))


def micros_of(stamp: str) -> int:
    """`1524546889368` (ms), `1617566591.326123` (s) or 19 digits (ns) as microseconds.

    Raises:
        SettingsError: it is none of these.
    """
    if "." in stamp:
        return int(Decimal(stamp) * SECOND_US)
    if not stamp.isdecimal():
        raise SettingsError(f"time of receipt {stamp!r} is no number")
    return int(stamp) // 1000 if len(stamp) == _NANOSECOND_DIGITS else int(stamp) * 1000


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
