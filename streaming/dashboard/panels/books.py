"""A book's best prices beside what the stream measured of it."""

from collections.abc import Sequence
from dataclasses import dataclass

from streaming.dashboard.panels.prices import GAP, Columns, Points

NAMES = ("bid", "ask", "mid", "imbalance")


@dataclass(frozen=True)
class Best:
    """The best prices of a book."""

    bid: float
    ask: float


def lines(
    tops: Sequence[tuple[int, Best | None]], mids: Points, imbalances: Points, *, step_s: int
) -> Columns:
    """Columns x (ms), bid, ask, mid, imbalance: the last value of each step.

    Broken where the book was invalid (a top of nothing) and where a value was not told.
    """
    found: dict[int, dict[str, float]] = {}
    for name, points in (("mid", mids), ("imbalance", imbalances)):
        for second, value in points:
            found.setdefault(second // step_s, {}).update({"x": second * 1000.0, name: value})
    for second, top in tops:
        step = found.setdefault(second // step_s, {})
        step["x"] = max(step.get("x", 0.0), second * 1000.0)
        step |= {"bid": top.bid, "ask": top.ask} if top else {}
        step["invalid"] = float(top is None)
    steps = [found[place] for place in sorted(found)]
    columns: Columns = {"x": [step["x"] for step in steps]}
    for name in NAMES:
        columns[name] = [GAP if step.get("invalid") else step.get(name, GAP) for step in steps]
    return columns
