"""What the feed ledger has about a book at a moment: which connections kept it, and what broke it.

Pure: ledger rows in, the connections that may have a book out, newest first.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from include.market.time import MINUTE_US, from_epoch_us
from include.market.venues import DROPPED_BOOK, SNAPSHOT, VENUES

# A feed that lives has a message or an entry of the ledger within this time, however quiet.
SIGN_OF_LIFE_US = 5 * MINUTE_US
_RECEIVED = re.compile(r"received from (\d+) to (\d+) us")


class LedgerRow(NamedTuple):
    """A row of the feed ledger of one venue and symbol; `at_us` is its time of receipt."""

    conn: str
    entry: str
    cause: str
    first_seq: int | None
    detail: str | None
    at_us: int


class BookHole(NamedTuple):
    """Changes of a book that are missing: received after `first_us`, known of at `last_us`."""

    first_us: int
    last_us: int
    cause: str


@dataclass
class BookLife:
    """One connection of a feed, as the ledger has it, and the holes of its book. Times in µs.

    `resnapshots_us` are when a snapshot came after a hole, on the same connection.
    """

    conn: str
    opened_us: int
    closed_us: int | None = None
    closing_cause: str = ""
    silent_spells: list[tuple[int, int | None]] = field(default_factory=list)
    holes: list[BookHole] = field(default_factory=list)
    signs_us: list[int] = field(default_factory=list)
    resnapshots_us: list[int] = field(default_factory=list)

    def is_open(self, at_us: int) -> bool:
        """Whether it was open at a moment, by its own entries."""
        return self.opened_us <= at_us and (self.closed_us is None or at_us < self.closed_us)

    def describe_silence(self, at_us: int) -> str:
        """Why the connection was stale at a moment; empty if it was not."""
        for first_us, last_us in self.silent_spells:
            if first_us <= at_us and (last_us is None or at_us < last_us):
                return f"stale since {describe_time(first_us)}: the feed heard nothing"
        return ""

    def find_hole(
        self, at_us: int, *, snapshot_us: int, last_us: int, next_us: int | None
    ) -> BookHole | None:
        """The hole that a moment lies in.

        `snapshot_us` is when the last snapshot before the moment came, `last_us` when the last
        message did, `next_us` when the next one after it did (null: none is known).
        """
        for hole in self.holes:
            if hole.first_us <= at_us and hole.last_us > snapshot_us:
                return hole
            is_next = at_us < hole.last_us and (next_us is None or hole.last_us <= next_us)
            if is_next and last_us < at_us and hole.first_us == hole.last_us:
                return BookHole(last_us, hole.last_us, hole.cause)
        return None


def read_lives(venue: str, rows: Iterable[LedgerRow]) -> list[BookLife]:
    """The connections that the ledger's rows of a venue and symbol name, newest first."""
    lives: dict[str, BookLife] = {}
    for row in sorted(rows, key=lambda row: row.at_us):
        if row.entry == "connect":
            lives[row.conn] = BookLife(row.conn, row.at_us)
        elif row.conn in lives:
            _take_entry(lives[row.conn], venue, row)
    return sorted(lives.values(), key=lambda life: life.opened_us, reverse=True)


def _take_entry(life: BookLife, venue: str, entry_row: LedgerRow) -> None:
    _, entry, cause, first_seq, detail, at_us = entry_row
    life.signs_us.append(at_us)
    if entry == "disconnect":
        life.closed_us, life.closing_cause = at_us, cause
    elif entry == "stale" and cause != "quiet":  # a quiet market's book is right
        life.silent_spells.append((at_us, None))
    elif (entry, cause) == ("recovered", SNAPSHOT):
        life.resnapshots_us.append(at_us)
    elif entry == "recovered" and life.silent_spells:
        first_us, last_us = life.silent_spells[-1]
        life.silent_spells[-1] = first_us, last_us or at_us
    elif entry == "gap" and is_book_gap(venue, cause, first_seq):
        life.holes.append(BookHole(at_us, at_us, cause))
    elif entry == "dropped" and cause in DROPPED_BOOK:
        received = _RECEIVED.search(detail or "")
        first_us, last_us = map(int, received.groups()) if received else (at_us, at_us)
        life.holes.append(BookHole(first_us, last_us, cause))


def is_book_gap(venue: str, cause: str, first_seq: int | None) -> bool:
    """Whether a gap of the ledger is one of the book, not of trades alone."""
    return first_seq is None or not VENUES[venue].heals(cause)


def died_at(
    life: BookLife, messages_us: Sequence[int], starts_us: Iterable[int], *, at_us: int, end_us: int
) -> int | None:
    """When a connection gave its last sign of life, if it was dead at a moment; else null.

    A process that is killed writes nothing: the connection is dead if nothing of it came within
    `SIGN_OF_LIFE_US` although the lake reaches so far (to `end_us`), or if the feed was started
    since. `messages_us` are times of messages around the moment, `starts_us` those of starts.
    """
    signs = [life.opened_us, *life.signs_us, *messages_us]
    latest_us = at_us + SIGN_OF_LIFE_US
    if any(at_us <= sign <= latest_us for sign in signs):
        return None
    last_us = max(sign for sign in signs if sign <= at_us)
    has_started = any(last_us < start <= latest_us for start in starts_us)
    return last_us if has_started or end_us >= latest_us else None


def describe_time(time_us: int) -> str:
    """A time as errors show it, in UTC."""
    return from_epoch_us(time_us).isoformat(timespec="microseconds").replace("+00:00", "Z")
