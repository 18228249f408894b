"""Price lines, and the moving average across the suppliers of one currency."""

import math
from collections.abc import Sequence

from include.market.average import moving_average

Points = Sequence[tuple[int, float]]
Columns = dict[str, list[float]]
GAP = math.nan
average = moving_average


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


def of_currency(symbol: str, pairs: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """The (venue, symbol) pairs that quote this very symbol; another currency never counts."""
    return [(venue, other) for venue, other in pairs if other == symbol]
