"""The straight line through a benchmark's samples: whether something grows, and how surely."""

import math
import statistics
from collections.abc import Sequence

Point = tuple[float, float]  # time since the start, value


def fit_line(points: Sequence[Point]) -> tuple[float, float]:
    """The slope of the straight line through at least three points, and twice its standard error.

    The ordinary least-squares estimate and its usual standard error.
    """
    times, values = zip(*points, strict=True)
    slope, start = statistics.linear_regression(times, values)
    squares = sum((value - start - slope * at) ** 2 for at, value in points)
    middle = statistics.fmean(times)
    spread = sum((at - middle) ** 2 for at in times)
    return slope, 2 * math.sqrt(squares / (len(points) - 2) / spread)
