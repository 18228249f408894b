"""The minutes that a fitted model predicts, as prices with bounds."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from include.errors import ForecastError
from include.forecast.bands import MINUTES, Grid, half_widths
from include.forecast.damping import Floats, damp
from include.forecast.prophet import Fitted

CHUNK_MINUTES = 20_000
SAMPLES, SEED = 300, 7
GRID_MINUTES = 60
CHANGE_ODDS = 0.1


def predict(fitted: Fitted, *, start_at: datetime, minutes: int, seed: int = SEED) -> pd.DataFrame:
    """`ds, yhat, yhat_lower, yhat_upper` of each minute from `start_at` on, as prices.

    The level is exp of the predicted log price (a median). Bounds are the model's band around it
    (`bands`). Without a band they are Prophet's own 80 % interval, sampled with a fixed seed on a
    coarser grid and interpolated, so memory stays small, and beyond training the trend is damped
    by `walk`, the training's volatility (see `damping`).

    Raises:
        ForecastError: the model explodes: a level is not a finite number above zero.
    """
    first = pd.Timestamp(start_at).tz_convert("UTC").tz_localize(None)
    ds = pd.date_range(first, periods=minutes, freq="min")
    forecast_df = predict_at(fitted, ds, seed=seed)
    prices = forecast_df["yhat"].to_numpy()
    if not (np.isfinite(prices).all() and (prices > 0).all()):
        raise ForecastError(f"the model explodes within {minutes} minutes of {start_at:%Y-%m-%d}")
    return forecast_df


def predict_at(
    fitted: Fitted, ds: pd.DatetimeIndex, *, grid: Grid = MINUTES, seed: int = SEED
) -> pd.DataFrame:
    """The forecast at any times (naive UTC, in order), without a check of the levels."""
    model, edge = fitted.prophet, _edge(fitted.prophet)
    level = np.concatenate(list(_predict_levels(model, ds, edge=edge, walk=fitted.walk)))
    if fitted.band is None:
        lower, upper = _predict_bounds(model, ds, edge=edge, walk=fitted.walk, seed=seed)
    else:
        ahead = ((ds - edge.at) / grid.unit).to_numpy(dtype=np.float64)
        upper = half_widths(fitted.band, ahead, volatility=fitted.volatility)
        lower = -upper
    return pd.DataFrame(
        {
            "ds": ds,
            "yhat": np.exp(level),
            "yhat_lower": np.exp(level + lower),
            "yhat_upper": np.exp(level + upper),
        }
    )


@dataclass(frozen=True)
class _TrainingEnd:
    """Where training ends: its last minute and the trend there, in log price."""

    at: pd.Timestamp
    trend: float

    def damp(self, trend: Floats, ds: pd.DatetimeIndex, *, walk: float) -> Floats:
        minutes = ((ds - self.at) / pd.Timedelta(minutes=1)).to_numpy(dtype=np.float64)
        return self.trend + damp(trend - self.trend, minutes, walk=walk)


def _edge(model: Any) -> _TrainingEnd:
    at = pd.Timestamp(model.history["ds"].max())
    model.uncertainty_samples = 0
    return _TrainingEnd(at, float(model.predict(pd.DataFrame({"ds": [at]}))["trend"].iloc[0]))


def _predict_levels(
    model: Any, ds: pd.DatetimeIndex, *, edge: _TrainingEnd, walk: float
) -> Iterator[Floats]:
    model.uncertainty_samples = 0
    for begin in range(0, len(ds), CHUNK_MINUTES):
        part = ds[begin : begin + CHUNK_MINUTES]
        predicted_df = model.predict(pd.DataFrame({"ds": part}))
        trend = predicted_df["trend"].to_numpy()
        yield predicted_df["yhat"].to_numpy() - trend + edge.damp(trend, part, walk=walk)


def _predict_bounds(
    model: Any, ds: pd.DatetimeIndex, *, edge: _TrainingEnd, walk: float, seed: int
) -> tuple[Floats, Floats]:
    """Distances of the bounds from the level in log price at each minute."""
    step = _grid_step(model)
    grid = pd.DatetimeIndex(ds[::step].append(ds[-1:]).unique())
    level = np.concatenate(list(_predict_levels(model, grid, edge=edge, walk=walk)))
    random_state = np.random.get_state()  # Prophet draws from NumPy's global generator
    try:
        np.random.seed(seed)
        model.uncertainty_samples = SAMPLES
        draws = model.predictive_samples(pd.DataFrame({"ds": grid}))
    finally:
        model.uncertainty_samples = 0
        np.random.set_state(random_state)
    trend = draws["trend"]
    paths = draws["yhat"] - trend + edge.damp(trend, grid, walk=walk)
    ends = np.percentile(paths, [10, 90], axis=1) - level
    # where no path leaves the level, rounding must not put a bound on the wrong side of it
    lower, upper = np.minimum(ends[0], 0.0), np.maximum(ends[1], 0.0)
    ds_ns, grid_ns = ds.to_numpy().astype("int64"), grid.to_numpy().astype("int64")
    return np.interp(ds_ns, grid_ns, lower), np.interp(ds_ns, grid_ns, upper)


def _grid_step(model: Any) -> int:
    """Minutes between two sampled points: so few that a trend change in between is unlikely."""
    changepoint_count = max(len(model.changepoints_t), 1)
    span = model.t_scale / pd.Timedelta(minutes=1)
    return int(np.clip(CHANGE_ODDS * span / changepoint_count, 1, GRID_MINUTES))
