"""The seasons of many symbols fitted to price changes in Spark: a model a symbol comes back.

A change needs the row before it and the volatility before that, so a symbol's rows are summed in
order, by one task; symbols are spread over the tasks. A task holds one symbol's rows at a time, 16
bytes each; what comes back is a model of a few kilobytes.
"""

from collections.abc import Callable

import msgspec
import pandas as pd
from pyspark.sql import DataFrame

from include.errors import HistoryError
from include.forecast.manifest import Band
from include.forecast.prophet import Fitted, from_json, to_json
from include.forecast.recipe import Recipe, fit_recipe

FITTED = "symbol string, model string, fitted_by string, walk double, volatility double, " + (
    "band binary, reason string"
)
COLUMNS = ["symbol", "model", "fitted_by", "walk", "volatility", "band", "reason"]


def fit_changes(minutes_df: DataFrame, recipe: Recipe) -> tuple[dict[str, Fitted], dict[str, str]]:
    """A model of every symbol of `symbol, ds, close` (times without a zone, UTC), in any order.

    With the column `target` it is fitted to that, as in the recipe.

    Gives the models, the same as `fit_recipe` of each symbol's rows alone, and of the symbols that
    cannot be fitted the reasons.
    """
    rows = (
        minutes_df.select("symbol", *_choose_columns(minutes_df.columns))
        .groupBy("symbol")
        .applyInPandas(_fitter(recipe), FITTED)
        .collect()
    )
    models = {
        row["symbol"]: Fitted(
            from_json(row["model"]),
            row["fitted_by"],
            row["walk"],
            row["volatility"],
            msgspec.json.decode(row["band"], type=Band),
        )
        for row in rows
        if row["reason"] is None
    }
    return models, {row["symbol"]: row["reason"] for row in rows if row["reason"] is not None}


def _choose_columns(names: list[str]) -> list[str]:
    return [name for name in ("ds", "close", "target") if name in names]


def _fitter(recipe: Recipe) -> Callable[[pd.DataFrame], pd.DataFrame]:
    def fit(symbol_df: pd.DataFrame) -> pd.DataFrame:
        symbol = str(symbol_df["symbol"].iloc[0])
        columns_df = symbol_df[_choose_columns(list(symbol_df.columns))]
        prices_df = columns_df.sort_values("ds").reset_index(drop=True)
        try:
            fitted = fit_recipe(prices_df, recipe)
        except HistoryError as error:
            return pd.DataFrame([[symbol, *[None] * 5, str(error)]], columns=COLUMNS)
        values = [
            to_json(fitted.prophet),
            fitted.fitted_by,
            fitted.walk,
            fitted.volatility,
            msgspec.json.encode(fitted.band),
        ]
        return pd.DataFrame([[symbol, *values, None]], columns=COLUMNS)

    return fit
