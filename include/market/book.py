"""The order book a feed keeps: levels by price, valid only while nothing is missing."""

from collections.abc import Iterable
from decimal import Decimal

from include.market.events import BookChange, Top


class Book:
    """Price levels of one symbol. Invalid until a snapshot, and again after any hole."""

    def __init__(self) -> None:
        """An empty, invalid book."""
        self.levels: dict[str, dict[Decimal, Decimal]] = {"bid": {}, "ask": {}}
        self.valid = False
        self._best: dict[str, Decimal | None] = {"bid": None, "ask": None}

    def reset(self, changes: Iterable[BookChange]) -> None:
        """Forget all levels, take the snapshot, and be valid."""
        self.levels = {"bid": {}, "ask": {}}
        self._best = {"bid": None, "ask": None}
        self.valid = True
        for change in changes:
            self.apply(change)

    def invalidate(self) -> None:
        """Say that something is missing: no top until the next snapshot."""
        self.valid = False

    def apply(self, change: BookChange) -> None:
        """Set one level; a remaining quantity of zero removes it."""
        side, price, levels = change.side, change.price, self.levels[change.side]
        best = self._best[side]
        if change.remaining > 0:
            levels[price] = change.remaining
            if best is None or (price > best if side == "bid" else price < best):
                self._best[side] = price
        elif levels.pop(price, None) is not None and price == best:
            pick = max if side == "bid" else min
            self._best[side] = pick(levels, default=None)

    def top(self) -> Top | None:
        """Best bid and ask, or null while the book is invalid, crossed or empty on one side."""
        bid, ask = self._best["bid"], self._best["ask"]
        if not self.valid or bid is None or ask is None or bid >= ask:
            return None
        return Top(
            bid=bid, bid_quantity=self.levels["bid"][bid],
            ask=ask, ask_quantity=self.levels["ask"][ask],
        )  # fmt: skip
