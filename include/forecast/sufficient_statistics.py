"""A series as its model needs it where the rows are elsewhere: a few of them, and sums over all.

Of the rows themselves Prophet takes only the first and last time, the largest |y| and the times
where its trend may change; the fit takes sums (`map_fit`). So a handful of rows makes the same
Prophet as all of them, and the rest can be summed where it lies.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from include.forecast.design_matrix import scales_of, sums_over
from include.forecast.map_fit import Floats, MapBackend, Priors, Sums, as_params, priors_of
from include.forecast.prophet import Fitted, rows_of, unfitted

CHANGES, CHANGE_RANGE = 25, 0.8  # Prophet's own


@dataclass(frozen=True)
class SeriesShape:
    """The rows that shape a model: first, last, lowest, highest, and where the trend may change.

    `frame` has `ds` (naive UTC) and `close`, oldest first; `rows` is how many the series has,
    `walk` its `volatility`.
    """

    rows: int
    frame: pd.DataFrame
    changes: list[pd.Timestamp]
    walk: float


class _Found(MapBackend):
    """A back end that was told the result."""

    def __init__(self, theta: Floats, sigma: float) -> None:
        self._theta, self._sigma = theta, sigma
        super().__init__()

    def fit(
        self, stan_init: dict[str, Any], stan_data: dict[str, Any], **kwargs: Any
    ) -> dict[str, Any]:
        return as_params(self._theta, self._sigma, changes=int(stan_data["S"]))


def change_rows(rows: int) -> list[int]:
    """The numbers, from 0, of the rows where Prophet lets the trend change."""
    inside = int(np.floor(rows * CHANGE_RANGE))
    count = max(min(CHANGES, inside - 1), 0)
    return [int(one) for one in np.linspace(0, inside - 1, count + 1).round()[1:]]


def skeleton(shape: SeriesShape) -> tuple[Any, Priors]:
    """Prophet as it would be before its fit to the whole series, and its priors."""
    model = unfitted(shape.frame, changes=shape.changes)
    data = model.preprocess(rows_of(shape.frame))
    model.stan_backend = MapBackend()
    return model, priors_of(vars(data))


def sums_of_part(model: Any, frame: pd.DataFrame, reference: Floats) -> Sums:
    """The sums over some rows (`ds`, `close`) around a reference, by a skeleton's scales."""
    return sums_over(scales_of(model), frame, reference)


def total(parts: list[Sums]) -> Sums:
    """Sums over all the rows from sums over parts of them, around the same reference."""
    first = parts[0]
    return Sums(
        rows=sum(one.rows for one in parts),
        gram=np.sum([one.gram for one in parts], axis=0),
        moment=np.sum([one.moment for one in parts], axis=0),
        square=float(sum(one.square for one in parts)),
        reference=first.reference,
    )


def finish_model(shape: SeriesShape, theta: Floats, sigma: float) -> Fitted:
    """The fitted model, ready to predict; a constant series is Prophet's own special case."""
    model = unfitted(shape.frame, changes=shape.changes)
    model.stan_backend = _Found(theta, sigma)
    model.fit(rows_of(shape.frame))
    return Fitted(model, MapBackend.fitted_by, shape.walk)
