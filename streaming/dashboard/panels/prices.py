"""A price as a line: one point a step, broken where nothing came."""

import math
from collections.abc import Sequence

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


def latest(values: Sequence[float]) -> float | None:
    """The last value that is a number; nothing if there is none."""
    return next((value for value in reversed(values) if not math.isnan(value)), None)
