"""Prophet fitted to minutes: by the product's own MAP fit, or by stock Prophet.

Prophet keeps some forty numbers a row while it fits (features, a copy of them joined, another copy
for Stan). For a large series Prophet itself is fitted to the few rows that shape a model, and its
back end takes sums over all rows, a block at a time, so that memory does not grow with the history.
"""

from typing import Any

import pandas as pd

from include.forecast.damping import volatility
from include.forecast.design_matrix import scales_of, sums_over
from include.forecast.map_fit import MapBackend, as_params, converged, priors_of
from include.forecast.prophet import Fitted, rows_of, unfitted
from include.forecast.sufficient_statistics import SeriesShape, change_rows

LARGE_ROWS = 30_000


def fit(frame: pd.DataFrame, *, stock: bool = False) -> Fitted:
    """Prophet fitted to log(`close`) at `ds`, with the seasonalities the span allows.

    Rows are in order of time. From `LARGE_ROWS` on, memory does not grow with them.
    """
    if not stock and len(frame) >= LARGE_ROWS:
        return fit_in_chunks(frame)
    model = unfitted(frame)
    if not stock:
        model.stan_backend = MapBackend()
    model.fit(rows_of(frame))
    by = str(getattr(model.stan_backend, "fitted_by", "stan"))
    return Fitted(model, by, volatility(frame))


class _OverAll(MapBackend):
    """Fits a model that has seen a shape to all of the rows."""

    def __init__(self, model: Any, frame: pd.DataFrame) -> None:
        self._model, self._frame = model, frame
        super().__init__()

    def fit(
        self, stan_init: dict[str, Any], stan_data: dict[str, Any], **kwargs: Any
    ) -> dict[str, Any]:
        scales = scales_of(self._model)
        theta, sigma = converged(
            lambda reference: sums_over(scales, self._frame, reference), priors_of(stan_data)
        )
        return as_params(theta, sigma, changes=len(scales.changes))


def fit_in_chunks(frame: pd.DataFrame) -> Fitted:
    """What `fit` makes of these rows (`ds` ascending, `close`), to rounding."""
    shape = shape_of(frame)
    model = unfitted(shape.frame, changes=shape.changes)
    model.stan_backend = _OverAll(model, frame)
    model.fit(rows_of(shape.frame))
    model.stan_backend = MapBackend()
    return Fitted(model, MapBackend.fitted_by, shape.walk)


def shape_of(frame: pd.DataFrame) -> SeriesShape:
    """The rows of a series (`ds` ascending, `close`) that shape its model."""
    closes = frame["close"].to_numpy()
    changes = change_rows(len(frame))
    # the log that is furthest from zero, which scales the model, is the lowest's or the highest's
    chosen = {0, len(frame) - 1, int(closes.argmin()), int(closes.argmax()), *changes}
    return SeriesShape(
        rows=len(frame),
        frame=frame.iloc[sorted(chosen)].reset_index(drop=True),
        changes=list(frame["ds"].iloc[changes]),
        walk=volatility(frame),
    )
