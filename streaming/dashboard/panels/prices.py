"""Price lines, and the moving average across the suppliers of one currency."""

import math
from collections import deque
from collections.abc import Iterator, Mapping, Sequence

Points = Sequence[tuple[int, float]]
Columns = dict[str, list[float]]
GAP = math.nan


def line(points: Points, *, step_s: int, gap_s: float) -> Columns:
    """Columns x (ms) and y: the last value of each step, broken where none came for `gap_s`."""
    last = {second // step_s: (second, value) for second, value in points}
    columns: Columns = {"x": [], "y": []}
    before: int | None = None
    for second, value in last.values():
        if before is not None and second - before > gap_s:
            columns["x"].append((before + 1) * 1000.0)
            columns["y"].append(GAP)
        columns["x"].append(second * 1000.0)
        columns["y"].append(value)
        before = second
    return columns


def average(
    suppliers: Mapping[str, Points], *, first: int, last: int, stale_s: float, average_s: int
) -> list[tuple[int, float]]:
    """The moving average of the suppliers' prices for each second from `first` to `last`.

    A second's price is the plain mean over the suppliers whose newest price is at most `stale_s`
    old; the average is the mean of the seconds with a price among the last `average_s`. A second
    without any fresh supplier has no average. All suppliers must quote in the same currency.
    """
    window: deque[tuple[int, float]] = deque()
    total, found = 0.0, []
    begin = first - average_s + 1
    for second, price in _across(suppliers, first=begin, last=last, stale_s=stale_s):
        window.append((second, price))
        total += price
        while window[0][0] <= second - average_s:
            total -= window.popleft()[1]
        if second >= first:
            found.append((second, total / len(window)))
    return found


def of_currency(symbol: str, pairs: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """The (venue, symbol) pairs that quote this very symbol; another currency never counts."""
    return [(venue, other) for venue, other in pairs if other == symbol]


def _across(
    suppliers: Mapping[str, Points], *, first: int, last: int, stale_s: float
) -> Iterator[tuple[int, float]]:
    places = dict.fromkeys(suppliers, 0)
    newest: dict[str, tuple[int, float]] = {}
    for second in range(first, last + 1):
        for venue, points in suppliers.items():
            place = places[venue]
            while place < len(points) and points[place][0] <= second:
                newest[venue] = points[place]
                place += 1
            places[venue] = place
        fresh = [price for at, price in newest.values() if second - at <= stale_s]
        if fresh:
            yield second, sum(fresh) / len(fresh)
