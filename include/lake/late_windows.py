"""Windows for which a change came after they were closed, until they are restated."""

import threading
from collections.abc import Iterable

import msgspec

from include.lake.signal_rows import Window, restate
from include.lake.watermarks import landed_offsets
from include.market.wire import Topic, TopicPartition

MAX_AT_ONCE = 500


class LateWindow(msgspec.Struct, frozen=True):
    """A window that was closed when a change came, in this record of market.book.

    `window_start` in µs.
    """

    venue: str
    symbol: str
    window_start: int
    partition: int
    offset: int


class LateWindows:
    """Those that wait, each with its newest record; threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._records: dict[Window, dict[int, int]] = {}  # the newest offset by partition

    def add(self, windows: Iterable[LateWindow]) -> None:
        """Note windows; records of one window may be on several partitions."""
        with self._lock:
            for late in windows:
                key = late.venue, late.symbol, late.window_start
                newest = self._records.setdefault(key, {})
                newest[late.partition] = max(late.offset, newest.get(late.partition, 0))

    def list_pending(self) -> list[LateWindow]:
        """Those that are not restated yet."""
        with self._lock:
            return [
                LateWindow(*key, partition, offset)
                for key, newest in self._records.items()
                for partition, offset in newest.items()
            ]

    def restate_windows(self, lake: str, *, window_s: int) -> int:
        """Restate the windows whose records have landed; gives how many rows of Delta changed."""
        pending = self.list_pending()
        if not pending:
            return 0
        of_book = {TopicPartition(Topic.BOOK, late.partition) for late in pending}
        ends = {at.partition: end for at, end in landed_offsets(lake, of_book).items()}
        due = [late for late in pending if late.offset < ends.get(late.partition, 0)]
        due = due[:MAX_AT_ONCE]
        keys = {(late.venue, late.symbol, late.window_start) for late in due}
        row_count = restate(lake, keys, window_s=window_s)
        self._forget(due)
        return row_count

    def _forget(self, restated: Iterable[LateWindow]) -> None:
        with self._lock:
            for late in restated:
                key = late.venue, late.symbol, late.window_start
                newest = self._records.get(key, {})
                if newest.get(late.partition) == late.offset:  # else another came meanwhile
                    del newest[late.partition]
                if not newest:
                    self._records.pop(key, None)
