"""A bounded queue of Kafka records on disk, in order: they wait until the broker answers.

A folder of numbered segments, and a mark at the record of the segment that comes next. A
segment number is used once, so a mark that a power cut brought back names a segment that is gone,
and is ignored. What is appended, and the mark, is synced once a second; no segment is deleted
before the mark is behind it.

A record is taken to be sent and released once it is acknowledged; what was not released is there
again after a crash, and may be sent twice (readers know repeats by the venue's ids). Of a damaged
spool every intact record is kept. `hole_places` are before which of the waiting records others
are lost, so that the holes can be reported: the newest ids behind them would hide them.
"""

import logging
import re
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from include.atomic_files import sync_path
from include.bus.spool_mark import SpoolMark, SpoolOffset, read_mark
from include.bus.spool_segment import SpooledRecord, SpoolSegment
from include.log import event
from include.state_files import move_aside

SEGMENT_BYTES = 16 * 1024 * 1024
SYNC_EVERY_S = 1.0
_NAME = re.compile(r"\d{8,18}", re.ASCII)

log = logging.getLogger("tickhouse.bus")


class Spool:
    """Appends at the end, takes from the front.

    `count` records wait to be taken. Those that are not released have `waiting_bytes`, at most
    `max_bytes`; the disk holds one segment more at most.
    """

    def __init__(self, folder: Path, *, max_bytes: int, segment_bytes: int = SEGMENT_BYTES) -> None:
        """Go on with the intact records of an earlier process."""
        if folder.exists() and not folder.is_dir():
            move_aside(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._mark = folder, folder / "mark"
        self._max_bytes, self._segment_bytes = max_bytes, segment_bytes
        self.count = self.waiting_bytes = 0
        self._waiting_records: deque[tuple[SpoolOffset, int]] = (
            deque()
        )  # where each ends, and its size
        self._segments: dict[int, SpoolSegment] = {}
        self.hole_places: list[int] = []
        self._marked, self._synced_at = read_mark(self._mark), time.monotonic()
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
        if next(iter(self._segments)) < self._front[0]:
            self.sync()

    def persist(self) -> None:
        """Once a second, sync what was appended and write down what was released."""
        if time.monotonic() - self._synced_at >= SYNC_EVERY_S:
            self.sync()

    def sync(self) -> None:
        """Sync what was appended and write down what was released."""
        self._last_segment().sync()
        number = self._front[0]
        ends = {
            segment.number: segment.end
            for segment in self._segments.values()
            if segment.number >= number
        }
        if (mark := SpoolMark(self._front, ends)) != self._marked:
            mark.write(self._mark)
            self._marked = mark
        self._delete_before(number)
        self._synced_at = time.monotonic()

    def close(self) -> None:
        """Close the files; what was not released waits for the next process."""
        self.sync()
        for segment in self._segments.values():
            segment.close()

    def _open(self) -> SpoolOffset:
        """Open the segments that are not behind the mark; gives the first record's offset."""
        for path in sorted(self._folder.iterdir()):
            if _NAME.fullmatch(path.name) and path.is_dir():
                move_aside(path)
            elif _NAME.fullmatch(path.name):
                segment = SpoolSegment(path)
                self._segments[segment.number] = segment
        front = self._marked.front if self._marked else (0, 0)
        self._delete_before(front[0])
        if not self._segments:
            self._add_segment(max([1, front[0], *(self._marked.ends if self._marked else ())]))
        first = next(iter(self._segments))
        return (
            (first, min(front[1], self._segments[first].end)) if first == front[0] else (first, 0)
        )

    def _examine(self) -> None:
        """Count the intact records, leave out what is none, and note where others are lost."""
        marked_ends, lost_bytes = dict(self._marked.ends) if self._marked else {}, 0
        for number in sorted({*self._segments, *marked_ends}):
            start = self._front[1] if number == self._front[0] else 0
            end = 0
            if (segment := self._segments.get(number)) is not None:
                end = segment.end
                lost_bytes += self._take_up(segment, start)
            if (cut_bytes := marked_ends.get(number, 0) - max(end, self._marked_start(number))) > 0:
                lost_bytes += cut_bytes
                self.hole_places.append(self.count)
        if lost_bytes:
            self._report_damage(lost_bytes)
        for segment in [*self._segments.values()][:-1]:
            if not segment.end:
                self._segments.pop(segment.number).delete()
        first = next(iter(self._segments))
        self._front = self._cursor = self._front if first == self._front[0] else (first, 0)
        sync_path(self._folder)
        sync_path(self._folder.parent)

    def _take_up(self, segment: SpoolSegment, start: int) -> int:
        """Count a segment's intact records; how many bytes of it are none."""
        examined = segment.examine(start)
        self.hole_places += [self.count + index for index in examined.hole_places]
        self.count += len(examined.records)
        self.waiting_bytes += sum(len(record.encode()) for record in examined.records)
        if examined.lost_bytes:
            segment.rewrite(start, examined.records)
        segment.sync()
        return examined.lost_bytes

    def _marked_start(self, number: int) -> int:
        """Where a segment's first waiting record lay when the mark was written."""
        front = self._marked.front if self._marked else (0, 0)
        return front[1] if number == front[0] else 0

    def _report_damage(self, lost_bytes: int) -> None:
        self.hole_places = sorted(set(self.hole_places))
        log.warning(
            event(
                "spool damaged",
                folder=self._folder.name,
                lost_bytes=lost_bytes,
                holes=len(self.hole_places),
                kept_records=self.count,
            )
        )

    def _read(self, offset: SpoolOffset) -> tuple[SpooledRecord, SpoolOffset] | None:
        """The record at an offset, or at the next segment's start, and the offset after it."""
        number, byte_offset = offset
        if byte_offset == self._segments[number].end:
            later = [other for other in self._segments if other > number]
            if not later:
                return None
            number, byte_offset = later[0], 0
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
