"""A bounded queue of Kafka records on disk, in order: where they wait while the broker is away.

One file of records, each with its lengths and checksum before it; a second, tiny one says how far
it was read. A record that a crash cut short is left out; one that was sent just before a crash
may be sent again (readers know repeats by the venue's ids).
"""

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_HEAD = struct.Struct(">IIII")  # checksum, then lengths of topic, key and value
_MARK_EVERY = 200


class SpooledRecord(NamedTuple):
    """A record that waits to be sent."""

    topic: str
    key: bytes
    value: bytes


class Spool:
    """Appends at the end, takes from the front. `count` records wait, in at most `max_bytes`."""

    def __init__(self, path: Path, *, max_bytes: int) -> None:
        """Go on with the records of an earlier process, cutting off a torn end."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        self._path, self._mark, self._max = path, path.with_suffix(".read"), max_bytes
        self._file = path.open("r+b")
        marked = self._mark.read_text() if self._mark.exists() else "0"
        self._read_at = self._end = int(marked) if marked.isdecimal() else 0
        self.count = 0
        for _ in self:
            self.count += 1
        self._file.truncate(self._end)
        self._since_mark = 0

    def __iter__(self) -> Iterator[SpooledRecord]:
        """Every record that waits, in order, without taking it."""
        position = self._read_at
        while (entry := self._read(position)) is not None:
            record, position = entry
            self._end = max(self._end, position)
            yield record

    def append(self, record: SpooledRecord) -> bool:
        """Put a record at the end; false if there is no room."""
        parts = (record.topic.encode(), record.key, record.value)
        size = _HEAD.size + sum(map(len, parts))
        if self._end + size > self._max:
            return False
        body = b"".join(parts)
        self._file.seek(self._end)
        self._file.write(_HEAD.pack(zlib.crc32(body), *map(len, parts)) + body)
        self._file.flush()
        self._end += size
        self.count += 1
        return True

    def front(self) -> SpooledRecord | None:
        """The oldest record."""
        entry = self._read(self._read_at) if self.count else None
        return entry[0] if entry else None

    def pop(self) -> None:
        """Remove the oldest record; an empty spool gives its room back."""
        entry = self._read(self._read_at)
        assert entry is not None
        self._read_at, self.count = entry[1], self.count - 1
        self._since_mark += 1
        if self.count == 0:
            self._file.truncate(0)
            self._read_at = self._end = 0
        if self.count == 0 or self._since_mark >= _MARK_EVERY:
            self.mark()

    def mark(self) -> None:
        """Write down how far it was read."""
        self._mark.write_text(str(self._read_at))
        self._since_mark = 0

    def close(self) -> None:
        """Close the file; its records wait for the next process."""
        self.mark()
        self._file.close()

    def _read(self, position: int) -> tuple[SpooledRecord, int] | None:
        """The record at a position and the position after it; nothing at the end or a torn one."""
        self._file.seek(position)
        head = self._file.read(_HEAD.size)
        if len(head) < _HEAD.size:
            return None
        check, topic, key, value = _HEAD.unpack(head)
        if topic + key + value > self._max:
            return None
        body = self._file.read(topic + key + value)
        if len(body) < topic + key + value or zlib.crc32(body) != check:
            return None
        record = SpooledRecord(
            body[:topic].decode(), body[topic : topic + key], body[topic + key :]
        )
        return record, position + _HEAD.size + len(body)
