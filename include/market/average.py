"""The price across suppliers: who takes part at a second, who is left out and why. Pure.

A plain mean of the suppliers that are fresh and near their median (a robust centre: one wrong
feed cannot move it), then a moving mean over seconds. Prices are Decimal, or float for plots.
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Generic, TypeVar

P = TypeVar("P", float, Decimal)
OUTLIER_SHARE = Decimal("0.02")
MIN_FOR_OUTLIERS = 3


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
    at: int,
    stale_s: float,
    outlier_share: Decimal = OUTLIER_SHARE,
) -> Cross[P]:
    """The mean at second `at` of each supplier's newest (second, price), all of one currency.

    Left out are prices older than `stale_s` and, among three fresh ones or more, those farther
    than `outlier_share` from the median that most of them are near to.
    """
    left_out = {
        venue: f"stale: {at - second} s old"
        for venue, (second, _) in newest.items()
        if at - second > stale_s
    }
    fresh = {venue: price for venue, (_, price) in newest.items() if venue not in left_out}
    if not fresh:
        return Cross(at=at, price=None, used=(), left_out=left_out)
    centre, limit = _bounds(sorted(fresh.values()), outlier_share)
    for venue, price in list(fresh.items()):
        if abs(price - centre) > limit:
            left_out[venue] = f"outlier: {price / centre - 1:+.1%} off the median"
            del fresh[venue]
    return Cross(at=at, price=_mean(list(fresh.values())), used=tuple(fresh), left_out=left_out)


def moving_average(
    suppliers: Mapping[str, Sequence[tuple[int, P]]],
    *,
    first: int,
    last: int,
    stale_s: float,
    average_s: int,
) -> list[tuple[int, P]]:
    """The moving average for each second from `first` to `last`.

    It is the mean of the seconds that have a price among the last `average_s`; a second at which
    no supplier is fresh has no average. `suppliers` hold (second, price) in order, one currency.
    """
    window: deque[tuple[int, P]] = deque()
    averages: list[tuple[int, P]] = []
    begin = first - average_s + 1
    total: P | None = None
    for second, price in _seconds(suppliers, first=begin, last=last, stale_s=stale_s):
        window.append((second, price))
        total = price if total is None else total + price
        while window[0][0] <= second - average_s:
            total -= window.popleft()[1]
        if second >= first:
            averages.append((second, total / len(window)))
    return averages


def _seconds(
    suppliers: Mapping[str, Sequence[tuple[int, P]]], *, first: int, last: int, stale_s: float
) -> Iterator[tuple[int, P]]:
    """What `across` gives for each second with a price, without the names."""
    places = dict.fromkeys(suppliers, 0)
    newest: dict[str, tuple[int, P]] = {}
    for second in range(first, last + 1):
        for venue, points in suppliers.items():
            place = places[venue]
            while place < len(points) and points[place][0] <= second:
                newest[venue] = points[place]
                place += 1
            places[venue] = place
        fresh = sorted(price for at, price in newest.values() if second - at <= stale_s)
        if fresh:
            centre, limit = _bounds(fresh, OUTLIER_SHARE)
            yield second, _mean([price for price in fresh if abs(price - centre) <= limit])


def _bounds(ascending: Sequence[P], share: Decimal) -> tuple[P, P]:
    """The median and how far from it a price may be.

    Any distance among fewer than three, and where no majority is near the median: then nobody
    can say who is wrong.
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
