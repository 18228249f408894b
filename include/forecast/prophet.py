"""Prophet on the log price: made, saved, read and drawn. The only module that imports it."""

import logging
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import pyplot
from prophet import Prophet
from prophet.plot import plot_components
from prophet.serialize import model_from_json, model_to_json

from include.errors import ForecastError
from include.forecast.manifest import Band

logging.getLogger("cmdstanpy").setLevel(logging.WARNING)

DAILY_NEEDS_DAYS, WEEKLY_NEEDS_DAYS = 2, 14
SAVED_ROWS = 2
COMPONENT_POINTS = 500


@dataclass(frozen=True)
class Fitted:
    """A fitted model, how it was fitted (`changes`, `map`, or `stan`: stock Prophet), and bounds.

    `walk` is the volatility that damps a trend (`damping`). `volatility` and `band` are those of
    the 80 % interval (`bands`); without a band it is Prophet's own, sampled.
    """

    prophet: Any
    fitted_by: str
    walk: float
    volatility: float = 0.0
    band: Band | None = None


def stan_data(fitted: Any, prices_df: pd.DataFrame) -> dict[str, Any]:
    """Stan's data for these minutes, with a fitted model's own changepoints."""
    data = dict(vars(make_model(prices_df).preprocess(rows_of(prices_df))))
    return data | {"t_change": fitted.changepoints_t}


def make_model(prices_df: pd.DataFrame, *, changepoints: list[pd.Timestamp] | None = None) -> Any:
    """Prophet with the seasonalities that the span allows; its own changepoints by default."""
    days = (prices_df["ds"].iloc[-1] - prices_df["ds"].iloc[0]) / pd.Timedelta(days=1)
    return Prophet(
        growth="linear",
        yearly_seasonality=False,
        weekly_seasonality=bool(days >= WEEKLY_NEEDS_DAYS),
        daily_seasonality=bool(days >= DAILY_NEEDS_DAYS),
        uncertainty_samples=0,
        changepoints=changepoints,
    )


def make_change_model(orders: dict[str, int], holidays_df: pd.DataFrame | None) -> Any:
    """Prophet without a trend, with seasons of these numbers of waves, and holidays."""
    return Prophet(
        growth="linear",
        n_changepoints=0,
        yearly_seasonality=orders.get("yearly", False),
        weekly_seasonality=orders.get("weekly", False),
        daily_seasonality=orders.get("daily", False),
        holidays=holidays_df,
        uncertainty_samples=0,
    )


def rows_of(prices_df: pd.DataFrame) -> pd.DataFrame:
    """The rows as Prophet reads them: `ds` and `y`, the log of `close`."""
    return pd.DataFrame({"ds": prices_df["ds"], "y": np.log(prices_df["close"])})


def draw_components(model: Any, *, minutes: int) -> Any:
    """Prophet's own picture of trend and seasons, from training's end over so many minutes."""
    model.uncertainty_samples = 0
    step = max(minutes // COMPONENT_POINTS, 1)
    ds = pd.date_range(model.history["ds"].max(), periods=COMPONENT_POINTS, freq=f"{step}min")
    figure = plot_components(model, model.predict(pd.DataFrame({"ds": ds})), uncertainty=False)
    pyplot.close(figure)
    return figure


def to_json(model: Any) -> str:
    """The model as Prophet's own JSON, without its training rows (see the record's versions)."""
    model.history = model.history.tail(SAVED_ROWS)
    model.history_dates = model.history_dates.tail(SAVED_ROWS)
    return str(model_to_json(model))


def from_json(text: str) -> Any:
    """The model of a JSON text.

    Raises:
        ForecastError: the text is not a model.
    """
    try:
        return model_from_json(text)
    except (ValueError, KeyError, TypeError) as error:
        raise ForecastError(f"a saved model cannot be read: {error}") from error
