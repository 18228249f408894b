"""How a forecast is made: which likelihood, which holidays; fitted, put at the last price, banded.

`changes` (the default) fits Prophet's seasons to price changes (`change_fit`) and takes the band
from the errors of the last 30 days (`bands`). `levels` is Prophet as published: a trend with
changepoints and seasons fitted to the price itself (`fit`), with Prophet's sampled interval.
Either way the forecast starts at the last price. What is fitted is the close of each minute, or its
weighted price, if that is the target; band and last price are those of closes all the same.
"""

from collections import OrderedDict
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from include.errors import HistoryError, SettingsError
from include.forecast import fit
from include.forecast.bands import MINUTES, Grid, calibrate, realised_volatility
from include.forecast.change_fit import Features, Season, fit_evidence, sum_changes
from include.forecast.damping import Floats, measure_volatility
from include.forecast.history import CLOSE, TARGETS
from include.forecast.holidays import as_frame, day_events, read_holidays
from include.forecast.manifest import Holiday
from include.forecast.map_fit import MapBackend, Sums
from include.forecast.prophet import (
    WEEKLY_NEEDS_DAYS,
    Fitted,
    make_change_model,
    rows_of,
)
from include.settings.forecast import ForecastSettings

CHANGES, LEVELS = "changes", "levels"
LIKELIHOODS = (CHANGES, LEVELS)
YEARLY_NEEDS_DAYS = 730
SEASONS = (
    (Season("yearly", 365.25, 10), YEARLY_NEEDS_DAYS),
    (Season("weekly", 7, 3), WEEKLY_NEEDS_DAYS),
    (Season("daily", 1, 4), 0),
)
FITTED_BY = "changes"
FEWEST_ROWS = 2  # Prophet's own


@dataclass(frozen=True)
class Recipe:
    """What a model is fitted with, apart from its minutes."""

    likelihood: str = CHANGES
    holidays: tuple[Holiday, ...] = ()
    target: str = CLOSE


def fit_recipe(prices_df: pd.DataFrame, recipe: Recipe, *, grid: Grid = MINUTES) -> Fitted:
    """A model of these rows (`ds` naive UTC, ascending, and `close`), at the last price.

    It is fitted to `target`, where the rows have that column and the recipe does not want closes.

    Raises:
        HistoryError: a price is not above 0, or none changed in the last day.
    """
    _require_prices(prices_df)
    target_df = _choose_targets(prices_df, recipe)
    if recipe.likelihood == LEVELS:
        return _put_at_last_row(fit.fit(target_df), prices_df)
    features = features_of(prices_df, recipe, grid=grid)
    return finish_changes(prices_df, recipe, sum_changes(features, target_df), grid=grid)


def _choose_targets(prices_df: pd.DataFrame, recipe: Recipe) -> pd.DataFrame:
    """The rows that are fitted, their target as `close`."""
    if recipe.target == CLOSE or "target" not in prices_df:
        return prices_df
    return pd.DataFrame({"ds": prices_df["ds"], "close": prices_df["target"]}, copy=False)


def configured_recipe(rules: ForecastSettings) -> Recipe:
    """The recipe of the settings.

    Raises:
        SettingsError: there is no such likelihood, or no such target.
        HistoryError: the holidays cannot be read.
    """
    for name, choice, choices in (
        ("LIKELIHOOD", rules.likelihood, LIKELIHOODS),
        ("TARGET", rules.target, TARGETS),
    ):
        if choice not in choices:
            raise SettingsError(
                f"TICKHOUSE_FORECAST_{name} is {choice!r}: it is one of {', '.join(choices)}"
            )
    return Recipe(rules.likelihood, read_holidays(rules.holidays), rules.target)


def _require_prices(prices_df: pd.DataFrame) -> None:
    if len(prices_df) < FEWEST_ROWS:
        raise HistoryError(f"{len(prices_df)} prices are too few: {FEWEST_ROWS} are needed")
    closes = prices_df["close"].to_numpy(dtype=np.float64)
    impossible = np.flatnonzero(~(np.isfinite(closes) & (closes > 0)))
    if impossible.size:
        row = prices_df.iloc[int(impossible[0])]
        raise HistoryError(describe_impossible(row["ds"], row["close"]))


def describe_impossible(minute_at: datetime, price: float) -> str:
    """Why a price cannot be one, in a sentence."""
    return f"the price at {minute_at} is {price}: it must be a number above 0"


def _describe_stillness(prices_df: pd.DataFrame, grid: Grid) -> str:
    """Why the last window has no volatility: nothing changed, or too little of it is known."""
    last = prices_df["ds"].iloc[-1]
    first = max(prices_df["ds"].iloc[0], last - grid.window * grid.unit)
    window_df = prices_df[prices_df["ds"] >= first]
    if window_df["close"].nunique() > 1:
        return (
            f"only {len(window_df)} prices lie between {first} and {last}, and "
            f"{grid.fewest * grid.unit} without a longer gap are needed"
        )
    return f"the price is {prices_df['close'].iloc[-1]:g} without a change from {first} to {last}"


def features_of(prices_df: pd.DataFrame, recipe: Recipe, *, grid: Grid = MINUTES) -> Features:
    """The seasons that the span of the rows allows, and the events of the recipe.

    A short series of seconds has neither.
    """
    if grid is not MINUTES:
        return Features(())
    days = (prices_df["ds"].iloc[-1] - prices_df["ds"].iloc[0]) / pd.Timedelta(days=1)
    seasons = tuple(season for season, needed_days in SEASONS if days >= needed_days)
    return Features(seasons, day_events(recipe.holidays))


def finish_changes(
    prices_df: pd.DataFrame, recipe: Recipe, sums: Sums | None, *, grid: Grid = MINUTES
) -> Fitted:
    """The model of these sums (none: without a season), at the last price, with the rows' band.

    Raises:
        HistoryError: the price did not change in the last day (hour, of seconds).
    """
    realised = realised_volatility(prices_df, grid=grid)
    if not realised > 0:
        raise HistoryError(
            f"{_describe_stillness(prices_df, grid)}: there is no volatility to forecast with"
        )
    features = features_of(prices_df, recipe, grid=grid)
    coefficients = np.empty(0) if sums is None else fit_evidence(sums, features.groups)[1:]
    model = make_change_model(
        {season.name: season.order for season in features.seasons},
        as_frame(recipe.holidays if features.events else ()),
    )
    model.stan_backend = _ChangesBackend(coefficients)
    model.fit(rows_of(_key_rows(prices_df)))
    model.stan_backend = MapBackend()
    model.params["beta"] = model.params["beta"] / model.y_scale
    fitted = Fitted(
        model, FITTED_BY, measure_volatility(prices_df), realised, calibrate(prices_df, grid=grid)
    )
    return _put_at_last_row(fitted, prices_df)


class _ChangesBackend(MapBackend):
    """Gives Prophet coefficients (log price) that were fitted to changes, without a trend."""

    def __init__(self, coefficients: Floats) -> None:
        self._coefficients = coefficients
        super().__init__()

    def fit(
        self, stan_init: dict[str, Any], stan_data: dict[str, Any], **kwargs: Any
    ) -> dict[str, Any]:
        width = int(np.asarray(stan_data["X"]).shape[1])
        # without seasons Prophet has one column of zeros
        beta = self._coefficients if len(self._coefficients) else np.zeros(width)
        none = np.zeros((1, 1))
        return OrderedDict(
            k=none,
            m=none.copy(),
            delta=none.copy(),
            sigma_obs=none + 1.0,
            beta=beta.reshape(1, -1),
        )


def _key_rows(prices_df: pd.DataFrame) -> pd.DataFrame:
    """The rows that determine Prophet's scales: first, last, lowest and highest."""
    closes = prices_df["close"].to_numpy()
    numbers = {0, len(prices_df) - 1, int(closes.argmin()), int(closes.argmax())}
    return prices_df.iloc[sorted(numbers)].reset_index(drop=True)


def _put_at_last_row(fitted: Fitted, prices_df: pd.DataFrame) -> Fitted:
    last = prices_df.iloc[-1]
    return put_at_last_price(fitted, last_at=last["ds"], last_price=float(last["close"]))


def put_at_last_price(fitted: Fitted, *, last_at: pd.Timestamp, last_price: float) -> Fitted:
    """The model with its level moved so that it is the last price at the last row's time."""
    model, last_df = fitted.prophet, pd.DataFrame({"ds": [last_at]})
    model.uncertainty_samples = 0
    for _ in range(2):  # the second time takes away what the first has left by rounding
        distance = np.log(last_price) - model.predict(last_df)["yhat"].iloc[0]
        model.params["m"] = model.params["m"] + distance / model.y_scale
    return replace(fitted, prophet=model)
