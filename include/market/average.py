"""The price across suppliers: who takes part at a second, who is left out and why. Pure.

A plain mean of the suppliers that are fresh and near their median (a robust centre: one wrong
feed cannot move it), then a moving mean over seconds: `Averages` as prices come, `moving_average`
of all prices at once, by another way to the same digits. Prices are Decimal, or float for plots.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Generic, NamedTuple, TypeVar

import msgspec

from include.market.numerals import SIGNAL_STEP, round_half_up
from include.market.prices import SupplierPrice
from include.market.time import SECOND_US

P = TypeVar("P", float, Decimal)
OUTLIER_SHARE = Decimal("0.02")
MIN_FOR_OUTLIERS = 3
SETTLE_S = 2  # prices of one second come by several topics
SUPPLIERS, AVERAGE_PRICE = "suppliers", "average_price"  # venue and type of the signal


@dataclass(frozen=True)
class Cross(Generic[P]):
    """One second across the suppliers; `price` is null when none is fresh."""

    at: int
    price: P | None
    used: tuple[str, ...]
    left_out: Mapping[str, str]


def of_symbol(
    prices: Mapping[tuple[str, str], Sequence[tuple[int, P]]], symbol: str
) -> dict[str, Sequence[tuple[int, P]]]:
    """The points by venue of this very symbol; another quote currency never takes part."""
    return {venue: points for (venue, other), points in prices.items() if other == symbol}


def average_suppliers(
    newest: Mapping[str, tuple[int, P]],
    *,
    at_second: int,
    stale_s: float,
    outlier_share: Decimal = OUTLIER_SHARE,
) -> Cross[P]:
    """The mean at a second of each supplier's newest (second, price), all of one currency.

    Left out are prices older than `stale_s` and, among three fresh ones or more, those farther
    than `outlier_share` from the median that most of them are near to.
    """
    left_out = {
        venue: f"stale: {at_second - second} s old"
        for venue, (second, _) in newest.items()
        if at_second - second > stale_s
    }
    fresh = {venue: price for venue, (_, price) in newest.items() if venue not in left_out}
    if not fresh:
        return Cross(at=at_second, price=None, used=(), left_out=left_out)
    centre, limit = _find_limits(sorted(fresh.values()), outlier_share)
    for venue, price in list(fresh.items()):
        if abs(price - centre) > limit:
            left_out[venue] = f"outlier: {price / centre - 1:+.1%} off the median"
            del fresh[venue]
    return Cross(
        at=at_second, price=_mean(list(fresh.values())), used=tuple(fresh), left_out=left_out
    )


class Average(NamedTuple):
    """The moving average of a symbol at a second."""

    symbol: str
    second: int
    price: Decimal


class SymbolPrices(msgspec.Struct):
    """One symbol: what its suppliers reported up to the last second that counts, and since then.

    `newest` is second and price by supplier; `later` the prices of seconds that do not count yet;
    `means` the price across suppliers of the last seconds that have one.
    """

    counted_until: int
    clock: int = 0
    newest: dict[str, tuple[int, Decimal]] = msgspec.field(default_factory=dict)
    later: dict[int, dict[str, Decimal]] = msgspec.field(default_factory=dict)
    means: list[tuple[int, Decimal]] = msgspec.field(default_factory=list)


class Averages:
    """Takes prices in, gives the moving average of each symbol every so many seconds.

    A second counts once a price came that is `SETTLE_S` later; a price that comes after that holds
    for the seconds that still count.
    """

    def __init__(
        self,
        *,
        average_s: int,
        stale_s: int,
        every_s: int,
        by_symbol: dict[str, SymbolPrices] | None = None,
        counted_until: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        """Go on from the prices of each symbol, or after the second `counted_until` of each."""
        self._average_s, self._stale_s, self._every_s = average_s, stale_s, every_s
        self.symbols = {} if by_symbol is None else by_symbol
        self._counted_before = counted_until

    def take(self, supplied: SupplierPrice) -> None:
        """Take a price in."""
        second, supplier = supplied.at_us // SECOND_US, supplied.supplier
        prices = self.symbols.get(supplied.symbol)
        if prices is None:
            begin = self._counted_before.get(supplied.symbol, second - 1)
            prices = self.symbols[supplied.symbol] = SymbolPrices(counted_until=begin)
        prices.clock = max(prices.clock, second)
        if second > prices.counted_until:
            prices.later.setdefault(second, {})[supplier] = supplied.price
        elif supplier not in prices.newest or prices.newest[supplier][0] <= second:
            prices.newest[supplier] = second, supplied.price

    def advance(self) -> list[Average]:
        """The averages of the seconds that count by now, oldest first."""
        averages = [
            average
            for symbol, prices in self.symbols.items()
            for average in self._advance(symbol, prices)
        ]
        return sorted(averages, key=lambda average: (average.second, average.symbol))

    def _advance(self, symbol: str, prices: SymbolPrices) -> Iterator[Average]:
        until = prices.clock - SETTLE_S
        while prices.counted_until < until:
            second = prices.counted_until = prices.counted_until + 1
            for supplier, price in prices.later.pop(second, {}).items():
                prices.newest[supplier] = second, price
            mean = _mean_at(second, prices.newest.values(), self._stale_s)
            if mean is None:  # nobody is fresh before the next price
                prices.counted_until = min([until, *(at - 1 for at in prices.later)])
                continue
            prices.means = [old for old in prices.means if old[0] > second - self._average_s]
            prices.means.append((second, mean))
            if second % self._every_s == 0:
                total = sum((price for _, price in prices.means), Decimal(0))
                yield Average(symbol, second, _round_price(total / len(prices.means)))


def moving_average(
    suppliers: Mapping[str, Sequence[tuple[int, Decimal]]],
    *,
    first_second: int,
    last_second: int,
    stale_s: float,
    average_s: int,
) -> list[tuple[int, Decimal]]:
    """The moving average for each second from `first_second` to `last_second`.

    It is the mean of the seconds that have a price among the last `average_s`; a second at which
    no supplier is fresh has no average. `suppliers` hold (second, price) in order, one currency.
    """
    window: deque[tuple[int, Decimal]] = deque()
    averages: list[tuple[int, Decimal]] = []
    begin = first_second - average_s + 1
    total = Decimal(0)
    for second, price in _seconds(
        suppliers, first_second=begin, last_second=last_second, stale_s=stale_s
    ):
        window.append((second, price))
        total += price
        while window[0][0] <= second - average_s:
            total -= window.popleft()[1]
        if second >= first_second:
            averages.append((second, _round_price(total / len(window))))
    return averages


def _seconds(
    suppliers: Mapping[str, Sequence[tuple[int, Decimal]]],
    *,
    first_second: int,
    last_second: int,
    stale_s: float,
) -> Iterator[tuple[int, Decimal]]:
    """What `across` gives for each second with a price, without the names."""
    indices = dict.fromkeys(suppliers, 0)
    newest: dict[str, tuple[int, Decimal]] = {}
    for second in range(first_second, last_second + 1):
        for venue, points in suppliers.items():
            index = indices[venue]
            while index < len(points) and points[index][0] <= second:
                newest[venue] = points[index]
                index += 1
            indices[venue] = index
        mean = _mean_at(second, newest.values(), stale_s)
        if mean is not None:
            yield second, mean


def _mean_at(second: int, newest: Iterable[tuple[int, Decimal]], stale_s: float) -> Decimal | None:
    """The mean of the prices that are fresh and no outliers; null if none is fresh."""
    fresh = sorted(price for at, price in newest if second - at <= stale_s)
    if not fresh:
        return None
    centre, limit = _find_limits(fresh, OUTLIER_SHARE)
    return _round_price(_mean([price for price in fresh if abs(price - centre) <= limit]))


def _round_price(price: Decimal) -> Decimal:
    """As a signal has it: sums of such prices are exact."""
    return round_half_up(price, SIGNAL_STEP)


def _find_limits(ascending: Sequence[P], share: Decimal) -> tuple[P, P]:
    """The median and how far from it a price may be.

    Any distance among fewer than three, and where no majority is near the median: then nobody
    shows which is wrong.
    """
    count = len(ascending)
    high = ascending[count // 2]
    centre = (ascending[(count - 1) // 2] + high) / 2
    limit = centre * type(high)(share)
    near = sum(1 for price in ascending if abs(price - centre) <= limit)
    if count < MIN_FOR_OUTLIERS or near * 2 <= count:
        return centre, ascending[-1]
    return centre, limit


def _mean(prices: Sequence[P]) -> P:
    total = prices[0]
    for price in prices[1:]:
        total += price
    return total / len(prices)
