"""One-second bars of every book in `book_seconds`, made from the lake's `book_changes`.

A second without a bar is one without a valid book: `book_at` at its end has the cause. Between
moments at which something happened to a connection (an entry of the ledger, a snapshot, a silence)
the book goes on by its changes alone; at such moments it is asked for from `book_at`, so that both
agree.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from deltalake import DeltaTable

from include.errors import NoBook
from include.lake.book_at import book_at
from include.lake.book_checkpoints import (
    CHECKPOINT_STEP,
    MAX_BACK,
    floor_to_step,
    list_books,
    newest_by_now,
)
from include.lake.book_queries import EVENTS_OF_SPAN, LEDGER_OF_SPAN
from include.lake.derived_tables import BOOK_SECONDS
from include.lake.file_selection import (
    files_in_spans,
    files_with_text,
    list_files,
    list_uris,
)
from include.lake.reading import connect, create_view, open_table
from include.lake.views import MARKET_LEDGER, create_views
from include.lake.writing import arrow_rows, merge_by_day
from include.market.book_life import SIGN_OF_LIFE_US, LedgerRow, read_lives
from include.market.book_seconds import BookSecond, SortedBook
from include.market.events import INITIAL, BookSide
from include.market.time import EPOCH, SECOND_US, from_epoch_us, to_epoch_us

SIGN_OF_LIFE = timedelta(microseconds=SIGN_OF_LIFE_US)
NO_TOP = (None,) * 4
Bars = Iterator[tuple[int, int, BookSecond]]


class BookSeconds:
    """Adds what bars a lake lacks, one book of one quarter of an hour at a time."""

    def __init__(self, lake: str) -> None:
        self._lake = lake
        self._due: list[tuple[str, str]] = []  # books of the quarter that ends at `_end_at`
        self._end_at: datetime | None = None

    def add(self) -> int:
        """Add the bars of the next book that lacks some; gives how many, 0 if none is due.

        A quarter is due when the lake reaches as far beyond it as a feed may be silent: whether
        its last seconds had a book is known by then. Repeating it changes nothing.
        """
        while not self._due:
            newest_at = newest_by_now(self._lake, "book_changes", "received_time")
            if newest_at is None:
                return 0
            end_at = self._next_end(newest_at)
            if end_at + SIGN_OF_LIFE > newest_at:
                return 0
            self._end_at, self._due = end_at, list_books(self._lake, end_at)
        assert self._end_at is not None
        venue, symbol = self._due.pop()
        return self._add_book(venue, symbol, self._end_at)

    def _next_end(self, newest_at: datetime) -> datetime:
        if self._end_at is not None:
            return self._end_at + CHECKPOINT_STEP
        last_at = newest_by_now(self._lake, BOOK_SECONDS.name, "second") or EPOCH
        earliest_at = floor_to_step(newest_at) - MAX_BACK
        return max(floor_to_step(last_at), earliest_at) + CHECKPOINT_STEP

    def _add_book(self, venue: str, symbol: str, end_at: datetime) -> int:
        rows = [
            {"venue": venue, "symbol": symbol, "second": from_epoch_us(end_us - SECOND_US)}
            | {"changes": count}
            | bar._asdict()
            for end_us, count, bar in make_bars(
                self._lake, venue, symbol, end_at - CHECKPOINT_STEP, end_at
            )
        ]
        if rows:
            merge_by_day(
                self._lake,
                BOOK_SECONDS,
                arrow_rows(BOOK_SECONDS, rows),
                column="second",
                replace=False,
            )
        return len(rows)


def make_bars(lake: str, venue: str, symbol: str, start_at: datetime, end_at: datetime) -> Bars:
    """Each second that ends after `start_at` and until `end_at` with a valid book.

    Gives the second's end (µs), how many changes were received in it, and its bar.
    """
    changes_table = open_table(lake, "book_changes")
    if changes_table is None:
        return
    book_events = _ReceivedEvents(lake, changes_table, venue, symbol, start_at, end_at)
    book = _RollingBook(lake, venue, symbol, book_events)
    for end_us in range(to_epoch_us(start_at) + SECOND_US, to_epoch_us(end_at) + 1, SECOND_US):
        bar = book.move_to(end_us)
        if bar is not None:
            yield end_us, book.count, bar


class _Event(NamedTuple):
    """A row of `book_changes`; `event_index` is -1 for a message without any change."""

    conn: str
    at_us: int
    partition: int
    offset: int
    event_index: int
    side: BookSide
    price: Any
    remaining: Any
    reason: str | None
    top: tuple[Any, ...]

    @property
    def order(self) -> int:
        return (self.offset << 20) + self.event_index


class _ReceivedEvents:
    """What was received of a book in a span of time and a sign of life's time after it."""

    def __init__(
        self,
        lake: str,
        changes_table: DeltaTable,
        venue: str,
        symbol: str,
        start_at: datetime,
        end_at: datetime,
    ) -> None:
        latest = end_at + SIGN_OF_LIFE
        bindings = {"venue": venue, "symbol": symbol, "start": start_at, "latest": latest}
        files = files_with_text(list_files(changes_table), "symbol", symbol)
        files = files_in_spans(files, "received_time", [(start_at, latest)])
        with connect(lake, ()) as connection:
            create_view(connection, "changes", changes_table, files=list_uris(files))
            rows = connection.execute(EVENTS_OF_SPAN, bindings).fetchall()
            self.events = [_Event._make((*row[:9], row[9:])) for row in rows]
            ledger_rows = []
            ledger = open_table(lake, "feed_ledger")
            if ledger is not None:
                files = files_with_text(list_files(ledger), "venue", venue)
                create_view(connection, "feed_ledger", ledger, files=list_uris(files))
                create_views(connection, MARKET_LEDGER)
                bindings["conns"] = sorted({event.conn for event in self.events})
                rows = connection.execute(LEDGER_OF_SPAN, bindings).fetchall()
                ledger_rows = [LedgerRow(*row) for row in rows]
        self.times: dict[str, list[int]] = defaultdict(list)  # of messages by connection
        for event in self.events:
            self.times[event.conn].append(event.at_us)
            self.times[""].append(event.at_us)
        for times in self.times.values():
            times.sort()
        self.marks = sorted({*self._marks_of_events(), *_marks_of_ledger(venue, ledger_rows)})

    def _marks_of_events(self) -> Iterator[int]:
        """When a book may begin again, and when a feed's clock was set back."""
        newest_us: dict[str, int] = defaultdict(int)
        for event in self.events:
            if event.reason == INITIAL or (event.event_index < 0 and event.top == NO_TOP):
                yield event.at_us
            if event.at_us < newest_us[event.conn]:
                yield from (event.at_us, newest_us[event.conn])
            newest_us[event.conn] = max(newest_us[event.conn], event.at_us)

    def next_us(self, conn: str, at_us: int) -> int | None:
        """The next message of a connection (empty: of any) within a sign of life's time."""
        times = self.times.get(conn, [])
        at = bisect_right(times, at_us)
        return times[at] if at < len(times) and times[at] <= at_us + SIGN_OF_LIFE_US else None


def _marks_of_ledger(venue: str, ledger_rows: list[LedgerRow]) -> Iterator[int]:
    yield from (row.at_us for row in ledger_rows)
    for life in read_lives(venue, ledger_rows):
        for hole in life.holes:
            yield from (hole.first_us, hole.last_us)


class _RollingBook:
    """The book from second to second: by its changes where nothing else happened."""

    def __init__(self, lake: str, venue: str, symbol: str, book_events: _ReceivedEvents) -> None:
        self._lake, self._venue, self._symbol = lake, venue, symbol
        self._received_events = book_events
        self._events = sorted(book_events.events, key=lambda event: event.at_us)
        self._position, self._at_us = 0, -1
        self._book: SortedBook | None = None
        self._conn, self._partition, self._top = "", -1, NO_TOP
        self._is_alive = False
        self.count = 0

    def move_to(self, at_us: int) -> BookSecond | None:
        """The bar of the book at a moment later than the last one; null if there is none."""
        new_events = self._take_until(at_us)
        next_us = self._received_events.next_us(self._conn, at_us)
        is_alive, latest_us = next_us is not None, next_us or at_us + SIGN_OF_LIFE_US
        marks = self._received_events.marks
        is_undisturbed = bisect_right(marks, self._at_us) == bisect_right(marks, latest_us)
        is_known = is_undisturbed and self._at_us >= 0 and self._is_alive == is_alive
        self._at_us, self._is_alive = at_us, is_alive
        if self._book is None:
            if not is_known:
                self._ask(at_us)
        elif is_known and is_alive:
            self._apply(self._book, new_events)
        else:
            self._ask(at_us)
        self.count = sum(
            event.conn == self._conn and event.event_index >= 0 for event in new_events
        )
        return self._measure()

    def _take_until(self, at_us: int) -> list[_Event]:
        first = self._position
        while self._position < len(self._events) and self._events[self._position].at_us <= at_us:
            self._position += 1
        return self._events[first : self._position]

    def _ask(self, at_us: int) -> None:
        self._book, self._conn = None, ""
        try:
            book = book_at(self._lake, self._venue, self._symbol, from_epoch_us(at_us))
        except NoBook:
            return
        self._book, self._conn = SortedBook(book.bids, book.asks), book.conn
        self._partition, self._top = book.partition, NO_TOP
        self._is_alive = self._received_events.next_us(book.conn, at_us) is not None

    def _apply(self, sorted_book: SortedBook, new_events: list[_Event]) -> None:
        for event in sorted(new_events, key=lambda event: event.order):
            if (event.conn, event.partition) == (
                self._conn,
                self._partition,
            ) and event.event_index >= 0:
                sorted_book.apply(event.side, event.price, event.remaining, order=event.order)
                self._top = event.top

    def _measure(self) -> BookSecond | None:
        """The bar, unless changes are missing: the top is not the one that the feed recorded."""
        if self._book is None:
            return None
        bar = self._book.measure()
        return bar if bar is not None and self._top in (NO_TOP, bar[:4]) else None
