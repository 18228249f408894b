"""One file of a spool: records, each after its checksum and lengths."""

import errno
import os
import re
import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from include.atomic_files import write_file

_HEAD = struct.Struct(">IIII")  # checksum of all that follows, then lengths of topic, key, value
_LENGTHS_AT = 4
_LONGEST_TOPIC = 249  # Kafka's own bound
# A topic's length, then those of key and value, then the name's first character.
_LENGTHS = re.compile(rb"\0\0\0[\x01-\xf9](?=[\s\S]{8}[\w.-])")


class SpooledRecord(NamedTuple):
    """A record that waits to be sent."""

    topic: str
    key: bytes
    value: bytes

    def encode(self) -> bytes:
        """The record as a spool holds it: the checksum covers the lengths too."""
        parts = (self.topic.encode(), self.key, self.value)
        head = _HEAD.pack(0, *map(len, parts))
        checked = head[_LENGTHS_AT:] + b"".join(parts)
        return zlib.crc32(checked).to_bytes(_LENGTHS_AT) + checked


@dataclass
class ExaminedRecords:
    """Intact records, how many of them lie before each damaged place, and its bytes in all."""

    records: list[SpooledRecord]
    hole_places: list[int]
    lost_bytes: int


class SpoolSegment:
    """Appends at its end, reads anywhere. Its file's name is its number in the spool."""

    def __init__(self, path: Path) -> None:
        """Open the file, or create it."""
        self.path, self.number = path, int(path.name)
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        self.end = os.fstat(self._handle).st_size
        self._is_synced = False

    def append(self, encoded: bytes) -> None:
        """Write an encoded record at the end.

        Raises:
            OSError: the disk is full; the file is as before.
        """
        self._is_synced = False
        try:
            if os.pwrite(self._handle, encoded, self.end) < len(encoded):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))
        except OSError:
            os.ftruncate(self._handle, self.end)
            raise
        self.end += len(encoded)

    def read(self, byte_offset: int) -> tuple[SpooledRecord, int] | None:
        """The record at a byte offset and the offset after it; null where none is intact."""
        head = os.pread(self._handle, _HEAD.size, byte_offset)
        if len(head) < _HEAD.size:
            return None
        checksum, topic, key, value = _HEAD.unpack(head)
        size = topic + key + value
        if not 0 < topic <= _LONGEST_TOPIC or byte_offset + _HEAD.size + size > self.end:
            return None
        body = os.pread(self._handle, size, byte_offset + _HEAD.size)
        if len(body) < size or zlib.crc32(head[_LENGTHS_AT:] + body) != checksum:
            return None
        record = SpooledRecord(
            body[:topic].decode(), body[topic : topic + key], body[topic + key :]
        )
        return record, byte_offset + _HEAD.size + size

    def examine(self, first_offset: int) -> "ExaminedRecords":
        """The intact records from a byte offset on."""
        examined, offset, is_behind_damage = ExaminedRecords([], [], 0), first_offset, False
        content = b""
        while offset < self.end:
            if (entry := self.read(offset)) is None:
                content = content or os.pread(self._handle, self.end, 0)
                following = _find_head(content, offset + 1)
                examined.lost_bytes += following - offset
                offset, is_behind_damage = following, True
                continue
            if is_behind_damage:
                examined.hole_places.append(len(examined.records))
            record, offset = entry
            examined.records.append(record)
            is_behind_damage = False
        if is_behind_damage:
            examined.hole_places.append(len(examined.records))
        return examined

    def rewrite(self, first_offset: int, intact: Iterable[SpooledRecord]) -> None:
        """Put these records, and no others, behind a byte offset: all at once."""
        prefix = os.pread(self._handle, min(first_offset, self.end), 0)
        write_file(self.path, prefix + b"".join(record.encode() for record in intact))
        os.close(self._handle)
        self._handle = os.open(self.path, os.O_RDWR)
        self.end, self._is_synced = os.fstat(self._handle).st_size, True

    def sync(self) -> None:
        """Force what was written to the disk."""
        if not self._is_synced:
            os.fsync(self._handle)
            self._is_synced = True

    def close(self) -> None:
        """Close the file."""
        os.close(self._handle)

    def delete(self) -> None:
        """Close the file and delete it."""
        self.close()
        self.path.unlink()


def _find_head(content: bytes, offset: int) -> int:
    """Where from an offset on a record may begin; the end if none may."""
    lengths = _LENGTHS.search(content, offset + _LENGTHS_AT)
    return lengths.start() - _LENGTHS_AT if lengths else len(content)
