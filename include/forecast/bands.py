"""The 80 % band of a forecast: how far prices moved lately, at each distance, per volatility.

At an origin the half width at h minutes is q(h) times the realised volatility of the last 24 hours
(root mean square of 5-minute log changes). q(h) is the split-conformal 80 % quantile of
|log price h minutes later - log price at the origin| / volatility over the hourly origins of the
last 30 days whose h minutes have passed (Vovk, Gammerman and Shafer 2005). Nothing after the last
row is used.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from include.forecast.damping import Z_80, Floats
from include.forecast.manifest import Band
from include.forecast.scores import COVERED
from include.market.time import DAY_MINUTES
from include.market.volatility import FEWEST_MINUTES, STEP_MINUTES

FEWEST_ORIGINS = 20


@dataclass(frozen=True)
class Grid:
    """How a series is looked at, in units of its own: minutes, or seconds of a short series."""

    unit: pd.Timedelta
    step: int
    window: int
    fewest: int
    origin_step: int
    reach: int
    horizons: tuple[int, ...]


def _spread_horizons(farthest: int, count: int) -> tuple[int, ...]:
    return tuple(int(h) for h in np.unique(np.geomspace(1, farthest, count).round()))


HOUR_SECONDS = 3600
MINUTES = Grid(
    unit=pd.Timedelta(minutes=1),
    step=STEP_MINUTES,
    window=DAY_MINUTES,
    fewest=FEWEST_MINUTES,
    origin_step=60,
    reach=30 * DAY_MINUTES,
    horizons=_spread_horizons(DAY_MINUTES, 26),
)
SECONDS = Grid(
    unit=pd.Timedelta(seconds=1),
    step=5,
    window=HOUR_SECONDS,
    fewest=60,
    origin_step=20,
    reach=24 * HOUR_SECONDS,
    horizons=_spread_horizons(600, 22),
)


def half_widths(band: Band, ahead: Floats, *, volatility: float) -> Floats:
    """Half widths (log price) so far ahead; beyond the last distance as a random walk's."""
    distances = np.maximum(np.asarray(ahead, dtype=np.float64), 1.0)
    inside = np.minimum(distances, band.ahead[-1])
    logs = np.interp(np.log(inside), np.log(band.ahead), np.log(band.quantiles))
    growth = np.sqrt(distances / inside)
    return np.asarray(np.exp(logs) * growth * volatility, dtype=np.float64)


class LogPrices:
    """The last price at each unit of the newest part of a series, and how old it was then.

    `prices_df` has `ds` (naive UTC, ascending) and `close`; units are counted back from its last.
    """

    def __init__(self, prices_df: pd.DataFrame, *, grid: Grid = MINUTES, reach: int) -> None:
        self._grid = grid
        ticks = prices_df["ds"].to_numpy(dtype="datetime64[ns]").view(np.int64) // grid.unit.value
        prices = prices_df["close"].to_numpy(dtype=np.float64)
        begin = max(int(np.searchsorted(ticks, ticks[-1] - reach, side="right")) - 1, 0)
        ticks, prices = ticks[begin:], prices[begin:]
        units = np.arange(max(int(ticks[0]), int(ticks[-1]) - reach), int(ticks[-1]) + 1)
        rows = np.searchsorted(ticks, units, side="right") - 1
        self.logs: Floats = np.log(prices)[rows]
        self.ages: NDArray[np.int64] = units - ticks[rows]

    @cached_property
    def _step_sums(self) -> tuple[Floats, NDArray[np.int64]]:
        """Running sums of squared changes between units that are whole steps back, and their count.

        A step counts if both its ends have a price of lately: none does within a gap or across it.
        """
        step = self._grid.step
        logs, ages = self.logs[::-1][::step][::-1], self.ages[::-1][::step][::-1]
        counts = np.maximum(ages[1:], ages[:-1]) <= self._grid.fewest
        squares = np.where(counts, np.diff(logs) ** 2, 0.0)
        return (
            np.concatenate([[0.0], np.cumsum(squares)]),
            np.concatenate([[0], np.cumsum(counts, dtype=np.int64)]),
        )

    def volatility_at(self, back: NDArray[np.int64]) -> Floats:
        """Realised volatility of the window up to so many units back (multiples of the step).

        Root mean square of the changes a step; not a number where too little lies before.
        """
        grid, (square_sums, counts) = self._grid, self._step_sums
        last = len(square_sums) - 1 - back // grid.step
        begin = np.maximum(last - grid.window // grid.step, 0)
        count = counts[np.maximum(last, 0)] - counts[begin]
        sums = square_sums[np.maximum(last, 0)] - square_sums[begin]
        enough = count >= grid.fewest // grid.step
        means = np.divide(sums, count, out=np.full(len(last), np.nan), where=enough)
        return np.asarray(np.sqrt(np.maximum(means, 0.0)), dtype=np.float64)


def realised_volatility(prices_df: pd.DataFrame, *, grid: Grid = MINUTES) -> float:
    """Root mean square of the log changes a step in the last window; 0 if it cannot be known.

    Units without a price count with the last one before them.
    """
    path = LogPrices(prices_df, grid=grid, reach=grid.window)
    volatility = float(path.volatility_at(np.array([0]))[0])
    return volatility if np.isfinite(volatility) else 0.0


def calibrate(prices_df: pd.DataFrame, *, grid: Grid = MINUTES) -> Band:
    """The band by the newest part of a series (`ds`, `close`), as of its last row.

    Where too few origins have passed it is that of a random walk, or continued as one.
    """
    path = LogPrices(prices_df, grid=grid, reach=grid.reach + grid.window)
    knots = []
    for horizon in grid.horizons:
        errors = relative_errors(path, horizon, grid=grid)
        if len(errors) >= FEWEST_ORIGINS and (quantile := _find_quantile(errors)) > 0:
            knots.append((horizon, quantile))
    if not knots:
        return Band((1,), (Z_80 / float(np.sqrt(grid.step)),))
    return Band(tuple(horizon for horizon, _ in knots), tuple(quantile for _, quantile in knots))


def relative_errors(path: LogPrices, horizon: int, *, grid: Grid = MINUTES) -> Floats:
    """|log change| over a horizon / volatility, of the origins that have the horizon behind them.

    Origins without a price lately, or before the horizon's end, are left out.
    """
    size = len(path.logs)
    back = np.arange(grid.origin_step, min(grid.reach, size - 1) + 1, grid.origin_step)
    back = back[back >= horizon]
    volatility, origins = path.volatility_at(back), size - 1 - back
    ends = origins + horizon
    fresh = (path.ages[origins] <= grid.fewest) & (path.ages[ends] <= grid.fewest)
    usable = fresh & (volatility > 0)
    moves = np.abs(path.logs[ends[usable]] - path.logs[origins[usable]])
    return np.asarray(moves / volatility[usable], dtype=np.float64)


def _find_quantile(errors: Floats) -> float:
    """The split-conformal quantile: the ceil((n + 1) 0.8)-th smallest of n."""
    rank = min(int(np.ceil((len(errors) + 1) * COVERED)), len(errors))
    return float(np.partition(errors, rank - 1)[rank - 1])
