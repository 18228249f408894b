"""A bounded queue of Kafka records on disk, in order: they wait until the broker answers.

A folder of numbered segments, and a mark at the record of the segment that comes next. A
segment number is used once, so a mark that a power cut brought back names a segment that is gone,
and is ignored. What is appended, and the mark, is synced once a second.

A record is taken to be sent and released once it is acknowledged; what was not released is there
again after a crash, and may be sent twice (readers know repeats by the venue's ids). A damaged
record ends the spool: were only it left out, the newest ids behind it would hide the hole.
"""

import logging
import re
import time
import zlib
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from include.atomic_files import sync_path, write_file
from include.bus.spool_segment import SpooledRecord, SpoolSegment
from include.log import event

SEGMENT_BYTES = 16 * 1024 * 1024
SYNC_EVERY_S = 1.0
SpoolOffset = tuple[int, int]  # number of a segment, offset in bytes within it

log = logging.getLogger("tickhouse.bus")


class Spool:
    """Appends at the end, takes from the front.

    `count` records wait to be taken. Those that are not released have `waiting_bytes`, at most
    `max_bytes`; the disk holds one segment more at most.
    """

    def __init__(self, folder: Path, *, max_bytes: int, segment_bytes: int = SEGMENT_BYTES) -> None:
        """Go on with the records of an earlier process, cutting off a damaged end."""
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._mark = folder, folder / "mark"
        self._max_bytes, self._segment_bytes = max_bytes, segment_bytes
        self.count = self.waiting_bytes = 0
        self._waiting_records: deque[tuple[SpoolOffset, int]] = (
            deque()
        )  # where each ends, and its size
        self._segments: dict[int, SpoolSegment] = {}
        self._marked, self._synced_at = _read_mark(self._mark), time.monotonic()
        self._front = self._cursor = self._open()
        self._examine()

    def __iter__(self) -> Iterator[SpooledRecord]:
        """Every record that waits, in order, without taking it."""
        offset = self._cursor
        while (entry := self._read(offset)) is not None:
            record, offset = entry
            yield record

    def append(self, record: SpooledRecord, *, reserve_bytes: int = 0) -> bool:
        """Put a record at the end; false if there is no room within the bound and the reserve."""
        encoded = record.encode()
        if self.waiting_bytes + len(encoded) > self._max_bytes + reserve_bytes:
            return False
        segment = self._last_segment()
        try:
            if segment.end and segment.end + len(encoded) > self._segment_bytes:
                segment.sync()
                segment = self._add_segment(segment.number + 1)
            segment.append(encoded)
        except OSError as error:
            log.warning(event("spool takes no record", folder=self._folder.name, error=error))
            return False
        self.count += 1
        self.waiting_bytes += len(encoded)
        return True

    def front(self) -> SpooledRecord | None:
        """The oldest record that was not taken."""
        entry = self._read(self._cursor) if self.count else None
        return entry[0] if entry else None

    def take(self) -> None:
        """Step behind the oldest record: it was sent."""
        entry = self._read(self._cursor)
        assert entry is not None
        record, self._cursor = entry
        self._waiting_records.append((self._cursor, len(record.encode())))
        self.count -= 1

    def release(self, count: int) -> None:
        """Remove the oldest records that were taken: they are safe elsewhere."""
        if not count:
            return
        for _ in range(count):
            self._front, size = self._waiting_records.popleft()
            self.waiting_bytes -= size
        if not self.waiting_bytes and self._last_segment().end:
            number = self._add_segment(self._last_segment().number + 1).number
            self._front = self._cursor = number, 0
        self._delete_before(self._front[0])

    def persist(self) -> None:
        """Once a second, sync what was appended and write down what was released."""
        if time.monotonic() - self._synced_at >= SYNC_EVERY_S:
            self.sync()

    def sync(self) -> None:
        """Sync what was appended and write down what was released."""
        self._last_segment().sync()
        if self._front != self._marked:
            write_file(self._mark, _mark_text(self._front))
            self._marked = self._front
        self._synced_at = time.monotonic()

    def close(self) -> None:
        """Close the files; what was not released waits for the next process."""
        self.sync()
        for segment in self._segments.values():
            segment.close()

    def _open(self) -> SpoolOffset:
        """Open the segments that are not behind the mark; gives the first record's offset."""
        marked = self._marked
        paths = sorted(path for path in self._folder.iterdir() if path.name.isdecimal())
        for path in paths:
            segment = SpoolSegment(path)
            self._segments[segment.number] = segment
        if marked is not None:
            self._delete_before(marked[0])
        if not self._segments:
            self._add_segment(marked[0] if marked else 1)
        first = next(iter(self._segments))
        if marked is not None and marked[0] == first:
            return first, min(marked[1], self._segments[first].end)
        return first, 0

    def _examine(self) -> None:
        """Count the records up to the first damage, cut off the others, sync the rest."""
        offset = self._front
        while (entry := self._read(offset)) is not None:
            record, offset = entry
            self.count += 1
            self.waiting_bytes += len(record.encode())
        number, end = offset
        later = [segment for segment in self._segments.values() if segment.number > number]
        lost_bytes = self._segments[number].end - end + sum(segment.end for segment in later)
        if lost_bytes:
            log.warning(event("spool damaged", folder=self._folder.name, cut_off_bytes=lost_bytes))
        self._segments[number].cut(end)
        for segment in later:
            del self._segments[segment.number]
            segment.delete()
        for segment in self._segments.values():
            segment.sync()
        sync_path(self._folder)
        sync_path(self._folder.parent)

    def _read(self, offset: SpoolOffset) -> tuple[SpooledRecord, SpoolOffset] | None:
        """The record at an offset, or at the next segment's start, and the offset after it.

        A segment gets its first record before there is a next one: an empty one was damaged.
        """
        number, byte_offset = offset
        if byte_offset and byte_offset == self._segments[number].end:
            if number + 1 not in self._segments:
                return None
            number, byte_offset = number + 1, 0
        entry = self._segments[number].read(byte_offset)
        return (entry[0], (number, entry[1])) if entry else None

    def _last_segment(self) -> SpoolSegment:
        return next(reversed(self._segments.values()))

    def _add_segment(self, number: int) -> SpoolSegment:
        segment = self._segments[number] = SpoolSegment(self._folder / f"{number:08}")
        sync_path(self._folder)
        return segment

    def _delete_before(self, number: int) -> None:
        for earlier in [earlier for earlier in self._segments if earlier < number]:
            self._segments.pop(earlier).delete()


def _mark_text(offset: SpoolOffset) -> str:
    text = f"{offset[0]} {offset[1]}"
    return f"{text} {zlib.crc32(text.encode()):08x}"


def _read_mark(path: Path) -> SpoolOffset | None:
    """The mark's offset; null if there is none, or its checksum differs."""
    text = path.read_text(errors="replace") if path.exists() else ""
    numbers = re.fullmatch(r"(\d{1,19}) (\d{1,19}) \w{8}", text, re.ASCII)
    if numbers is None:
        return None
    offset = int(numbers[1]), int(numbers[2])
    return offset if _mark_text(offset) == text else None
