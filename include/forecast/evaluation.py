"""Rolling-origin backtests of a forecast, beside simple ones.

At each origin the model is retrained on what was known there: the nightly one on minutes, for
the day after, the short-term one on seconds, for the ten minutes after.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pandas as pd

from include.errors import HistoryError
from include.forecast import naive
from include.forecast.bands import MINUTES, SECONDS, Grid
from include.forecast.damping import Floats
from include.forecast.history import minimum_minutes, rows_within
from include.forecast.predict import predict_at
from include.forecast.recipe import Recipe, fit_recipe
from include.forecast.scores import ForecastScore, score_forecaster
from include.log import event
from include.market.time import DAY_MINUTES, EPOCH, MINUTE

log = logging.getLogger("tickhouse.forecast")

AHEAD = DAY_MINUTES
HORIZONS = (10, 60, 360, AHEAD)
Forecaster = Callable[[pd.DataFrame, pd.DatetimeIndex], Floats]
LAST_PRICE, USUAL_DAY, DRIFT = "last price", "last price and usual day", "drift"
NAIVE: dict[str, Forecaster] = {
    LAST_PRICE: naive.last_price,
    USUAL_DAY: naive.last_price_daily,
    DRIFT: naive.drift,
}
PROPHET = "prophet"


@dataclass(frozen=True)
class Terms:
    """What a forecast is like: its unit of time, how far it reaches, and by what it is judged."""

    grid: Grid
    horizons: tuple[int, ...]
    name: str

    @property
    def ahead(self) -> int:
        """The farthest horizon."""
        return self.horizons[-1]

    def minutes_of(self, horizon: int) -> int:
        """A horizon in minutes."""
        return round(horizon * self.grid.unit / pd.Timedelta(minutes=1))


NIGHTLY = Terms(MINUTES, HORIZONS, PROPHET)
SHORT_TERM = Terms(SECONDS, (60, 120, 300, 600), "short-term")


@dataclass(frozen=True)
class Plan:
    """The origins: how many, how many minutes apart, each trained on `span` (zero: all)."""

    origins: int
    every_minutes: float
    span: timedelta
    terms: Terms = NIGHTLY

    @property
    def reach(self) -> timedelta:
        """How long before the end of the history the first origin is."""
        ahead: timedelta = (self.terms.ahead * self.terms.grid.unit).to_pytimedelta()
        return ahead + timedelta(minutes=(self.origins - 1) * self.every_minutes)

    @property
    def minutes(self) -> int:
        """The minutes of history that it needs."""
        return int((self.reach + self.span) / MINUTE) + 1

    @property
    def needed_rows(self) -> int:
        """The rows that an origin needs before it."""
        if self.terms.grid is MINUTES:
            return minimum_minutes(self.span)
        return self.terms.grid.fewest


@dataclass(frozen=True)
class Evaluation:
    """The scores by forecaster and horizon, and the forecasts they come from.

    `pairs` has a row for each origin and minute (or second) with a price: origin, ds, lead, close,
    and a column of levels for each of `forecasters` (our own first), with `yhat_lower` and
    `yhat_upper` of our own.
    """

    scores: tuple[ForecastScore, ...]
    pairs: pd.DataFrame
    forecasters: tuple[str, ...] = (PROPHET, *NAIVE)
    terms: Terms = NIGHTLY

    @property
    def origins(self) -> int:
        """How many origins had enough minutes."""
        return int(self.pairs["origin"].nunique())


def backtest(
    prices_df: pd.DataFrame,
    plan: Plan,
    recipe: Recipe | None = None,
    *,
    rivals: Mapping[str, Forecaster] | None = None,
) -> Evaluation:
    """Backtest over minutes (`ds` naive UTC, `close`), the last origin a day before their end.

    `rivals` are further forecasters, by name.

    Raises:
        HistoryError: no origin has a day before it and a price after it.
    """
    others = {**NAIVE, **(rivals or {})}
    pairs = list(_backtests(prices_df, plan, recipe or Recipe(), others))
    if not pairs:
        unit = "minutes" if plan.terms.grid is MINUTES else "seconds"
        raise HistoryError(
            f"{len(prices_df)} {unit} are too few to evaluate a forecast: "
            f"{plan.needed_rows} before an origin and {plan.terms.ahead} after it are needed"
        )
    all_pairs = pd.concat(pairs, ignore_index=True)
    forecasters = (plan.terms.name, *others)
    scores = tuple(_scores(all_pairs, forecasters, plan.terms))
    return Evaluation(scores, all_pairs, forecasters, plan.terms)


def _scores(
    all_pairs: pd.DataFrame, forecasters: tuple[str, ...], terms: Terms
) -> Iterator[ForecastScore]:
    begin = 0
    for horizon in terms.horizons:
        bucket_df = all_pairs[(all_pairs["lead"] > begin) & (all_pairs["lead"] <= horizon)]
        begin = horizon
        if len(bucket_df):
            for name in forecasters:
                yield score_forecaster(
                    bucket_df,
                    name,
                    horizon=horizon,
                    baseline=LAST_PRICE,
                    with_bounds=name == terms.name,
                )


def _backtests(
    prices_df: pd.DataFrame, plan: Plan, recipe: Recipe, others: Mapping[str, Forecaster]
) -> Iterator[pd.DataFrame]:
    first_origin = prices_df["ds"].iloc[-1] - plan.reach
    for number in range(plan.origins):
        origin = first_origin + number * pd.Timedelta(minutes=plan.every_minutes)
        since = origin - plan.span if plan.span else pd.Timestamp(EPOCH).tz_localize(None)
        training_df = rows_within(prices_df, since, origin)
        actual_df = rows_within(prices_df, origin, origin + plan.terms.ahead * plan.terms.grid.unit)
        if len(training_df) >= plan.needed_rows and len(actual_df):
            try:
                yield forecast_from(
                    training_df, actual_df, origin, recipe=recipe, others=others, terms=plan.terms
                )
            except HistoryError as error:
                log.warning(event("origin left out", origin=origin, reason=error))


def forecast_from(
    training_df: pd.DataFrame,
    actual_df: pd.DataFrame,
    origin_at: pd.Timestamp,
    *,
    recipe: Recipe,
    others: Mapping[str, Forecaster] = NAIVE,
    terms: Terms = NIGHTLY,
) -> pd.DataFrame:
    """The pairs of one origin: what was forecast by what was known there, beside the prices.

    Raises:
        HistoryError: the price did not change before the origin.
    """
    unit = terms.grid.unit
    fitted = fit_recipe(training_df, recipe, grid=terms.grid)
    ds = pd.date_range(origin_at + unit, periods=terms.ahead, freq=unit)
    forecast_df = predict_at(fitted, ds, grid=terms.grid)
    levels = {name: forecast(training_df, ds) for name, forecast in others.items()}
    forecast_df = forecast_df.rename(columns={"yhat": terms.name}).assign(**levels)
    pairs = actual_df.merge(forecast_df, on="ds")
    lead = ((pairs["ds"] - origin_at) / unit).round().astype(np.int64)
    return pairs.assign(origin=origin_at, lead=lead)
