"""One-second bars of an order book: spread, depth near the mid price, microprice. Pure."""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import NamedTuple

from include.market.events import BookSide, Top
from include.market.levels import Level
from include.market.measures import imbalance_of, mid_price

DEPTH_BPS = 10
BPS = 10_000


class BookSecond(NamedTuple):
    """A book at the end of a second. Prices in quote per base, quantities and depths in base units.

    `bid_depth` and `ask_depth` are the quantities within 10 bps of the mid price; `imbalance` is
    that of the best quantities, from -1 to 1 (null without any); `microprice` is the mean of the
    best prices, each weighted by the other side's quantity.
    """

    bid: Decimal
    bid_quantity: Decimal
    ask: Decimal
    ask_quantity: Decimal
    spread: Decimal
    bid_depth: Decimal
    ask_depth: Decimal
    imbalance: float | None
    microprice: float


class SortedBook:
    """Levels that change one at a time, with the prices of each side in order.

    Of two changes of a level the one of higher order stands, in whichever order they come.
    """

    def __init__(self, bids: Iterable[Level], asks: Iterable[Level]) -> None:
        """Begin with these levels, which any change replaces."""
        self._quantities: dict[BookSide, dict[Decimal, Decimal]] = {"bid": {}, "ask": {}}
        self._prices: dict[BookSide, list[Decimal]] = {"bid": [], "ask": []}
        self._orders: dict[tuple[BookSide, Decimal], int] = {}
        for price, quantity in bids:
            self.apply("bid", price, quantity, order=-1)
        for price, quantity in asks:
            self.apply("ask", price, quantity, order=-1)

    def apply(self, side: BookSide, price: Decimal, quantity: Decimal, *, order: int) -> None:
        """Set a level's quantity; 0 removes it."""
        if order < self._orders.get((side, price), -1):
            return
        self._orders[side, price] = order
        quantities, prices = self._quantities[side], self._prices[side]
        if quantity > 0:
            if price not in quantities:
                insort(prices, price)
            quantities[price] = quantity
        elif quantities.pop(price, None) is not None:
            del prices[bisect_left(prices, price)]

    def top(self) -> Top | None:
        """Best bid and ask; null if a side is empty or the book is crossed."""
        bids, asks = self._prices["bid"], self._prices["ask"]
        if not bids or not asks or bids[-1] >= asks[0]:
            return None
        bid, ask = bids[-1], asks[0]
        return Top(bid, self._quantities["bid"][bid], ask, self._quantities["ask"][ask])

    def measure(self) -> BookSecond | None:
        """The bar of the book as it is now; null without a top."""
        top = self.top()
        if top is None:
            return None
        mid, imbalance = mid_price(top), imbalance_of(top)
        width = mid * DEPTH_BPS / BPS
        weighted = top.bid * top.ask_quantity + top.ask * top.bid_quantity
        return BookSecond(
            bid=top.bid,
            bid_quantity=top.bid_quantity,
            ask=top.ask,
            ask_quantity=top.ask_quantity,
            spread=top.ask - top.bid,
            bid_depth=sum(self._quantities_from_best("bid", mid - width), Decimal(0)),
            ask_depth=sum(self._quantities_from_best("ask", mid + width), Decimal(0)),
            imbalance=None if imbalance is None else float(imbalance),
            microprice=float(weighted / (top.bid_quantity + top.ask_quantity)),
        )

    def _quantities_from_best(self, side: BookSide, limit: Decimal) -> Iterator[Decimal]:
        prices, quantities = self._prices[side], self._quantities[side]
        for price in reversed(prices) if side == "bid" else prices:
            if price < limit if side == "bid" else price > limit:
                return
            yield quantities[price]
