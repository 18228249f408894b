"""The scores of a forecaster over pairs of prices and forecasts. Pure."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from include.forecast.damping import Floats

COVERED = 0.8
BASIS_POINTS = 1e4
FEWEST_ORIGINS = 3


@dataclass(frozen=True)
class ForecastScore:
    """A forecaster's errors over the minutes up to `horizon` minutes ahead (from the one before).

    `mae` and `rmse` are in price, `mape` a share of it. `error_ratio` is `mae` over that of the
    last price, `dm_t` the Diebold-Mariano t of the difference (positive: worse than the last price;
    none: no difference, or too few origins). `hit_rate` is the share of price changes from
    minute to minute whose direction was forecast (none: it forecasts no change), `coverage` the
    share of prices within the 80 % interval, `interval_score` the mean interval score in basis
    points of the price, the smaller the better (none: it has no interval).
    """

    forecaster: str
    horizon: int
    points: int
    mae: float
    rmse: float
    mape: float
    error_ratio: float
    dm_t: float | None
    hit_rate: float | None
    coverage: float | None
    interval_score: float | None


def score_forecaster(
    pairs_df: pd.DataFrame, name: str, *, horizon: int, baseline: str, with_bounds: bool = False
) -> ForecastScore:
    """The score of the levels in column `name` against `close`, and against those of `baseline`.

    Bounds are `yhat_lower` and `yhat_upper`. `pairs_df` has `origin` and `lead` (minutes) too.
    """
    close, level = pairs_df["close"].to_numpy(), pairs_df[name].to_numpy()
    errors = np.abs(close - level)
    baseline_errors = np.abs(close - pairs_df[baseline].to_numpy())
    coverage, interval_score = interval_scores(pairs_df) if with_bounds else (None, None)
    return ForecastScore(
        forecaster=name,
        horizon=horizon,
        points=len(pairs_df),
        mae=float(np.mean(errors)),
        rmse=float(np.sqrt(np.mean(errors**2))),
        mape=float(np.mean(errors / close)),
        error_ratio=_ratio(float(np.mean(errors)), float(np.mean(baseline_errors))),
        dm_t=diebold_mariano(pairs_df["origin"], errors - baseline_errors, horizon=horizon),
        hit_rate=_hit_rate(pairs_df, name),
        coverage=coverage,
        interval_score=interval_score,
    )


def interval_scores(pairs_df: pd.DataFrame) -> tuple[float, float]:
    """The share of prices within the bounds, and the mean interval score in basis points.

    The score is the width, and for a price outside 2 / 0.2 times its distance from the bound
    (Gneiting and Raftery 2007), over the price.
    """
    close = pairs_df["close"].to_numpy()
    low, high = pairs_df["yhat_lower"].to_numpy(), pairs_df["yhat_upper"].to_numpy()
    outside = np.maximum(low - close, 0) + np.maximum(close - high, 0)
    scores = (high - low + 2 / (1 - COVERED) * outside) / close
    return float(np.mean(outside == 0)), BASIS_POINTS * float(np.mean(scores))


def diebold_mariano(origins: pd.Series, differences: Floats, *, horizon: int) -> float | None:
    """The t of the mean loss difference over origins, with HAC standard errors.

    The differences of an origin are one observation, their mean. Neighbouring origins share prices
    where they are closer than `horizon` minutes: Bartlett's weights reach that far, and at least
    4 (n / 100)^(2/9) origins (Newey and West 1987, 1994).
    """
    means = pd.Series(differences).groupby(origins.to_numpy(), sort=True).mean()
    count = len(means)
    if count < FEWEST_ORIGINS:
        return None
    gaps = np.diff(means.index.to_numpy()) / np.timedelta64(1, "m")
    overlap = int(np.ceil(horizon / max(float(np.median(gaps)), 1.0)))
    lags = min(max(overlap, int(4 * (count / 100) ** (2 / 9))), count - 1)
    centred = means.to_numpy() - means.mean()
    variance = float(centred @ centred)
    for lag in range(1, lags + 1):
        variance += 2 * (1 - lag / (lags + 1)) * float(centred[lag:] @ centred[:-lag])
    if variance <= 0:
        return None
    return float(means.mean() / (np.sqrt(variance) / count))


def _ratio(error: float, baseline_error: float) -> float:
    if baseline_error:
        return error / baseline_error
    return 1.0 if not error else float("inf")


def _hit_rate(pairs_df: pd.DataFrame, name: str) -> float | None:
    """Share of moves from one minute to the very next whose direction was forecast."""
    is_next = (pairs_df["lead"].diff() == 1) & (pairs_df["origin"] == pairs_df["origin"].shift())
    actual_signs, forecast_signs = np.sign(pairs_df["close"].diff()), np.sign(pairs_df[name].diff())
    counted = is_next & (actual_signs != 0)
    if not counted.any() or not (forecast_signs[is_next] != 0).any():
        return None
    # the published side is buy where the predicted change is up, and sell otherwise
    up = np.where(forecast_signs > 0, 1.0, -1.0)
    return float((actual_signs[counted] == up[counted]).mean())
