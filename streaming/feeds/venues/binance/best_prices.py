"""Which of a connection's best prices are news: their update numbers rise, with holes. Pure."""

from collections import Counter

from include.market.events import LedgerEntry
from include.market.venues import BEGINS_AGAIN
from streaming.feeds.trade_sequence import NEAR, Entries

_MAX_BEHIND = 20  # best prices in a row that another connection may be ahead of


class BestPriceNumbers:
    """The update numbers of one connection; `last_ids` are shared with those beside it."""

    def __init__(self, last_ids: dict[str, int]) -> None:
        self._last_ids = last_ids
        self._updates: dict[str, int] = {}  # the last update of the best prices, here
        self._behind: Counter[str] = Counter()

    def take(self, symbol: str, number: int) -> Entries | None:
        """The ledger entries before these best prices; null if they are no news.

        Of two live connections one is a little behind. What falls on one connection, or by much,
        has begun again.
        """
        key = f"{symbol}|top"
        newest, here = self._last_ids.get(key, -1), self._updates.get(symbol, -1)
        self._updates[symbol] = number
        if number <= newest:
            if number == here:
                return None
            is_near = number > here and newest - number <= NEAR
            if is_near and self._behind[symbol] < _MAX_BEHIND:
                self._behind[symbol] += 1
                return None
        self._last_ids[key] = number
        self._behind[symbol] = 0
        if number > newest:
            return ()
        detail = f"best prices {number} after {newest}"
        return (LedgerEntry("renumbered", BEGINS_AGAIN, detail=detail),)
