"""The sufficient statistics of a series: its few key rows, and sums over all of them.

Of the rows themselves Prophet uses only the first and last time, the largest |y| and the times
where its trend may change; the fit uses sums (`map_fit`). So a handful of rows makes the same
Prophet as all of them, and the others can be summed where they are stored.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from include.forecast.damping import Floats
from include.forecast.design_matrix import scales_of, sums_over
from include.forecast.map_fit import MapBackend, Priors, Sums, as_params, priors_of
from include.forecast.prophet import Fitted, make_model, rows_of

CHANGES, CHANGE_RANGE = 25, 0.8  # Prophet's own


@dataclass(frozen=True)
class SeriesShape:
    """The key rows of a series: first, last, lowest, highest, and where the trend may change.

    `key_rows_df` has `ds` (naive UTC) and `close`, oldest first; `row_count` is that of the whole
    series, `walk` its `volatility`.
    """

    row_count: int
    key_rows_df: pd.DataFrame
    changepoints: list[pd.Timestamp]
    walk: float


class _SolvedBackend(MapBackend):
    """A back end that returns a known result."""

    def __init__(self, theta: Floats, sigma: float) -> None:
        self._theta, self._sigma = theta, sigma
        super().__init__()

    def fit(
        self, stan_init: dict[str, Any], stan_data: dict[str, Any], **kwargs: Any
    ) -> dict[str, Any]:
        return as_params(self._theta, self._sigma, changepoint_count=int(stan_data["S"]))


def changepoint_rows(row_count: int) -> list[int]:
    """The numbers, from 0, of the rows where Prophet lets the trend change."""
    inside = int(np.floor(row_count * CHANGE_RANGE))
    count = max(min(CHANGES, inside - 1), 0)
    return [int(number) for number in np.linspace(0, inside - 1, count + 1).round()[1:]]


def make_skeleton(shape: SeriesShape) -> tuple[Any, Priors]:
    """Prophet as it is before its fit to the whole series, and its priors."""
    model = make_model(shape.key_rows_df, changepoints=shape.changepoints)
    data = model.preprocess(rows_of(shape.key_rows_df))
    model.stan_backend = MapBackend()
    return model, priors_of(vars(data))


def sums_of_part(model: Any, prices_df: pd.DataFrame, reference: Floats) -> Sums:
    """The sums over some rows (`ds`, `close`) around a reference, by a skeleton's scales."""
    return sums_over(scales_of(model), prices_df, reference)


def add_up(parts: list[Sums]) -> Sums:
    """Sums over all the rows from sums over parts of them, around the same reference."""
    first = parts[0]
    return Sums(
        rows=sum(sums.rows for sums in parts),
        gram=np.sum([sums.gram for sums in parts], axis=0),
        moment=np.sum([sums.moment for sums in parts], axis=0),
        square=float(sum(sums.square for sums in parts)),
        reference=first.reference,
    )


def finish_model(shape: SeriesShape, theta: Floats, sigma: float) -> Fitted:
    """The fitted model, ready to predict; a constant series is Prophet's own special case."""
    model = make_model(shape.key_rows_df, changepoints=shape.changepoints)
    model.stan_backend = _SolvedBackend(theta, sigma)
    model.fit(rows_of(shape.key_rows_df))
    return Fitted(model, MapBackend.fitted_by, shape.walk)
