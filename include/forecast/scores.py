"""The scores of a forecaster over pairs of prices and forecasts. Pure."""

from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class ForecastScore:
    """A forecaster's errors over the minutes up to `horizon` minutes ahead (from the one before).

    `mae` and `rmse` are in price, `mape` a share of it; `hit_rate` is the share of price changes
    from minute to minute whose direction was forecast (none: it forecasts no change), `coverage`
    the share of prices within the 80 % interval (none: it has no interval).
    """

    forecaster: str
    horizon: int
    points: int
    mae: float
    rmse: float
    mape: float
    hit_rate: float | None
    coverage: float | None


def score_forecaster(pairs_df: pd.DataFrame, name: str, *, horizon: int) -> ForecastScore:
    """The score of the levels in column `name` against `close`.

    Bounds, where there are any, are those of the forecaster called prophet.
    """
    close, level = pairs_df["close"].to_numpy(), pairs_df[name].to_numpy()
    errors = np.abs(close - level)
    coverage = None
    if name == "prophet":
        low, high = pairs_df["yhat_lower"].to_numpy(), pairs_df["yhat_upper"].to_numpy()
        coverage = float(np.mean((close >= low) & (close <= high)))
    return ForecastScore(
        forecaster=name,
        horizon=horizon,
        points=len(pairs_df),
        mae=float(np.mean(errors)),
        rmse=float(np.sqrt(np.mean(errors**2))),
        mape=float(np.mean(errors / close)),
        hit_rate=_hit_rate(pairs_df, name),
        coverage=coverage,
    )


def _hit_rate(pairs_df: pd.DataFrame, name: str) -> float | None:
    """Share of moves from one minute to the very next whose direction was forecast."""
    is_next = (pairs_df["lead"].diff() == 1) & (pairs_df["origin"] == pairs_df["origin"].shift())
    actual_signs, forecast_signs = np.sign(pairs_df["close"].diff()), np.sign(pairs_df[name].diff())
    counted = is_next & (actual_signs != 0)
    if not counted.any() or not (forecast_signs[is_next] != 0).any():
        return None
    # the published side is buy where the next change is up, and sell otherwise
    up = np.where(forecast_signs > 0, 1.0, -1.0)
    return float((actual_signs[counted] == up[counted]).mean())
