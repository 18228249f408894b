"""Prophet fitted to minutes: by the product's own MAP fit, or by stock Prophet.

Prophet keeps some forty numbers a row while it fits (features, a copy of them joined, another copy
for Stan). For a large series Prophet itself is fitted to the few rows that determine its scales,
and its back end sums over all rows, a block at a time: memory does not grow with the history.
"""

from typing import Any

import pandas as pd

from include.forecast.damping import measure_volatility
from include.forecast.design_matrix import scales_of, sums_over
from include.forecast.map_fit import MapBackend, as_params, fit_to_convergence, priors_of
from include.forecast.prophet import Fitted, make_model, rows_of
from include.forecast.sufficient_statistics import SeriesShape, changepoint_rows

LARGE_ROWS = 30_000


def fit(prices_df: pd.DataFrame, *, stock: bool = False) -> Fitted:
    """Prophet fitted to log(`close`) at `ds`, with the seasonalities the span allows.

    Rows are in order of time. From `LARGE_ROWS` on, memory does not grow with them.
    """
    if not stock and len(prices_df) >= LARGE_ROWS:
        return fit_in_chunks(prices_df)
    model = make_model(prices_df)
    if not stock:
        model.stan_backend = MapBackend()
    model.fit(rows_of(prices_df))
    fitted_by = str(getattr(model.stan_backend, "fitted_by", "stan"))
    return Fitted(model, fitted_by, measure_volatility(prices_df))


class _AllRowsBackend(MapBackend):
    """Fits a model, prepared from its key rows, to all rows."""

    def __init__(self, model: Any, prices_df: pd.DataFrame) -> None:
        self._model, self._prices_df = model, prices_df
        super().__init__()

    def fit(
        self, stan_init: dict[str, Any], stan_data: dict[str, Any], **kwargs: Any
    ) -> dict[str, Any]:
        scales = scales_of(self._model)
        theta, sigma = fit_to_convergence(
            lambda reference: sums_over(scales, self._prices_df, reference), priors_of(stan_data)
        )
        return as_params(theta, sigma, changepoint_count=len(scales.changepoints))


def fit_in_chunks(prices_df: pd.DataFrame) -> Fitted:
    """The model that `fit` gives for these rows (`ds` ascending, `close`), to rounding."""
    shape = shape_of(prices_df)
    model = make_model(shape.key_rows_df, changepoints=shape.changepoints)
    model.stan_backend = _AllRowsBackend(model, prices_df)
    model.fit(rows_of(shape.key_rows_df))
    model.stan_backend = MapBackend()
    return Fitted(model, MapBackend.fitted_by, shape.walk)


def shape_of(prices_df: pd.DataFrame) -> SeriesShape:
    """The rows of a series (`ds` ascending, `close`) that determine its model's scales."""
    closes = prices_df["close"].to_numpy()
    changepoint_numbers = changepoint_rows(len(prices_df))
    # the log that is furthest from zero, which scales the model, is the lowest's or the highest's
    row_numbers = {
        0,
        len(prices_df) - 1,
        int(closes.argmin()),
        int(closes.argmax()),
        *changepoint_numbers,
    }
    return SeriesShape(
        row_count=len(prices_df),
        key_rows_df=prices_df.iloc[sorted(row_numbers)].reset_index(drop=True),
        changepoints=list(prices_df["ds"].iloc[changepoint_numbers]),
        walk=measure_volatility(prices_df),
    )
