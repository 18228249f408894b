"""The levels of the book that an order with some slippage may reach, kept from book messages."""

from collections.abc import Sequence
from decimal import Decimal

from include.market.book import Book
from include.market.events import INITIAL, BookChange, Top
from include.trading.inputs import BookLevel
from include.trading.money import BPS

MAX_LEVELS = 25


class Depth:
    """A symbol's levels. Unknown until a snapshot, and again while it is invalid by the feed."""

    def __init__(self, *, slippage_bps: Decimal) -> None:
        """`slippage_bps` is how far beyond the best price levels are given."""
        self._slippage, self._book = slippage_bps / BPS, Book()

    def apply(self, changes: Sequence[BookChange], *, top: Top | None) -> bool:
        """Take one message in; true if it was a snapshot.

        `top` is the feed's own of the book after it.
        """
        if changes and changes[0].reason == INITIAL:
            self._book.reset(changes)
            return True
        for change in changes:
            self._book.apply(change)
        if top is None:
            self._book.invalidate()
        return False

    def bids(self, top: Top) -> tuple[BookLevel, ...]:
        """Bids from the best down to as far as an order may go; none while that is unknown."""
        lowest, levels = top.bid * (1 - self._slippage), self._book.levels["bid"]
        return self._nearest(
            sorted(
                (level for level in levels.items() if lowest <= level[0] <= top.bid), reverse=True
            )
        )

    def asks(self, top: Top) -> tuple[BookLevel, ...]:
        """Asks from the best up to as far as an order may go; none while that is unknown."""
        highest, levels = top.ask * (1 + self._slippage), self._book.levels["ask"]
        return self._nearest(
            sorted(level for level in levels.items() if top.ask <= level[0] <= highest)
        )

    def _nearest(self, levels: list[BookLevel]) -> tuple[BookLevel, ...]:
        return tuple(levels[:MAX_LEVELS]) if self._book.valid else ()
