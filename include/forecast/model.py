"""Prophet, fitted on the log price and asked for minutes: the only part that imports it."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from prophet import Prophet
from prophet.serialize import model_from_json, model_to_json

from include.errors import ForecastError
from include.forecast.map_fit import MapBackend

logging.getLogger("cmdstanpy").setLevel(logging.WARNING)

DAY_MINUTES = 1440
DAILY_NEEDS_DAYS, WEEKLY_NEEDS_DAYS = 2, 14
CHUNK_MINUTES = 20_000
SAMPLES, SEED = 300, 7
GRID_MINUTES = 60
CHANGE_ODDS = 0.1
KEPT_ROWS = 2
WIDEST_LOG = 50.0


@dataclass(frozen=True)
class Fitted:
    """A fitted model and which fit made it: `map` (ours) or `stan` (stock Prophet)."""

    prophet: Any
    fitted_by: str


def fit(frame: pd.DataFrame, *, stock: bool = False) -> Fitted:
    """Prophet fitted to log(`close`) at `ds`, with the seasonalities the span allows."""
    days = (frame["ds"].iloc[-1] - frame["ds"].iloc[0]) / pd.Timedelta(days=1)
    model = Prophet(
        growth="linear",
        yearly_seasonality=False,
        weekly_seasonality=bool(days >= WEEKLY_NEEDS_DAYS),
        daily_seasonality=bool(days >= DAILY_NEEDS_DAYS),
        uncertainty_samples=0,
    )
    if not stock:
        model.stan_backend = MapBackend()
    model.fit(pd.DataFrame({"ds": frame["ds"], "y": np.log(frame["close"])}))
    return Fitted(model, str(getattr(model.stan_backend, "fitted_by", "stan")))


def predict(model: Any, *, start: datetime, minutes: int, seed: int = SEED) -> pd.DataFrame:
    """`ds, yhat, yhat_lower, yhat_upper` of each minute from `start` on, as prices.

    The level is exp of the predicted log price (a median). Bounds are Prophet's own 80 % interval,
    sampled with a fixed seed on a coarser grid and interpolated, so memory stays small.

    Raises:
        ForecastError: the model explodes: a level is not a finite number above zero.
    """
    first = pd.Timestamp(start).tz_convert("UTC").tz_localize(None)
    ds = pd.date_range(first, periods=minutes, freq="min")
    level = np.concatenate(list(_levels(model, ds)))
    lower, upper = _bounds(model, ds, seed=seed)
    found = pd.DataFrame({
        "ds": ds, "yhat": np.exp(level),
        "yhat_lower": np.exp(level + lower), "yhat_upper": np.exp(level + upper),
    })  # fmt: skip
    prices = found["yhat"].to_numpy()
    if not (np.isfinite(prices).all() and (prices > 0).all()):
        raise ForecastError(f"the model explodes within {minutes} minutes of {start:%Y-%m-%d}")
    return found


def to_json(model: Any) -> str:
    """The model as Prophet's own JSON, without its training rows (the Delta versions name them)."""
    model.history = model.history.tail(KEPT_ROWS)
    model.history_dates = model.history_dates.tail(KEPT_ROWS)
    return str(model_to_json(model))


def from_json(text: str) -> Any:
    """The model of a JSON text.

    Raises:
        ForecastError: the text is no model.
    """
    try:
        return model_from_json(text)
    except (ValueError, KeyError, TypeError) as error:
        raise ForecastError(f"a saved model cannot be read: {error}") from error


def _levels(model: Any, ds: pd.DatetimeIndex) -> Iterator[NDArray[np.float64]]:
    model.uncertainty_samples = 0
    for begin in range(0, len(ds), CHUNK_MINUTES):
        part = model.predict(pd.DataFrame({"ds": ds[begin : begin + CHUNK_MINUTES]}))
        yield part["yhat"].to_numpy()


def _bounds(
    model: Any, ds: pd.DatetimeIndex, *, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Distances of the bounds from the level in log price at each minute."""
    step = _grid_step(model)
    grid = ds[::step].append(ds[-1:]).unique() if len(ds) > 1 else ds
    coarse = pd.DataFrame({"ds": grid})
    level = model.predict(coarse)["yhat"].to_numpy()
    before = np.random.get_state()  # Prophet draws from NumPy's global generator
    try:
        np.random.seed(seed)
        model.uncertainty_samples = SAMPLES
        draws = model.predictive_samples(coarse)["yhat"]
    finally:
        model.uncertainty_samples = 0
        np.random.set_state(before)
    lower, upper = np.percentile(draws, [10, 90], axis=1) - level
    # beyond e^50 a bound says nothing, and a file cannot hold infinity
    at, known = ds.to_numpy().astype("int64"), grid.to_numpy().astype("int64")
    return (
        np.clip(np.interp(at, known, lower), -WIDEST_LOG, 0.0),
        np.clip(np.interp(at, known, upper), 0.0, WIDEST_LOG),
    )


def _grid_step(model: Any) -> int:
    """Minutes between two sampled points: so few that a trend change in between is unlikely."""
    changes = max(len(model.changepoints_t), 1)
    span = model.t_scale / pd.Timedelta(minutes=1)
    return int(np.clip(CHANGE_ODDS * span / changes, 1, GRID_MINUTES))
