"""The book of one Deribit instrument, incremental or grouped: changes, and whether it holds. Pure.

Incremental: `prev_change_id` must be the last `change_id`, else something was lost. Grouped: each
message is the whole picture of the best levels; what differs from the one before is the change.
"""

from decimal import Decimal

from include.errors import RejectedFrame
from include.market.book import Book
from include.market.events import INITIAL, BookChange, BookSide, Top
from streaming.feeds.decoding import (
    PRICE_STEP,
    QUANTITY_STEP,
    UNSTORABLE,
    require_finite,
    require_not_negative,
    require_positive,
)
from streaming.feeds.venues.deribit.payloads import (
    GroupedBook,
    IncrementalBook,
    LevelChange,
    in_base,
)
from streaming.feeds.venues.deribit.units import is_combination

Sides = dict[BookSide, dict[Decimal, Decimal]]


class InstrumentBook:
    """Keeps one instrument's book, empty and invalid until a snapshot."""

    def __init__(self) -> None:
        self._book = Book()
        self._sides: Sides = {"bid": {}, "ask": {}}
        self.last_id: int | None = None
        self.broken_at: int | None = None  # µs: when a snapshot was asked for
        self.is_unstorable = False  # a snapshot was rejected, and another would be too

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

    def invalidate(self, at_us: int) -> None:
        """Wait for a snapshot, which is asked for now."""
        self._book.invalidate()
        self.broken_at = at_us

    def apply(self, update: IncrementalBook) -> tuple[BookChange, ...]:
        """Take an incremental message; the changes it holds.

        Raises:
            RejectedFrame: a number that does not fit.
        """
        try:
            changes = changes_of(update)
        except RejectedFrame as rejection:
            self.is_unstorable |= update.type == "snapshot" and rejection.reason in UNSTORABLE
            raise
        self.last_id = update.change_id
        if update.type == "snapshot":
            self._book.reset(changes)
            self.broken_at, self.is_unstorable = None, False
        elif self._book.valid:
            for change in changes:
                self._book.apply(change)
        return changes

    def begins_again(self, picture: GroupedBook) -> bool:
        """Whether the venue begins again: the picture's number is below the last."""
        return self.last_id is not None and picture.change_id < self.last_id

    def replace(self, picture: GroupedBook) -> tuple[BookChange, ...]:
        """Take a grouped message that is news; what differs from the one before, or all of it."""
        new: Sides = {"bid": dict(picture.bids), "ask": dict(picture.asks)}
        is_first = self.last_id is None or self.begins_again(picture)
        reason = INITIAL if is_first else "picture"
        old, zero = self._sides, Decimal(0)
        self._sides, self.last_id = new, picture.change_id
        return tuple(
            _change(picture, side, price, new[side].get(price, zero), reason)
            for side in new
            for price in old[side] | new[side]
            if is_first or old[side].get(price) != new[side].get(price)
        )


def changes_of(update: IncrementalBook) -> tuple[BookChange, ...]:
    """The changes of an incremental message; amounts are absolute, a deletion has 0.

    Raises:
        RejectedFrame: a number that does not fit.
    """
    sides: tuple[tuple[BookSide, tuple[LevelChange, ...]], ...]
    sides = (("bid", update.bids), ("ask", update.asks))
    changes = []
    for side, levels in sides:
        for action, price, amount in levels:
            _require_level(update.instrument_name, price, amount)
            remaining = Decimal(0) if action == "delete" else amount
            reason = INITIAL if update.type == "snapshot" else action
            changes.append(_change(update, side, price, remaining, reason))
    return tuple(changes)


def require_levels(picture: GroupedBook) -> None:
    """Reject a picture whose numbers do not fit.

    Raises:
        RejectedFrame: a number does not fit.
    """
    for price, amount in (*picture.bids, *picture.asks):
        _require_level(picture.instrument_name, price, amount)


def _require_level(instrument: str, price: Decimal, amount: Decimal) -> None:
    if is_combination(instrument):
        require_finite(price, PRICE_STEP)
    else:
        require_positive(price, PRICE_STEP)
    require_not_negative(amount, QUANTITY_STEP)


def _change(
    book: IncrementalBook | GroupedBook,
    side: BookSide,
    price: Decimal,
    amount: Decimal,
    reason: str,
) -> BookChange:
    remaining, venue_amount = in_base(book.instrument_name, amount, price)
    require_not_negative(remaining, QUANTITY_STEP)
    return BookChange(side, price, remaining, None, reason, book.change_id, venue_amount)
