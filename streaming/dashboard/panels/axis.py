"""The price axis: it follows the prices, and a forecast's bounds only as far as they leave room."""

import math
from collections.abc import Mapping
from typing import Final

from streaming.dashboard.panels.prices import Columns

# Above and below the prices a forecast gets at most once their own span, and at least a thousandth
# of the price: a band of thousands of dollars beside a market that moved by ten would flatten it.
_ROOM: Final = 1.0
_LEAST: Final = 0.001
_SPARE: Final = 0.12
_FORECASTS: Final = ("forecast", "soon")


def limits(columns: Mapping[str, Columns]) -> tuple[float, float] | None:
    """Where the axis begins and ends; nothing where there is no price or order."""
    known = [
        y
        for name, one in columns.items()
        if name.startswith(("price_", "orders_"))
        for y in one["y"]
        if not math.isnan(y)
    ]
    if not known:
        return None
    low, high = min(known), max(known)
    room = max((high - low) * _ROOM, high * _LEAST)
    told = [
        y for name in _FORECASTS for side in ("lower", "upper", "yhat") for y in columns[name][side]
    ]
    low = max(low - room, min([low, *told]))
    high = min(high + room, max([high, *told]))
    spare = (high - low) * _SPARE or high * _LEAST
    return low - spare, high + spare


def beyond(columns: Columns, shown: tuple[float, float] | None) -> bool:
    """Whether the bounds of a forecast leave these limits of the axis."""
    if shown is None or not columns["x"]:
        return False
    return min(columns["lower"]) < shown[0] or max(columns["upper"]) > shown[1]
