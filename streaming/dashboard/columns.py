"""Columns that a chart draws: lines, forecasts, and the smallest change to send to a viewer."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from streaming.dashboard.state import ForecastPoint

Points = Sequence[tuple[int, float]]
Columns = dict[str, list[float]]
GAP = math.nan


def build_line(points: Points, *, step_s: int, gap_s: float) -> Columns:
    """Columns x (ms) and y: the last value of each step, broken where none came for `gap_s`."""
    last_of_step = {second // step_s: (second, value) for second, value in points}
    columns: Columns = {"x": [], "y": []}
    before: int | None = None
    for second, value in last_of_step.values():
        if before is not None and second - before > gap_s:
            columns["x"].append((before + 1) * 1000.0)
            columns["y"].append(GAP)
        columns["x"].append(second * 1000.0)
        columns["y"].append(value)
        before = second
    return columns


def build_forecast(points: Iterable[ForecastPoint]) -> Columns:
    """Columns x (ms), yhat, lower, upper; broken where points as published end at the anchor."""
    columns: Columns = {"x": [], "yhat": [], "lower": [], "upper": []}
    before: ForecastPoint | None = None
    for point in points:
        if before is not None and point.is_anchored != before.is_anchored:
            # the band, which has no gaps, is of no height there
            _append_row(columns, (before.second + 1) * 1000.0, GAP, before.yhat, before.yhat)
            _append_row(columns, (point.second - 1) * 1000.0, GAP, point.yhat, point.yhat)
        _append_row(columns, point.second * 1000.0, point.yhat, point.lower, point.upper)
        before = point
    return columns


def _append_row(band: Columns, *numbers: float) -> None:
    for column, number in zip(band.values(), numbers, strict=True):
        column.append(number)


def last_number(column: Sequence[float]) -> float | None:
    """The last value that is a number; None if there is none."""
    return next((number for number in reversed(column) if not math.isnan(number)), None)


@dataclass(frozen=True)
class ColumnsChange:
    """`patches` in place, then `rows` appended with `rollover`; or `replace` everything."""

    replace: bool = False
    patches: dict[str, list[tuple[int, float]]] = field(default_factory=dict)
    rows: Columns | None = None
    rollover: int = 0


def find_change(old: Mapping[str, Sequence[float]], new: Columns) -> ColumnsChange | None:
    """What to send to turn `old` into `new`; None if they are equal.

    Rows are identified by `x`. Rows may leave at the front, change in place and come at the end;
    anything else, or many changed rows, is a replacement.
    """
    new_xs, old_xs = new["x"], list(old["x"])
    if set(old) != set(new) or not old_xs or not new_xs or new_xs[0] not in old_xs:
        equal = set(old) == set(new) and not old_xs and not new_xs
        return None if equal else ColumnsChange(replace=True)
    dropped = old_xs.index(new_xs[0])
    common = len(old_xs) - dropped
    if old_xs[dropped:] != new_xs[:common]:
        return ColumnsChange(replace=True)
    patches = {
        name: new_values
        for name in new
        if name != "x" and (new_values := _changed_values(list(old[name]), new[name], dropped))
    }
    if sum(map(len, patches.values())) > max(16, common // 4):
        return ColumnsChange(replace=True)
    grows = len(new_xs) > common
    rows = {name: values[common:] for name, values in new.items()} if grows else None
    if not rows and dropped:
        return ColumnsChange(replace=True)
    if not patches and not rows:
        return None
    return ColumnsChange(patches=patches, rows=rows, rollover=len(new_xs))


def _changed_values(old: list[float], new: list[float], dropped: int) -> list[tuple[int, float]]:
    """The (index in `old`, new value) pairs of the rows that differ."""
    if old[dropped:] == new[: len(old) - dropped]:
        return []
    pairs = zip(old[dropped:], new, strict=False)
    return [(dropped + i, b) for i, (a, b) in enumerate(pairs) if a is not b and a != b]
