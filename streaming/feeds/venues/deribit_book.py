"""The book of one Deribit instrument, incremental or grouped: changes, and whether it holds. Pure.

Incremental: `prev_change_id` must be the last `change_id`, else something was lost. Grouped: each
message is the whole picture of the best levels; what differs from the one before is the change.
"""

from decimal import Decimal

from include.market.book import Book
from include.market.events import BookChange, BookSide, Top
from streaming.feeds.decoded import MONEY, QUANTITY, not_negative, positive
from streaming.feeds.venues import deribit_payloads as wire

Sides = dict[BookSide, dict[Decimal, Decimal]]


class InstrumentBook:
    """Keeps one instrument's book."""

    def __init__(self) -> None:
        """Empty and invalid until a snapshot."""
        self._book = Book()
        self._sides: Sides = {"bid": {}, "ask": {}}
        self.last_id: int | None = None

    @property
    def valid(self) -> bool:
        """Whether nothing is missing since the last snapshot."""
        return self._book.valid

    def top(self) -> Top | None:
        """Best bid and ask, null while the book is invalid."""
        return self._book.top()

    def broken(self, book: wire.Book) -> bool:
        """Whether a change does not follow the last message. A first change has no snapshot."""
        return book.type == "change" and book.prev_change_id != self.last_id

    def invalidate(self) -> None:
        """Wait for a snapshot."""
        self._book.invalidate()

    def apply(self, book: wire.Book) -> tuple[BookChange, ...]:
        """Take an incremental message; the changes it holds."""
        changes = incremental(book)
        self.last_id = book.change_id
        if book.type == "snapshot":
            self._book.reset(changes)
        elif self._book.valid:
            for change in changes:
                self._book.apply(change)
        return changes

    def picture(self, book: wire.GroupedBook) -> tuple[BookChange, ...]:
        """Take a grouped message; what differs from the picture before, all of the first."""
        new: Sides = {"bid": dict(book.bids), "ask": dict(book.asks)}
        for levels in new.values():
            for price, amount in levels.items():
                positive(price, MONEY)
                positive(amount, QUANTITY)
        reason = "initial" if self.last_id is None else "picture"
        gone, zero = self._sides, Decimal(0)
        self._sides, self.last_id = new, book.change_id
        return tuple(
            BookChange(side, price, new[side].get(price, zero), None, reason, book.change_id)
            for side in new
            for price in gone[side] | new[side]
            if gone[side].get(price) != new[side].get(price)
        )


def incremental(book: wire.Book) -> tuple[BookChange, ...]:
    """The changes of an incremental message; amounts are absolute, a deletion has 0.

    Raises:
        RejectedFrame: a number that does not fit.
    """
    sides: tuple[tuple[BookSide, tuple[wire.Level, ...]], ...]
    sides = (("bid", book.bids), ("ask", book.asks))
    found = []
    for side, levels in sides:
        for action, price, amount in levels:
            positive(price, MONEY)
            not_negative(amount, QUANTITY)
            remaining = Decimal(0) if action == "delete" else amount
            reason = "initial" if book.type == "snapshot" else action
            found.append(BookChange(side, price, remaining, None, reason, book.change_id))
    return tuple(found)
