"""Prophet, fitted on the log price and asked for minutes: the only part that imports it."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import pyplot
from prophet import Prophet
from prophet.plot import plot_components
from prophet.serialize import model_from_json, model_to_json

from include.errors import ForecastError
from include.forecast.damping import Floats, damped, volatility
from include.forecast.map_fit import MapBackend

logging.getLogger("cmdstanpy").setLevel(logging.WARNING)

DAY_MINUTES = 1440
DAILY_NEEDS_DAYS, WEEKLY_NEEDS_DAYS = 2, 14
CHUNK_MINUTES = 20_000
LARGE_ROWS = 30_000
SAMPLES, SEED = 300, 7
GRID_MINUTES = 60
CHANGE_ODDS = 0.1
KEPT_ROWS = 2
COMPONENT_POINTS = 500


@dataclass(frozen=True)
class Fitted:
    """A fitted model, which fit made it (`map`, ours, or `stan`, stock Prophet), its volatility."""

    prophet: Any
    fitted_by: str
    walk: float


def fit(frame: pd.DataFrame, *, stock: bool = False) -> Fitted:
    """Prophet fitted to log(`close`) at `ds`, with the seasonalities the span allows.

    Rows are in order of time. From `LARGE_ROWS` on, memory does not grow with them.
    """
    if not stock and len(frame) >= LARGE_ROWS:
        from include.forecast.chunked import fit_in_chunks  # noqa: PLC0415 - it builds on this

        return fit_in_chunks(frame)
    model = unfitted(frame)
    if not stock:
        model.stan_backend = MapBackend()
    model.fit(rows_of(frame))
    by = str(getattr(model.stan_backend, "fitted_by", "stan"))
    return Fitted(model, by, volatility(frame))


def stan_data(fitted: Any, frame: pd.DataFrame) -> dict[str, Any]:
    """What Stan is given for these minutes, with a fitted model's own trend changes."""
    data = dict(vars(unfitted(frame).preprocess(rows_of(frame))))
    return data | {"t_change": fitted.changepoints_t}


def unfitted(frame: pd.DataFrame, *, changes: list[pd.Timestamp] | None = None) -> Any:
    """Prophet with the seasonalities that the span allows; its own trend changes unless given."""
    days = (frame["ds"].iloc[-1] - frame["ds"].iloc[0]) / pd.Timedelta(days=1)
    return Prophet(
        growth="linear",
        yearly_seasonality=False,
        weekly_seasonality=bool(days >= WEEKLY_NEEDS_DAYS),
        daily_seasonality=bool(days >= DAILY_NEEDS_DAYS),
        uncertainty_samples=0,
        changepoints=changes,
    )


def rows_of(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows as Prophet reads them: `ds` and `y`, the log of `close`."""
    return pd.DataFrame({"ds": frame["ds"], "y": np.log(frame["close"])})


def predict(
    model: Any, *, start: datetime, minutes: int, walk: float, seed: int = SEED
) -> pd.DataFrame:
    """`ds, yhat, yhat_lower, yhat_upper` of each minute from `start` on, as prices.

    The level is exp of the predicted log price (a median). Bounds are Prophet's own 80 % interval,
    sampled with a fixed seed on a coarser grid and interpolated, so memory stays small. Beyond
    training the trend is damped by `walk`, the training's volatility (see `damping`).

    Raises:
        ForecastError: the model explodes: a level is not a finite number above zero.
    """
    first = pd.Timestamp(start).tz_convert("UTC").tz_localize(None)
    found = predict_at(model, pd.date_range(first, periods=minutes, freq="min"), walk, seed=seed)
    prices = found["yhat"].to_numpy()
    if not (np.isfinite(prices).all() and (prices > 0).all()):
        raise ForecastError(f"the model explodes within {minutes} minutes of {start:%Y-%m-%d}")
    return found


def predict_at(model: Any, ds: pd.DatetimeIndex, walk: float, *, seed: int = SEED) -> pd.DataFrame:
    """The same at any times (naive UTC, in order), whatever comes out."""
    edge = _edge(model)
    level = np.concatenate(list(_levels(model, ds, edge=edge, walk=walk)))
    lower, upper = _bounds(model, ds, edge=edge, walk=walk, seed=seed)
    return pd.DataFrame({
        "ds": ds, "yhat": np.exp(level),
        "yhat_lower": np.exp(level + lower), "yhat_upper": np.exp(level + upper),
    })  # fmt: skip


def components(model: Any, *, minutes: int) -> Any:
    """Prophet's own picture of trend and seasons, from training's end over so many minutes."""
    model.uncertainty_samples = 0
    step = max(minutes // COMPONENT_POINTS, 1)
    ds = pd.date_range(model.history["ds"].max(), periods=COMPONENT_POINTS, freq=f"{step}min")
    figure = plot_components(model, model.predict(pd.DataFrame({"ds": ds})), uncertainty=False)
    pyplot.close(figure)
    return figure


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


@dataclass(frozen=True)
class _Edge:
    """Where training ends: its last minute and the trend there, in log price."""

    at: pd.Timestamp
    trend: float

    def damped(self, trend: Floats, ds: pd.DatetimeIndex, *, walk: float) -> Floats:
        minutes = ((ds - self.at) / pd.Timedelta(minutes=1)).to_numpy(dtype=np.float64)
        return self.trend + damped(trend - self.trend, minutes, walk=walk)


def _edge(model: Any) -> _Edge:
    at = pd.Timestamp(model.history["ds"].max())
    model.uncertainty_samples = 0
    return _Edge(at, float(model.predict(pd.DataFrame({"ds": [at]}))["trend"].iloc[0]))


def _levels(model: Any, ds: pd.DatetimeIndex, *, edge: _Edge, walk: float) -> Iterator[Floats]:
    model.uncertainty_samples = 0
    for begin in range(0, len(ds), CHUNK_MINUTES):
        part = ds[begin : begin + CHUNK_MINUTES]
        made = model.predict(pd.DataFrame({"ds": part}))
        trend = made["trend"].to_numpy()
        yield made["yhat"].to_numpy() - trend + edge.damped(trend, part, walk=walk)


def _bounds(
    model: Any, ds: pd.DatetimeIndex, *, edge: _Edge, walk: float, seed: int
) -> tuple[Floats, Floats]:
    """Distances of the bounds from the level in log price at each minute."""
    step = _grid_step(model)
    grid = pd.DatetimeIndex(ds[::step].append(ds[-1:]).unique())
    level = np.concatenate(list(_levels(model, grid, edge=edge, walk=walk)))
    before = np.random.get_state()  # Prophet draws from NumPy's global generator
    try:
        np.random.seed(seed)
        model.uncertainty_samples = SAMPLES
        draws = model.predictive_samples(pd.DataFrame({"ds": grid}))
    finally:
        model.uncertainty_samples = 0
        np.random.set_state(before)
    trend = draws["trend"]
    paths = draws["yhat"] - trend + edge.damped(trend, grid, walk=walk)
    ends = np.percentile(paths, [10, 90], axis=1) - level
    # where no path leaves the level, rounding must not put a bound on the wrong side of it
    lower, upper = np.minimum(ends[0], 0.0), np.maximum(ends[1], 0.0)
    at, known = ds.to_numpy().astype("int64"), grid.to_numpy().astype("int64")
    return np.interp(at, known, lower), np.interp(at, known, upper)


def _grid_step(model: Any) -> int:
    """Minutes between two sampled points: so few that a trend change in between is unlikely."""
    changes = max(len(model.changepoints_t), 1)
    span = model.t_scale / pd.Timedelta(minutes=1)
    return int(np.clip(CHANGE_ODDS * span / changes, 1, GRID_MINUTES))
