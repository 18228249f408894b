"""The order book a feed keeps: levels by price, valid only while nothing is missing.

The next best price after the best is gone comes from a heap a side, in which prices that went
meanwhile stay until they are met: looking at every level would slow every frame.
"""

import heapq
from collections.abc import Iterable
from decimal import Decimal

from include.market.events import BookChange, Top

_SLACK = 256  # stale prices that a heap may hold beyond as many as there are levels


class Book:
    """Price levels of one symbol. Invalid until a snapshot, and again after any hole."""

    def __init__(self) -> None:
        self.levels: dict[str, dict[Decimal, Decimal]] = {"bid": {}, "ask": {}}
        self.valid = False
        self._best: dict[str, Decimal | None] = {"bid": None, "ask": None}
        self._heaps: dict[str, list[Decimal]] = {"bid": [], "ask": []}  # bids are negated

    def reset(self, snapshot: Iterable[BookChange]) -> None:
        """Forget all levels, take the snapshot, and be valid."""
        self.levels = {"bid": {}, "ask": {}}
        self._best = {"bid": None, "ask": None}
        self._heaps = {"bid": [], "ask": []}
        self.valid = True
        for change in snapshot:
            self.apply(change)

    def invalidate(self) -> None:
        """Mark that something is missing: no top until the next snapshot."""
        self.valid = False

    def apply(self, change: BookChange) -> None:
        """Set one level; a remaining quantity of zero removes it."""
        side, price, levels = change.side, change.price, self.levels[change.side]
        best = self._best[side]
        if change.remaining > 0:
            before = len(levels)
            levels[price] = change.remaining
            if len(levels) > before:
                self._remember(side, price)
            if best is None or (price > best if side == "bid" else price < best):
                self._best[side] = price
        elif levels.pop(price, None) is not None and price == best:
            self._best[side] = self._best_price(side)

    def _remember(self, side: str, price: Decimal) -> None:
        heap, levels = self._heaps[side], self.levels[side]
        if len(heap) < 2 * len(levels) + _SLACK:
            heapq.heappush(heap, _key(side, price))
            return
        heap[:] = [_key(side, level) for level in levels]
        heapq.heapify(heap)

    def _best_price(self, side: str) -> Decimal | None:
        heap, levels = self._heaps[side], self.levels[side]
        while heap:
            price = _key(side, heap[0])
            if price in levels:
                return price
            heapq.heappop(heap)
        return None

    def top(self) -> Top | None:
        """Best bid and ask, or null while the book is invalid, crossed or empty on one side."""
        bid, ask = self._best["bid"], self._best["ask"]
        if not self.valid or bid is None or ask is None or bid >= ask:
            return None
        return Top(
            bid=bid,
            bid_quantity=self.levels["bid"][bid],
            ask=ask,
            ask_quantity=self.levels["ask"][ask],
        )


def _key(side: str, price: Decimal) -> Decimal:
    """A price as its side's heap holds it, and back."""
    return price.copy_negate() if side == "bid" else price
