"""The book of a symbol at any instant, made again from the lake's `book_changes`.

A moment is one of receipt: the book is what the feed had by then. It begins at the last checkpoint
(`include/lake/book_checkpoints.py`) or snapshot of the connection that kept it. Only the files that
the table's log selects are read.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from include.errors import NoBook
from include.lake.book_queries import (
    CHECKPOINT_BEFORE,
    CONNECTIONS_OF_CHANGES,
    COPY,
    FIRST_MESSAGE,
    LAST_CHANGE,
    LEDGER_ROWS,
    LEVELS,
    MESSAGES_AROUND,
    SNAPSHOT_BEFORE,
    name_other_symbols,
)
from include.lake.derived_tables import BOOK_CHECKPOINTS
from include.lake.file_selection import (
    files_in_spans,
    files_with_text,
    list_files,
    list_uris,
    newest_us,
)
from include.lake.floors import describe_dropped
from include.lake.reading import connect, create_view, open_table
from include.lake.views import MARKET_LEDGER, create_views
from include.market.book_life import (
    SIGN_OF_LIFE_US,
    BookLife,
    LedgerRow,
    describe_time,
    died_at,
    read_lives,
)
from include.market.events import BookSide
from include.market.levels import BookAt, BookLevels, decode_levels, sort_levels
from include.market.time import MINUTE, from_epoch_us, to_epoch_us
from include.market.venues import VENUES, BookNumbers

CHANGES, LEDGER, CHECKPOINTS = "book_changes", "feed_ledger", BOOK_CHECKPOINTS.name
CONNECTIONS_TRIED = 4  # the newest: a successor is opened before its predecessor ends
CLOCK_STEP = MINUTE  # how far a feed's clock may be set back on one connection
NO_TOP: list[object] = [None] * 4


def book_at(
    lake: str, venue: str, symbol: str, moment_at: datetime, *, depth: int | None = None
) -> BookAt:
    """The book of a symbol as the feed had received it at that moment.

    `depth` bounds the levels of a side; null: all. Prices are quote per base unit, quantities base
    units.

    Raises:
        NoBook: there is no such venue; or the moment is before the first snapshot, dropped by
            retention or beyond what has landed, inside a hole, or while the feed was away, stale
            or dead.
        UnreadableTable: a table's log is damaged.
    """
    if venue not in VENUES:
        raise NoBook(f"no book of {venue}: it is no venue (venues: {', '.join(VENUES)})")
    with _BookReader(lake, venue, symbol, moment_at) as reader:
        book = reader.find_book()
    return book if depth is None else book.cut(depth)


class _Base(NamedTuple):
    """Where a book begins: a snapshot, or a checkpoint after it, which has levels."""

    partition: int
    offset: int
    snapshot_us: int
    levels: BookLevels | None = None

    @property
    def first_offset(self) -> int:
        """The first record to apply."""
        return self.offset if self.levels is None else self.offset + 1


class _BookReader:
    """Reads what the lake has of one symbol's book around one moment."""

    def __init__(self, lake: str, venue: str, symbol: str, moment_at: datetime) -> None:
        changes = open_table(lake, CHANGES)
        if changes is None:
            raise NoBook(f"no book of {venue} {symbol}: nothing of market.book has landed yet")
        self._venue, self._symbol, self._at = venue, symbol, moment_at
        self._at_us = to_epoch_us(moment_at)
        self._latest = moment_at + timedelta(microseconds=SIGN_OF_LIFE_US)
        self._table, self._lake, self._is_copied = changes, lake, False
        all_files = list_files(changes)
        self._end_us = newest_us(all_files, "received_time")
        self._files = files_with_text(all_files, "symbol", symbol)
        self._connection = connect(lake, ())

    def __enter__(self) -> "_BookReader":
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def find_book(self) -> BookAt:
        """The book of the newest connection that has one.

        Raises:
            NoBook: none has; with the cause for the newest of them.
        """
        if self._at_us > self._end_us:
            raise self._refuse(f"the book has landed until {describe_time(self._end_us)}")
        self._refuse_dropped(self._at)
        lives, starts_us = self._read_ledger()
        candidates = [life for life in lives if life.is_open(self._at_us)]
        if not candidates:
            raise self._refuse(self._describe_absence(lives))
        refusals = []
        for life in candidates[:CONNECTIONS_TRIED]:
            try:
                return self._rebuild(life, starts_us)
            except NoBook as refusal:
                refusals.append(refusal)
        raise refusals[0]

    def _refuse_dropped(self, moment_at: datetime) -> None:
        """Refuse (`NoBook`) where retention may have dropped changes from that moment on."""
        if dropped := describe_dropped(self._lake, (CHANGES,), moment_at):
            raise self._refuse(dropped)

    def _refuse(self, cause: str) -> NoBook:
        at = describe_time(self._at_us)
        return NoBook(f"no book of {self._venue} {self._symbol} at {at}: {cause}")

    def _read_ledger(self) -> tuple[list[BookLife], list[int]]:
        """The connections of that time, newest first, and when the feed was started after it."""
        rows = self._ledger_rows()
        lives = read_lives(self._venue, rows)
        starts_us = [row.at_us for row in rows if (row.entry, row.cause) == ("connect", "start")]
        if not any(life.opened_us <= self._at_us for life in lives):
            lives = self._lives_of_changes() + lives
        return lives, starts_us

    def _ledger_rows(self) -> list[LedgerRow]:
        ledger = open_table(self._lake, LEDGER)
        if ledger is None:
            return []
        files = files_with_text(list_files(ledger), "venue", self._venue)
        create_view(self._connection, LEDGER, ledger, files=list_uris(files))
        create_views(self._connection, MARKET_LEDGER)
        bindings = self._bindings(limit=CONNECTIONS_TRIED) | {"latest": self._latest}
        rows = self._connection.execute(LEDGER_ROWS, bindings).fetchall()
        return [LedgerRow(*row) for row in rows]

    def _lives_of_changes(self) -> list[BookLife]:
        """Connections by their changes alone: the ledger has none, as of a recording."""
        self._open_changes(from_epoch_us(0))
        bindings = self._bindings(limit=CONNECTIONS_TRIED)
        rows = self._connection.execute(CONNECTIONS_OF_CHANGES, bindings).fetchall()
        return [BookLife(conn, opened_us) for conn, opened_us in rows]

    def _describe_absence(self, lives: Sequence[BookLife]) -> str:
        before = [life for life in lives if life.opened_us <= self._at_us]
        after = min((life.opened_us for life in lives if life.opened_us > self._at_us), default=0)
        reconnect = f", connected again at {describe_time(after)}" if after else ""
        if not before:
            reconnect += name_other_symbols(self._connection, self._venue, self._symbol)
            return f"the feed had not connected yet{reconnect}"
        closed_us = max(life.closed_us or 0 for life in before)
        cause = next(life.closing_cause for life in before if life.closed_us == closed_us)
        return f"disconnected since {describe_time(closed_us)} ({cause}){reconnect}"

    def _rebuild(self, life: BookLife, starts_us: Sequence[int]) -> BookAt:
        """The book that a connection kept.

        Raises:
            NoBook: it had none.
        """
        if silence := life.describe_silence(self._at_us):
            raise self._refuse(silence)
        checkpoint, first_us = self._find_checkpoint(life)
        self._open_changes(from_epoch_us(first_us))
        if checkpoint is not None:
            self._copy_changes(life, from_epoch_us(first_us) - CLOCK_STEP)
        base = self._find_base(life, checkpoint)
        last_us, next_us = self._times_around(life)
        hole = life.find_hole(
            self._at_us, snapshot_us=base.snapshot_us, last_us=last_us, next_us=next_us
        )
        if hole is not None:
            span = f"{describe_time(hole.first_us)} to {describe_time(hole.last_us)}"
            raise self._refuse(
                f"it lies in a hole of the feed ledger ({hole.cause}, {span}), before the next "
                "snapshot"
            )
        signs_us = [time_us for time_us in (last_us, next_us) if time_us is not None]
        dead_us = died_at(life, signs_us, starts_us, at_us=self._at_us, end_us=self._end_us)
        if dead_us is not None:
            raise self._refuse(f"the feed died after {describe_time(dead_us)}")
        return self._read_book(life, base, last_us)

    def _find_checkpoint(self, life: BookLife) -> tuple[_Base | None, int]:
        """The last checkpoint of a connection before the moment; from when on to read (µs)."""
        checkpoints = open_table(self._lake, CHECKPOINTS)
        if checkpoints is None:
            return None, life.opened_us
        span = from_epoch_us(life.opened_us), self._latest
        files = files_in_spans(list_files(checkpoints), "received_time", [span])
        self._connection.execute(f"DROP VIEW IF EXISTS {CHECKPOINTS}")
        create_view(self._connection, CHECKPOINTS, checkpoints, files=list_uris(files))
        bindings = self._bindings(conn=life.conn)
        row = self._connection.execute(CHECKPOINT_BEFORE, bindings).fetchone()
        if row is None:
            return None, life.opened_us
        partition, offset, snapshot_us, received_us, *texts = row
        sides: dict[BookSide, str] = dict(zip(("bid", "ask"), texts, strict=True))
        levels = {(side, price): q for side in sides for price, q in decode_levels(sides[side])}
        return _Base(partition, offset, snapshot_us, levels), received_us

    def _find_base(self, life: BookLife, checkpoint: _Base | None) -> _Base:
        bindings = self._bindings(conn=life.conn)
        resnapshots = {"resnapshots": life.resnapshots_us}
        row = self._connection.execute(SNAPSHOT_BEFORE, bindings | resnapshots).fetchone()
        if row is not None and (checkpoint is None or row[1] >= checkpoint.first_offset):
            return _Base(*row)
        if checkpoint is not None:
            return checkpoint
        self._refuse_dropped(from_epoch_us(life.opened_us))
        row = self._connection.execute(FIRST_MESSAGE, bindings).fetchone()
        begins_with_snapshot = VENUES[self._venue].book is not BookNumbers.CHAINED_TO_REST
        if row is not None and row[-1] and begins_with_snapshot:
            return _Base(*row[:-1])
        opened_at = describe_time(life.opened_us)
        raise self._refuse(
            f"connection {life.conn} of {opened_at} had not received its first snapshot yet"
        )

    def _times_around(self, life: BookLife) -> tuple[int, int | None]:
        bindings = self._bindings(conn=life.conn)
        row = self._connection.execute(MESSAGES_AROUND, bindings).fetchone() or (None, None)
        return row[0] or life.opened_us, row[1]

    def _read_book(self, life: BookLife, base: _Base, last_us: int) -> BookAt:
        within = {"partition": base.partition, "first_offset": base.first_offset}
        bindings = self._bindings(conn=life.conn) | within
        changed_levels = self._connection.execute(LEVELS, bindings).fetchall()
        levels = dict(base.levels or {}) | {
            (side, price): quantity for side, price, quantity in changed_levels
        }
        bids, asks = sort_levels((*key, quantity) for key, quantity in levels.items())
        last_change = self._connection.execute(LAST_CHANGE, bindings).fetchone()
        offset, *recorded = last_change or (base.offset, *NO_TOP)
        book = BookAt(
            self._venue,
            self._symbol,
            self._at,
            life.conn,
            from_epoch_us(base.snapshot_us),
            from_epoch_us(last_us),
            base.partition,
            offset,
            bids,
            asks,
        )
        top = book.top()
        if last_change and recorded != (list(msgspec.structs.astuple(top)) if top else NO_TOP):
            raise self._refuse(
                "changes are missing: the levels do not give the best bid and ask that the feed "
                f"recorded with offset {offset} of market.book/{base.partition}"
            )
        return book

    def _open_changes(self, first_at: datetime) -> None:
        """Make the view `changes` of the files that may have rows from then to after the moment."""
        span = first_at - CLOCK_STEP, self._latest
        files = files_in_spans(self._files, "received_time", [span])
        if self._is_copied:
            self._connection.execute("DROP TABLE changes")
        self._connection.execute("DROP VIEW IF EXISTS changes")
        self._is_copied = False
        create_view(self._connection, "changes", self._table, files=list_uris(files))

    def _copy_changes(self, life: BookLife, first_at: datetime) -> None:
        """Hold what `changes` has of a connection: a few minutes, asked for several times."""
        bindings = {"conn": life.conn, "first": first_at, "latest": self._latest}
        self._connection.execute(COPY, bindings)
        self._connection.execute("DROP VIEW changes; ALTER TABLE copied RENAME TO changes")
        self._is_copied = True

    def _bindings(self, **further: str | int) -> dict[str, object]:
        return {"venue": self._venue, "symbol": self._symbol, "at": self._at} | further
