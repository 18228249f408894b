"""Prophet's features of rows, and their sums, a block at a time in one buffer that fits the cache.

Prophet makes its features as a table of all rows, and copies it twice. Here a block of rows is laid
out feature by feature: a season's higher waves follow from its first by angle addition, and one
symmetric product gives Z'Z, Z'r and r'r of the block together.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from include.forecast.map_fit import THREADS, Floats, Sums

BLOCK_ROWS = 4096
DAY_NS = 86_400_000_000_000
Times = NDArray[np.int64]


@dataclass(frozen=True)
class Scales:
    """How a preprocessed Prophet reads a row: its scales, trend changes and seasons.

    Times are ns since 1970, `changes` are in units of `span_ns` after `start_ns`; a season is its
    period in ns and how many waves it has.
    """

    start_ns: int
    span_ns: int
    y_scale: float
    changes: Floats
    seasons: tuple[tuple[int, int], ...]

    @property
    def features(self) -> int:
        """The width of Z. Without a season Prophet has a column of zeros."""
        waves = sum(2 * order for _, order in self.seasons)
        return 2 + len(self.changes) + (waves or 1)


def scales_of(model: Any) -> Scales:
    """Those of a Prophet of `model.unfitted` that has seen the rows which shape it."""
    return Scales(
        start_ns=pd.Timestamp(model.start).as_unit("ns").value,
        span_ns=pd.Timedelta(model.t_scale).as_unit("ns").value,
        y_scale=float(model.y_scale),
        changes=np.asarray(model.changepoints_t, dtype=np.float64),
        seasons=tuple(
            (round(one["period"] * DAY_NS), int(one["fourier_order"]))
            for one in model.seasonalities.values()
        ),
    )


def sums_over(scales: Scales, frame: pd.DataFrame, reference: Floats) -> Sums:
    """The sums over rows (`ds` naive UTC, `close`) around a reference theta."""
    times = frame["ds"].to_numpy(dtype="datetime64[ns]").view(np.int64)
    closes = frame["close"].to_numpy(dtype=np.float64)
    width = scales.features
    product = np.zeros((width + 1, width + 1))
    buffer = np.empty((width + 1) * BLOCK_ROWS)
    with THREADS.limit(limits=1, user_api="blas"):
        for begin in range(0, len(times), BLOCK_ROWS):
            at = times[begin : begin + BLOCK_ROWS]
            block = buffer[: (width + 1) * len(at)].reshape(width + 1, len(at))
            fill(block[:-1], scales, at)
            np.log(closes[begin : begin + BLOCK_ROWS], out=block[-1])
            block[-1] /= scales.y_scale
            block[-1] -= reference @ block[:-1]
            product += block @ block.T
    gram, moment = product[:-1, :-1], product[:-1, -1]
    return Sums(len(times), gram, moment, float(product[-1, -1]), reference)


def fill(block: Floats, scales: Scales, times: Times) -> None:
    """Z' of rows at these times: a row of `block` for t, 1, each (t - s)+ and each wave."""
    np.divide(times - scales.start_ns, scales.span_ns, out=block[0])
    block[1] = 1.0
    place = 2
    for change in scales.changes:
        np.subtract(block[0], change, out=block[place])
        np.maximum(block[place], 0.0, out=block[place])
        place += 1
    if not scales.seasons:
        block[place] = 0.0
    for period_ns, order in scales.seasons:
        _waves(block[place : place + 2 * order], times, period_ns=period_ns)
        place += 2 * order


def _waves(block: Floats, times: Times, *, period_ns: int) -> None:
    """The sine and cosine of 1, 2, ... times the angle that each time is at in the period."""
    angle = (times % period_ns) * (2 * np.pi / period_ns)
    sine, cosine = np.sin(angle), np.cos(angle)
    block[0], block[1] = sine, cosine
    for place in range(2, len(block), 2):
        before, beside = block[place - 2], block[place - 1]
        block[place] = before * cosine + beside * sine
        block[place + 1] = beside * cosine - before * sine
