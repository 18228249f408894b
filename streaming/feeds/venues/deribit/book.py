"""The book of one Deribit instrument, incremental or grouped: changes, and whether it holds. Pure.

Incremental: `prev_change_id` must be the last `change_id`, else something was lost. Grouped: each
message is the whole picture of the best levels; what differs from the one before is the change.
"""

from decimal import Decimal

from include.market.book import Book
from include.market.events import BookChange, BookSide, Top
from streaming.feeds.decoding import (
    PRICE_STEP,
    QUANTITY_STEP,
    require_not_negative,
    require_positive,
)
from streaming.feeds.venues.deribit.payloads import GroupedBook, IncrementalBook, Level

Sides = dict[BookSide, dict[Decimal, Decimal]]


class InstrumentBook:
    """Keeps one instrument's book, empty and invalid until a snapshot."""

    def __init__(self) -> None:
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

    def breaks_chain(self, update: IncrementalBook) -> bool:
        """Whether a change does not follow the last message. A first change has no snapshot."""
        return update.type == "change" and update.prev_change_id != self.last_id

    def invalidate(self) -> None:
        """Wait for a snapshot."""
        self._book.invalidate()

    def apply(self, update: IncrementalBook) -> tuple[BookChange, ...]:
        """Take an incremental message; the changes it holds."""
        changes = changes_of(update)
        self.last_id = update.change_id
        if update.type == "snapshot":
            self._book.reset(changes)
        elif self._book.valid:
            for change in changes:
                self._book.apply(change)
        return changes

    def replace(self, picture: GroupedBook) -> tuple[BookChange, ...]:
        """Take a grouped message; what differs from the picture before, all of the first."""
        new: Sides = {"bid": dict(picture.bids), "ask": dict(picture.asks)}
        for levels in new.values():
            for price, amount in levels.items():
                require_positive(price, PRICE_STEP)
                require_positive(amount, QUANTITY_STEP)
        reason = "initial" if self.last_id is None else "picture"
        old, zero = self._sides, Decimal(0)
        self._sides, self.last_id = new, picture.change_id
        return tuple(
            BookChange(side, price, new[side].get(price, zero), None, reason, picture.change_id)
            for side in new
            for price in old[side] | new[side]
            if old[side].get(price) != new[side].get(price)
        )


def changes_of(update: IncrementalBook) -> tuple[BookChange, ...]:
    """The changes of an incremental message; amounts are absolute, a deletion has 0.

    Raises:
        RejectedFrame: a number that does not fit.
    """
    sides: tuple[tuple[BookSide, tuple[Level, ...]], ...]
    sides = (("bid", update.bids), ("ask", update.asks))
    changes = []
    for side, levels in sides:
        for action, price, amount in levels:
            require_positive(price, PRICE_STEP)
            require_not_negative(amount, QUANTITY_STEP)
            remaining = Decimal(0) if action == "delete" else amount
            reason = "initial" if update.type == "snapshot" else action
            changes.append(BookChange(side, price, remaining, None, reason, update.change_id))
    return tuple(changes)
