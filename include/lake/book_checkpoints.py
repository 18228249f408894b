"""Whole books every quarter of an hour in `book_checkpoints`: nobody reads a day to rebuild one."""

import logging
from datetime import datetime, timedelta
from typing import Any

from include.clock import utc_now
from include.errors import QueryError
from include.lake.believed_times import newest_in
from include.lake.book_at import book_at
from include.lake.derived_tables import BOOK_CHECKPOINTS
from include.lake.file_selection import files_in_spans, list_files, list_uris
from include.lake.reading import connect, create_view, open_table
from include.lake.writing import arrow_rows, merge_by_day
from include.log import event
from include.market.levels import encode_levels
from include.market.time import EPOCH
from include.market.venues import VENUES

CHECKPOINT_STEP = timedelta(minutes=15)
MAX_BACK = timedelta(days=1)  # of a lake that has no checkpoint yet, or none for long
SYMBOLS = """
SELECT DISTINCT venue, symbol FROM {name}
WHERE received_time > $first AND received_time <= $last AND {condition} ORDER BY ALL
"""
log = logging.getLogger("tickhouse.book_checkpoints")


class BookCheckpoints:
    """Adds what checkpoints a lake lacks; remembers until when it has them."""

    def __init__(self, lake: str) -> None:
        self._lake = lake
        self._done_at: datetime | None = None

    def add(self) -> int:
        """Add the checkpoints of the quarters of an hour that have landed; gives how many.

        Repeating it changes nothing: a book that has not changed since is not written again.
        """
        count = 0
        while (added := self.add_next()) is not None:
            count += added
        return count

    def add_next(self) -> int | None:
        """Add those of the next landed quarter with any; gives how many, null if none is due."""
        newest_at = newest_by_now(self._lake, "book_changes", "received_time")
        if newest_at is None:
            return None
        end_at = floor_to_step(newest_at)
        while (due_at := self._first_due(end_at)) <= end_at:
            count = self._add_at(due_at)
            self._done_at = due_at
            if count:
                return count
        return None

    def _first_due(self, end_at: datetime) -> datetime:
        if self._done_at is not None:
            return self._done_at + CHECKPOINT_STEP
        last_at = newest_by_now(self._lake, BOOK_CHECKPOINTS.name, "received_time") or EPOCH
        return max(floor_to_step(last_at), end_at - MAX_BACK)

    def _add_at(self, due_at: datetime) -> int:
        """Add the books of one quarter's end."""
        rows = []
        for venue, symbol in list_changed_books(self._lake, due_at):
            try:
                rows.append(_make_row(self._lake, venue, symbol, due_at))
            except QueryError as refusal:
                log.warning(event("no book checkpoint", error=refusal))
        if rows:
            new_rows = arrow_rows(BOOK_CHECKPOINTS, rows)
            merge_by_day(
                self._lake, BOOK_CHECKPOINTS, new_rows, column="received_time", replace=False
            )
        return len(rows)


def newest_by_now(lake: str, name: str, column: str) -> datetime | None:
    """The newest time of a table's column that is believed."""
    return newest_in(open_table(lake, name), column, now=utc_now())


def list_changed_books(lake: str, end_at: datetime) -> list[tuple[str, str]]:
    """Venue and symbol of the books that changed in the quarter of an hour until then."""
    span = end_at - CHECKPOINT_STEP, end_at
    books = _list_symbols(lake, "book_changes", span, condition="event_index >= 0")
    return [(venue, symbol) for venue, symbol in books if venue in VENUES]


def list_books(lake: str, end_at: datetime) -> list[tuple[str, str]]:
    """Venue and symbol of the books that changed in the quarter until then or the day before."""
    before = _list_symbols(lake, BOOK_CHECKPOINTS.name, (end_at - MAX_BACK, end_at))
    return sorted({*list_changed_books(lake, end_at), *before})


def _list_symbols(
    lake: str, name: str, span: tuple[datetime, datetime], *, condition: str = "true"
) -> list[tuple[str, str]]:
    """Venue and symbol of a table's rows that were received after the first time until the last."""
    table, (first_at, last_at) = open_table(lake, name), span
    if table is None:
        return []
    including_last = first_at, last_at + timedelta(microseconds=1)
    files = files_in_spans(list_files(table), "received_time", [including_last])
    with connect(lake, ()) as connection:
        create_view(connection, name, table, files=list_uris(files))
        bindings = {"first": first_at, "last": last_at}
        statement = SYMBOLS.format(name=name, condition=condition)
        return connection.execute(statement, bindings).fetchall()


def _make_row(lake: str, venue: str, symbol: str, due_at: datetime) -> dict[str, Any]:
    book = book_at(lake, venue, symbol, due_at)
    return {
        "venue": venue,
        "symbol": symbol,
        "conn": book.conn,
        "partition": book.partition,
        "offset": book.offset,
        "snapshot_time": book.snapshot_at,
        "received_time": book.received_at,
        "bids": encode_levels(book.bids),
        "asks": encode_levels(book.asks),
    }


def floor_to_step(moment_at: datetime) -> datetime:
    """The quarter of an hour that has begun last."""
    return EPOCH + (moment_at - EPOCH) // CHECKPOINT_STEP * CHECKPOINT_STEP
