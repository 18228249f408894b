"""Whole books every quarter of an hour in `book_checkpoints`: nobody reads a day to rebuild one."""

import logging
from datetime import datetime, timedelta
from typing import Any

from include.errors import QueryError
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
SYMBOLS_SEEN = """
SELECT DISTINCT venue, symbol FROM changes
WHERE received_time > $first AND received_time <= $last
"""
SYMBOLS = f"{SYMBOLS_SEEN} AND event_index >= 0 ORDER BY ALL"
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
        newest_at = newest_in(self._lake, "book_changes")
        if newest_at is None:
            return 0
        end_at = floor_to_step(newest_at)
        count, due_at = 0, self._first_due(end_at)
        while due_at <= end_at:
            count += self._add_at(due_at)
            self._done_at, due_at = due_at, due_at + CHECKPOINT_STEP
        return count

    def _first_due(self, end_at: datetime) -> datetime:
        if self._done_at is not None:
            return self._done_at + CHECKPOINT_STEP
        last_at = newest_in(self._lake, BOOK_CHECKPOINTS.name) or EPOCH
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


def list_changed_books(lake: str, end_at: datetime) -> list[tuple[str, str]]:
    """Venue and symbol of the books that changed in the quarter of an hour until then."""
    table = open_table(lake, "book_changes")
    if table is None:
        return []
    span = end_at - CHECKPOINT_STEP, end_at + timedelta(microseconds=1)
    files = files_in_spans(list_files(table), "received_time", [span])
    with connect(lake, ()) as connection:
        create_view(connection, "changes", table, files=list_uris(files))
        bindings = {"first": end_at - CHECKPOINT_STEP, "last": end_at}
        rows = connection.execute(SYMBOLS, bindings).fetchall()
    return [(venue, symbol) for venue, symbol in rows if venue in VENUES]


def list_books(lake: str, end_at: datetime) -> list[tuple[str, str]]:
    """Venue and symbol of the books that changed in the quarter until then or the day before."""
    books = set(list_changed_books(lake, end_at))
    table = open_table(lake, BOOK_CHECKPOINTS.name)
    if table is not None:
        files = files_in_spans(list_files(table), "received_time", [(end_at - MAX_BACK, end_at)])
        with connect(lake, ()) as connection:
            create_view(connection, "changes", table, files=list_uris(files))
            bindings = {"first": end_at - MAX_BACK, "last": end_at}
            books |= set(connection.execute(SYMBOLS_SEEN, bindings).fetchall())
    return sorted(books)


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


def newest_in(lake: str, name: str, *, column: str = "received_time") -> datetime | None:
    """The newest time of a column of a table, by its log; null without one."""
    table = open_table(lake, name)
    files = None if table is None else list_files(table)
    if files is None or f"max.{column}" not in files.column_names:
        return None
    times = [at for at in files[f"max.{column}"].to_pylist() if at is not None]
    return max(times, default=None)


def floor_to_step(moment_at: datetime) -> datetime:
    """The quarter of an hour that has begun last."""
    return EPOCH + (moment_at - EPOCH) // CHECKPOINT_STEP * CHECKPOINT_STEP
