"""Prophet's design matrix and its sums, a block of rows at a time in a buffer that fits the cache.

Prophet makes its features as a table of all rows, and copies it twice. Here a block of rows is laid
out feature by feature: a season's higher waves follow from its first by angle addition, and one
symmetric product gives Z'Z, Z'r and r'r of the block together.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from include.forecast.damping import Floats
from include.forecast.map_fit import THREADS, Sums
from include.market.time import DAY_NS

BLOCK_ROWS = 4096
Times = NDArray[np.int64]


@dataclass(frozen=True)
class Scales:
    """How a preprocessed Prophet reads a row: its scales, changepoints and seasons.

    Times are ns since 1970, `changepoints` in units of `span_ns` after `start_ns`; a season is its
    period in ns and how many waves it has.
    """

    start_ns: int
    span_ns: int
    y_scale: float
    changepoints: Floats
    seasons: tuple[tuple[int, int], ...]

    @property
    def features(self) -> int:
        """The width of Z. Without a season Prophet has a column of zeros."""
        waves = sum(2 * order for _, order in self.seasons)
        return 2 + len(self.changepoints) + (waves or 1)


def scales_of(model: Any) -> Scales:
    """The scales of an unfitted Prophet that has preprocessed the rows which determine them."""
    return Scales(
        start_ns=pd.Timestamp(model.start).as_unit("ns").value,
        span_ns=pd.Timedelta(model.t_scale).as_unit("ns").value,
        y_scale=float(model.y_scale),
        changepoints=np.asarray(model.changepoints_t, dtype=np.float64),
        seasons=tuple(
            (round(season["period"] * DAY_NS), int(season["fourier_order"]))
            for season in model.seasonalities.values()
        ),
    )


def sums_over(scales: Scales, prices_df: pd.DataFrame, reference: Floats) -> Sums:
    """The sums over rows (`ds` naive UTC, `close`) around a reference theta."""
    times = prices_df["ds"].to_numpy(dtype="datetime64[ns]").view(np.int64)
    closes = prices_df["close"].to_numpy(dtype=np.float64)
    width = scales.features
    product = np.zeros((width + 1, width + 1))
    buffer = np.empty((width + 1) * BLOCK_ROWS)
    with THREADS.limit(limits=1, user_api="blas"):
        for begin in range(0, len(times), BLOCK_ROWS):
            block_times = times[begin : begin + BLOCK_ROWS]
            block = buffer[: (width + 1) * len(block_times)].reshape(width + 1, len(block_times))
            fill(block[:-1], scales, block_times)
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
    row = 2
    for changepoint in scales.changepoints:
        np.subtract(block[0], changepoint, out=block[row])
        np.maximum(block[row], 0.0, out=block[row])
        row += 1
    if not scales.seasons:
        block[row] = 0.0
    for period_ns, order in scales.seasons:
        fill_waves(block[row : row + 2 * order], times, period_ns=period_ns)
        row += 2 * order


def fill_waves(block: Floats, times: Times, *, period_ns: int) -> None:
    """The sine and cosine of 1, 2, ... times the angle of each time within the period."""
    angle = (times % period_ns) * (2 * np.pi / period_ns)
    sine, cosine = np.sin(angle), np.cos(angle)
    block[0], block[1] = sine, cosine
    for row in range(2, len(block), 2):
        previous_sine, previous_cosine = block[row - 2], block[row - 1]
        block[row] = previous_sine * cosine + previous_cosine * sine
        block[row + 1] = previous_cosine * cosine - previous_sine * sine
