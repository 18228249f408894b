"""Buys above the line, sells below it, minute by minute."""

from collections.abc import Iterable, Mapping

from streaming.dashboard.flow import Flow
from streaming.dashboard.panels.prices import Columns

NAMES = ("buys", "sells", "buy_base", "sell_base", "buy_quote", "sell_quote")
_UNDER_WAY, _DONE = 0.45, 0.9


def bars(venues: Iterable[Mapping[int, Flow]], *, first: int, last: int) -> Columns:
    """Sums over the venues for each minute (since the epoch) from `first` to `last` with trades.

    Columns: x (ms, the minute's middle), the six sums, `down_…` (sells below zero), and `alpha`,
    fainter for the last minute, which is still under way.
    """
    totals: dict[int, list[float]] = {}
    for flows in venues:
        for minute, flow in flows.items():
            if first <= minute <= last:
                sums = totals.setdefault(minute, [0.0] * len(NAMES))
                for place, name in enumerate(NAMES):
                    sums[place] += float(getattr(flow, name))
    minutes = sorted(totals)
    columns: Columns = {
        "x": [minute * 60_000.0 + 30_000.0 for minute in minutes],
        "alpha": [_UNDER_WAY if minute == last else _DONE for minute in minutes],
    }
    for place, name in enumerate(NAMES):
        columns[name] = [totals[minute][place] for minute in minutes]
    for name in ("sells", "sell_base"):
        columns[f"down_{name}"] = [-value for value in columns[name]]
    return columns
