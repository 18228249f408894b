"""Forecasters of statsforecast beside which the forecast can be evaluated: optional, and slow.

Each is fitted to the last 720 minutes before an origin and forecasts the day after it.
"""

import numpy as np
import pandas as pd

from include.errors import ForecastError
from include.forecast.damping import Floats
from include.forecast.evaluation import Forecaster
from include.optional_packages import install_command

FITTED_MINUTES = 720


def load_rivals() -> dict[str, Forecaster]:
    """AutoETS and DynamicOptimizedTheta, by name.

    Raises:
        ForecastError: statsforecast is not installed.
    """
    try:
        from statsforecast.models import AutoETS, DynamicOptimizedTheta  # noqa: PLC0415
    except ImportError as error:
        raise ForecastError(
            f"statsforecast is not installed: run {install_command('bench')}"
        ) from error

    def forecaster(model_class: type) -> Forecaster:
        def forecast(history_df: pd.DataFrame, ds: pd.DatetimeIndex) -> Floats:
            return _forecast_levels(model_class(season_length=1), history_df, ds)

        return forecast

    return {
        "AutoETS": forecaster(AutoETS),
        "DynamicOptimizedTheta": forecaster(DynamicOptimizedTheta),
    }


def _forecast_levels(model: object, history_df: pd.DataFrame, ds: pd.DatetimeIndex) -> Floats:
    """Levels at `ds` by a model of the last minutes' prices, a minute without one filled."""
    last = history_df["ds"].iloc[-1]
    grid = pd.date_range(end=last, periods=FITTED_MINUTES, freq="min")
    prices = history_df.tail(FITTED_MINUTES).set_index("ds")["close"]
    filled = prices.reindex(grid, method="ffill").bfill().to_numpy(dtype=np.float64)
    ahead = ((ds - last) / pd.Timedelta(minutes=1)).to_numpy().astype(np.int64)
    levels = model.forecast(y=filled, h=int(ahead.max()))["mean"]  # type: ignore[attr-defined]
    return np.asarray(levels[ahead - 1], dtype=np.float64)
