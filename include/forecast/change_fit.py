"""Prophet's seasons fitted to price changes, with the size of each season found from the data.

Prophet takes the minutes of a price as independent observations around a level. They are not: a
price moves on from where it was. So the features are differenced like the log price, from one
minute with a price to the next, which is the same model with its noise added up (a random walk
around Prophet's components). A row is divided by its expected size, s sqrt(dt): s is the
exponentially weighted volatility known before the row, dt its minutes.

Each group of coefficients (drift, each season, events) has a normal prior whose variance maximises
the evidence, by expectation and maximisation (MacKay 1992; Tipping 2001). Where the data show no
season, its variance goes to nothing, and with it the forecast's move. Less than half a day of
measured changes shows none: a few rows would be explained exactly, by waves of any size.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from include.forecast.damping import Floats
from include.forecast.design_matrix import BLOCK_ROWS, Times, fill_waves
from include.forecast.holidays import DayEvents
from include.forecast.map_fit import THREADS, Sums
from include.market.time import DAY_MINUTES, DAY_NS, MINUTE_NS

HALF_LIFE_MINUTES = float(DAY_MINUTES)
LARGEST_GAP_MINUTES = float(DAY_MINUTES)
CUT = 6.0
WARM_UP_ROWS = 60
SMALLEST_VOLATILITY = 1e-12
EM_STEPS, EM_TOLERANCE = 500, 1e-6
FEWEST_ROWS = DAY_MINUTES // 2
SMALLEST_NOISE = 1e-6  # of changes whose expected variance is one
FIRST_VARIANCE = 1e-6


@dataclass(frozen=True)
class Season:
    """A season of Prophet: its name, period and number of waves."""

    name: str
    period_days: float
    order: int


@dataclass(frozen=True)
class Features:
    """What the price is explained by, in the order of Prophet's columns, after a drift."""

    seasons: tuple[Season, ...]
    events: tuple[DayEvents, ...] = ()

    @property
    def groups(self) -> list[slice]:
        """The coefficients that share a prior variance: drift, each season, all events."""
        slices, begin = [slice(0, 1)], 1
        for width in (*(2 * season.order for season in self.seasons), len(self.events)):
            if width:
                slices.append(slice(begin, begin + width))
            begin += width
        return slices

    @property
    def width(self) -> int:
        """How many columns there are, with the drift's."""
        return 1 + sum(2 * season.order for season in self.seasons) + len(self.events)

    def fill(self, block: Floats, times: Times) -> None:
        """The levels of the columns at these times (ns since 1970): a row of `block` each.

        The drift's is in days.
        """
        np.divide(times, DAY_NS, out=block[0])
        row = 1
        for season in self.seasons:
            period_ns = round(season.period_days * DAY_NS)
            fill_waves(block[row : row + 2 * season.order], times, period_ns=period_ns)
            row += 2 * season.order
        days = times // DAY_NS
        for event in self.events:
            block[row] = np.isin(days, event.days)
            row += 1


def sum_changes(features: Features, prices_df: pd.DataFrame) -> Sums:
    """Z'Z, Z'y and y'y over the scaled changes of `ds` (naive UTC, ascending) and `close`.

    One pass, a block of rows at a time. Changes across a gap of more than a day are left out, those
    beyond six times their expected size are cut there.
    """
    times = prices_df["ds"].to_numpy(dtype="datetime64[ns]").view(np.int64)
    closes = prices_df["close"].to_numpy(dtype=np.float64)
    width = features.width
    product, row_count = np.zeros((width + 1, width + 1)), 0
    volatility = _Volatility()
    with THREADS.limit(limits=1, user_api="blas"):
        for begin in range(0, len(times) - 1, BLOCK_ROWS):
            ends = slice(begin, begin + BLOCK_ROWS + 1)
            block, block_rows = _scaled_block(features, times[ends], closes[ends], volatility)
            product += block @ block.T
            row_count += block_rows
    gram, moment = product[:-1, :-1], product[:-1, -1]
    return Sums(row_count, gram, moment, float(product[-1, -1]), np.zeros(width))


def fit_evidence(sums: Sums, groups: Sequence[slice]) -> Floats:
    """The posterior mean of the coefficients under the prior variances of the highest evidence.

    All are zero where too few changes were measured, or none of them moved the price.
    """
    width, row_count = len(sums.moment), sums.rows
    theta = np.zeros(width)
    if row_count < FEWEST_ROWS or not sums.square > 0:
        return theta
    variances = np.full(len(groups), FIRST_VARIANCE)
    noise = max(sums.square / row_count, SMALLEST_NOISE)
    with THREADS.limit(limits=1, user_api="blas"):
        for _ in range(EM_STEPS):
            precision = np.empty(width)
            for group, variance in zip(groups, variances, strict=True):
                precision[group] = 1 / variance
            covariance = np.linalg.inv(sums.gram / noise + np.diag(precision))
            theta = covariance @ sums.moment / noise
            spread = np.diag(covariance)
            previous = variances
            variances = np.array([np.mean(theta[group] ** 2 + spread[group]) for group in groups])
            noise = (sums.rss(theta) + float(np.sum(sums.gram * covariance))) / row_count
            noise = max(noise, SMALLEST_NOISE)
            if np.all(np.abs(variances - previous) <= EM_TOLERANCE * previous):
                break
    return theta


class _Volatility:
    """The exponentially weighted variance a minute of log changes, carried from block to block."""

    def __init__(self) -> None:
        self._moment = self._weight = 0.0
        self._rows = 0

    def variances_before(self, squares: Floats, durations: Floats) -> Floats:
        """The variance a minute known before each change; not a number while warming up.

        `squares` are the squared changes over the minutes that each took (`durations`).
        """
        variances = np.empty(len(squares))
        begin = 0
        while begin < len(squares):
            elapsed = np.cumsum(durations[begin:]) / HALF_LIFE_MINUTES
            count = max(int(np.searchsorted(elapsed, 256.0)), 1)
            part = slice(begin, begin + count)
            variances[part] = self._advance(squares[part], elapsed[:count])
            begin += count
        warming_rows = max(WARM_UP_ROWS - self._rows, 0)
        variances[:warming_rows] = np.nan
        self._rows += len(squares)
        return variances

    def _advance(self, squares: Floats, elapsed: Floats) -> Floats:
        growth = np.exp2(np.minimum(elapsed, 512.0))
        moments = (self._moment + np.cumsum(squares * growth)) / growth
        weights = (self._weight + np.cumsum(growth)) / growth
        known_moments = np.concatenate([[self._moment], moments[:-1]])
        known_weights = np.concatenate([[self._weight], weights[:-1]])
        self._moment, self._weight = float(moments[-1]), float(weights[-1])
        variances: Floats = np.zeros(len(squares))
        np.divide(known_moments, known_weights, out=variances, where=known_weights > 0)
        return variances


def _scaled_block(
    features: Features, times: Times, closes: Floats, volatility: _Volatility
) -> tuple[Floats, int]:
    """The scaled changes between these rows: a row a feature, the last one that of the price."""
    minutes = np.diff(times) / MINUTE_NS
    levels = np.empty((features.width + 1, len(times)))
    features.fill(levels[:-1], times)
    np.log(closes, out=levels[-1])
    changes = np.diff(levels, axis=1)
    counted: NDArray[np.bool_] = (minutes > 0) & (minutes <= LARGEST_GAP_MINUTES)
    changes, minutes = changes[:, counted], minutes[counted]
    variances = volatility.variances_before(changes[-1] ** 2 / minutes, minutes)
    measurable = variances > SMALLEST_VOLATILITY**2
    expected = np.sqrt(variances[measurable] * minutes[measurable])
    changes = changes[:, measurable] / expected
    np.clip(changes[-1], -CUT, CUT, out=changes[-1])
    return changes, changes.shape[1]
