"""Rolling-origin backtests of the forecast at minute scale, beside naive forecasts.

At each origin the model is retrained on the minutes up to it and forecasts the day after.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pandas as pd

from include.errors import HistoryError
from include.forecast import fit, naive, predict
from include.forecast.damping import Floats
from include.forecast.history import BEGINNING, minimum_minutes, rows_within
from include.forecast.scores import ForecastScore, score_forecaster

MINUTE = pd.Timedelta(minutes=1)
AHEAD = 1440
HORIZONS = (10, 60, 360, AHEAD)
NAIVE: dict[str, Callable[[pd.DataFrame, pd.DatetimeIndex], Floats]] = {
    "last value": naive.last_value,
    "last value and usual day": naive.last_value_daily,
}
OURS = "prophet"


@dataclass(frozen=True)
class Plan:
    """The origins: how many, how many minutes apart, each trained on `span` (zero: all)."""

    origins: int
    every_minutes: int
    span: timedelta

    @property
    def minutes(self) -> int:
        """The minutes of history that it needs."""
        reach = AHEAD + (self.origins - 1) * self.every_minutes
        return reach + int(self.span / timedelta(minutes=1)) + 1


@dataclass(frozen=True)
class Evaluation:
    """The scores by forecaster and horizon, and the forecasts they come from.

    `pairs` has a row for each origin and minute with a price: origin, ds, lead (minutes), close,
    and a column of levels for each forecaster, with `yhat_lower` and `yhat_upper` of our own.
    """

    scores: tuple[ForecastScore, ...]
    pairs: pd.DataFrame

    @property
    def origins(self) -> int:
        """How many origins had enough minutes."""
        return int(self.pairs["origin"].nunique())


def backtest(prices_df: pd.DataFrame, plan: Plan) -> Evaluation:
    """Backtest over minutes (`ds` naive UTC, `close`), the last origin a day before their end.

    Raises:
        HistoryError: no origin has a day before it and a price after it.
    """
    pairs = list(_backtests(prices_df, plan))
    if not pairs:
        needed_minutes = minimum_minutes(plan.span)
        raise HistoryError(
            f"{len(prices_df)} minutes are too few to evaluate a forecast: "
            f"{needed_minutes} before an origin and {AHEAD} after it are needed"
        )
    all_pairs = pd.concat(pairs, ignore_index=True)
    scores, begin = [], 0
    for horizon in HORIZONS:
        horizon_pairs = all_pairs[(all_pairs["lead"] > begin) & (all_pairs["lead"] <= horizon)]
        scores += [
            score_forecaster(horizon_pairs, name, horizon=horizon)
            for name in (OURS, *NAIVE)
            if len(horizon_pairs)
        ]
        begin = horizon
    return Evaluation(tuple(scores), all_pairs)


def _backtests(prices_df: pd.DataFrame, plan: Plan) -> Iterator[pd.DataFrame]:
    end = prices_df["ds"].iloc[-1]
    for back in reversed(range(plan.origins)):
        origin = end - (AHEAD + back * plan.every_minutes) * MINUTE
        since = origin - plan.span if plan.span else pd.Timestamp(BEGINNING).tz_localize(None)
        training_df = rows_within(prices_df, since, origin)
        actual_df = rows_within(prices_df, origin, origin + AHEAD * MINUTE)
        if len(training_df) >= minimum_minutes(plan.span) and len(actual_df):
            yield _backtest(training_df, actual_df, origin)


def _backtest(
    training_df: pd.DataFrame, actual_df: pd.DataFrame, origin: pd.Timestamp
) -> pd.DataFrame:
    fitted = fit.fit(training_df)
    start = (origin + MINUTE).tz_localize("UTC")
    forecast_df = predict.predict(fitted.prophet, start=start, minutes=AHEAD, walk=fitted.walk)
    ds = pd.DatetimeIndex(forecast_df["ds"])
    naive_levels = {name: forecast(training_df, ds) for name, forecast in NAIVE.items()}
    forecast_df = forecast_df.rename(columns={"yhat": OURS}).assign(**naive_levels)
    pairs = actual_df.merge(forecast_df, on="ds")
    lead = ((pairs["ds"] - origin) / MINUTE).astype(np.int64)
    return pairs.assign(origin=origin, lead=lead)
