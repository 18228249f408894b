"""The price axis: it follows the prices, and a forecast's bounds only as far as they leave room."""

import math
from collections.abc import Mapping
from typing import Final

from streaming.dashboard.columns import Columns

Limits = tuple[float, float]

# Above and below the prices a forecast gets at most once their own span, and at least a thousandth
# of the price: a band of thousands of dollars beside a market that moved by ten would flatten it.
_ROOM: Final = 1.0
_SMALLEST: Final = 0.001
_SPARE: Final = 0.12
_FORECASTS: Final = ("forecast", "short_term")


def fit_limits(lines: Mapping[str, Columns]) -> Limits | None:
    """Where the price axis begins and ends; None where there is no price or order."""
    prices = [
        y
        for name, line in lines.items()
        if name.startswith(("price_", "orders_", "history"))
        for y in line["y"]
        if not math.isnan(y)
    ]
    if not prices:
        return None
    low, high = min(prices), max(prices)
    room = max((high - low) * _ROOM, high * _SMALLEST)
    forecasts = [
        y
        for name in _FORECASTS
        for side in ("lower", "upper", "yhat")
        for y in lines[name][side]
        if not math.isnan(y)
    ]
    low = max(low - room, min([low, *forecasts]))
    high = min(high + room, max([high, *forecasts]))
    spare = (high - low) * _SPARE or high * _SMALLEST
    return low - spare, high + spare


def exceeds(band: Columns, limits: Limits | None) -> bool:
    """Whether the bounds of a forecast leave these limits of the axis."""
    if limits is None:
        return False
    ends = [y for side in ("lower", "upper") for y in band[side] if not math.isnan(y)]
    return any(not limits[0] <= y <= limits[1] for y in ends)
