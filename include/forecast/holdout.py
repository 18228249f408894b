"""A model's errors over a held-out day, beside those of the simplest forecast: the last value."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from include.errors import HistoryError
from include.forecast import predict
from include.forecast.recipe import Recipe, fit_recipe

HELD_OUT = pd.Timedelta(days=1)
MIN_TRAINING = pd.Timedelta(days=2)


def holdout_metrics(prices_df: pd.DataFrame, recipe: Recipe) -> dict[str, float]:
    """Errors over the last day of a model trained before it; empty if the history is too short.

    `mae` and `rmse` are in price, `coverage` is the share inside the 80 % interval, `hit_rate` the
    share of price changes whose direction was forecast, `naive_…` those of the last value.
    """
    cut = prices_df["ds"].iloc[-1] - HELD_OUT
    training_rows = int(prices_df["ds"].searchsorted(cut, side="right"))
    training_df, held_out_df = prices_df.iloc[:training_rows], prices_df.iloc[training_rows:]
    if cut - prices_df["ds"].iloc[0] < MIN_TRAINING or held_out_df.empty:
        return {}
    try:
        fitted = fit_recipe(training_df, recipe)
    except HistoryError:
        return {}  # the price did not move in the day before
    start = (training_df["ds"].iloc[-1] + pd.Timedelta(minutes=1)).tz_localize("UTC")
    minutes = int((prices_df["ds"].iloc[-1] - training_df["ds"].iloc[-1]) / pd.Timedelta(minutes=1))
    forecast_df = predict.predict(fitted, start_at=start, minutes=minutes)
    return error_metrics(
        held_out_df.merge(forecast_df, on="ds"), last_price=float(training_df["close"].iloc[-1])
    )


def error_metrics(pairs: pd.DataFrame, *, last_price: float) -> dict[str, float]:
    """The errors of `yhat, yhat_lower, yhat_upper` against `close`, and of `last_price`."""
    close, yhat = pairs["close"].to_numpy(), pairs["yhat"].to_numpy()
    inside = (close >= pairs["yhat_lower"]) & (close <= pairs["yhat_upper"])
    return {
        "mae": _mean(np.abs(close - yhat)),
        "rmse": float(np.sqrt(_mean((close - yhat) ** 2))),
        "naive_mae": _mean(np.abs(close - last_price)),
        "naive_rmse": float(np.sqrt(_mean((close - last_price) ** 2))),
        "coverage": float(inside.mean()),
        "hit_rate": _hit_rate(close, yhat),
        "held_out_minutes": float(len(pairs)),
    }


def _hit_rate(close: NDArray[np.float64], yhat: NDArray[np.float64]) -> float:
    """Share of changes whose direction agrees; a change of zero has none and is left out."""
    actual_signs, forecast_signs = np.sign(np.diff(close)), np.where(np.diff(yhat) > 0, 1.0, -1.0)
    moved = actual_signs != 0
    return float((actual_signs[moved] == forecast_signs[moved]).mean()) if moved.any() else 0.0


def _mean(errors: NDArray[np.float64]) -> float:
    return float(np.mean(errors))
