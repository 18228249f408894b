"""Prophet fitted to many symbols in Spark: only a few rows and small matrices of each come back.

The rows of a symbol are summed where they are stored, in as many tasks as there are; thousands of
symbols, or years of seconds of one, take no more memory here than their 60 x 60 matrices.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import reduce
from typing import Any

import numpy as np
import pandas as pd
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from include.forecast.damping import LAG_ROWS, Floats
from include.forecast.map_fit import PASSES, Sums, is_accurate, maximise
from include.forecast.prophet import Fitted
from include.forecast.recipe import describe_impossible, put_at_last_price
from include.forecast.sufficient_statistics import (
    SeriesShape,
    add_up,
    changepoint_rows,
    finish_model,
    make_skeleton,
    sums_of_part,
)

PART = "symbol string, rows bigint, gram binary, moment binary, square double"
Models = Mapping[str, Any]


def fit_levels(minutes_df: DataFrame) -> tuple[dict[str, Fitted], dict[str, str]]:
    """A model of every symbol of `symbol, ds, close` (times without a zone, UTC), in any order.

    With the column `target` it is fitted to that, as in the recipe.

    Gives the models, the same as `fit_recipe` of each symbol's rows alone, to rounding, and of the
    symbols that cannot be fitted the reasons.
    """
    ends = {row["symbol"]: row for row in _ends(minutes_df).collect()}
    reasons = {
        symbol: describe_impossible(row["impossible"]["ds"], row["impossible"]["close"])
        for symbol, row in ends.items()
        if row["impossible"] is not None
    }
    if len(reasons) == len(ends):
        return {}, reasons
    possible_df = minutes_df.where(~F.col("symbol").isin(*reasons)) if reasons else minutes_df
    if "target" in minutes_df.columns:
        possible_df = possible_df.withColumn("close", F.col("target"))
    models = {
        symbol: put_at_last_price(
            fitted, last_at=pd.Timestamp(ends[symbol]["last_at"]), last_price=ends[symbol]["price"]
        )
        for symbol, fitted in fit_symbols(possible_df).items()
    }
    return models, reasons


def _ends(minutes_df: DataFrame) -> DataFrame:
    """By symbol its last time and price, and the first row whose price cannot be one."""
    close = F.coalesce("close", F.lit(float("nan")))
    is_possible = (close > 0) & (close < float("inf"))  # in Spark, NaN is above all numbers
    return minutes_df.groupBy("symbol").agg(
        F.max("ds").alias("last_at"),
        F.max_by("close", "ds").alias("price"),
        F.min_by(F.struct("ds", close.alias("close")), F.when(~is_possible, F.col("ds"))).alias(
            "impossible"
        ),
    )


def fit_symbols(minutes_df: DataFrame) -> dict[str, Fitted]:
    """A model of every symbol of `symbol, ds, close` (times without a zone, UTC), in any order.

    The same as `fit.fit` of each symbol's rows alone, to rounding.
    """
    shapes = shapes_of(minutes_df)
    skeletons = {symbol: make_skeleton(shape) for symbol, shape in shapes.items()}
    models = {symbol: model for symbol, (model, _) in skeletons.items()}
    thetas = {symbol: np.zeros(len(priors.precision)) for symbol, (_, priors) in skeletons.items()}
    sigmas: dict[str, float] = {}
    unsettled = set(shapes)
    for _ in range(PASSES):
        sums = sum_by_symbol(minutes_df.where(F.col("symbol").isin(*unsettled)), models, thetas)
        for symbol, sums_of_symbol in sums.items():
            thetas[symbol], sigma2 = maximise(sums_of_symbol, skeletons[symbol][1])
            sigmas[symbol] = float(np.sqrt(sigma2))
        unsettled = {
            symbol
            for symbol, sums_of_symbol in sums.items()
            if not is_accurate(sums_of_symbol, thetas[symbol])
        }
        if not unsettled:
            break
    return {
        symbol: finish_model(shape, thetas[symbol], sigmas[symbol])
        for symbol, shape in shapes.items()
    }


def sum_by_symbol(
    minutes_df: DataFrame, models: Models, references: Mapping[str, Floats]
) -> dict[str, Sums]:
    """The sums of every symbol around its reference; each task sends one part a symbol."""
    parts_df = minutes_df.select("symbol", "ds", "close").mapInPandas(
        _make_summing_task(models, references), PART
    )
    parts_by_symbol: dict[str, list[Sums]] = {}
    for row in parts_df.toLocalIterator():
        gram, moment = np.frombuffer(row["gram"]), np.frombuffer(row["moment"])
        size, symbol = len(moment), row["symbol"]
        part = Sums(
            row["rows"], gram.reshape(size, size), moment, row["square"], references[symbol]
        )
        parts_by_symbol.setdefault(symbol, []).append(part)
    return {symbol: add_up(parts) for symbol, parts in parts_by_symbol.items()}


def _make_summing_task(
    models: Models, references: Mapping[str, Floats]
) -> Callable[[Iterator[pd.DataFrame]], Iterator[pd.DataFrame]]:
    def work(batches: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        parts: dict[str, Sums] = {}
        for batch_df in batches:
            for key, symbol_df in batch_df.groupby("symbol", sort=False):
                symbol = str(key)
                part = sums_of_part(models[symbol], symbol_df, references[symbol])
                parts[symbol] = add_up([parts[symbol], part]) if symbol in parts else part
        yield pd.DataFrame(
            [
                (symbol, sums.rows, sums.gram.tobytes(), sums.moment.tobytes(), sums.square)
                for symbol, sums in parts.items()
            ],
            columns=["symbol", "rows", "gram", "moment", "square"],
        )

    return work


def shapes_of(minutes_df: DataFrame) -> dict[str, SeriesShape]:
    """The key rows of every symbol, and its volatility."""
    numbered_df = minutes_df.select(
        "symbol",
        "ds",
        "close",
        (F.row_number().over(Window.partitionBy("symbol").orderBy("ds")) - 1).alias("number"),
    )
    sizes = {row["symbol"]: row for row in _sizes(minutes_df).collect()}
    row_numbers = {
        symbol: {0, row["rows"] - 1, *changepoint_rows(row["rows"])}
        for symbol, row in sizes.items()
    }
    key_rows_df = numbered_df.where(_is_chosen(row_numbers)).toPandas()
    walks = {row["symbol"]: row["walk"] for row in _walks(numbered_df, sizes).collect()}
    return {
        symbol: _shape(
            row,
            key_rows_df[key_rows_df["symbol"] == symbol].sort_values("number"),
            walk=walks.get(symbol) or 0.0,
        )
        for symbol, row in sizes.items()
    }


def _sizes(minutes_df: DataFrame) -> DataFrame:
    row = F.struct("ds", "close")
    return minutes_df.groupBy("symbol").agg(
        F.count("*").alias("rows"),
        F.min_by(row, "close").alias("lowest"),
        F.max_by(row, "close").alias("highest"),
        F.max_by(row, F.abs(F.log("close"))).alias("largest"),
    )


def _is_chosen(row_numbers: Mapping[str, set[int]]) -> Column:
    each = [
        (F.col("symbol") == symbol) & F.col("number").isin(*sorted(numbers))
        for symbol, numbers in row_numbers.items()
    ]
    return reduce(lambda earlier, later: earlier | later, each)


def _walks(numbered_df: DataFrame, sizes: Mapping[str, Any]) -> DataFrame:
    steps = {symbol: min(LAG_ROWS, max(row["rows"] // 3, 1)) for symbol, row in sizes.items()}
    step = F.create_map(*(F.lit(value) for pair in steps.items() for value in pair))[
        F.col("symbol")
    ]
    ordered = Window.partitionBy("symbol").orderBy("ds")
    moves_df = numbered_df.where(F.col("number") % step == 0).select(
        "symbol",
        (F.log("close") - F.log(F.lag("close").over(ordered))).alias("move"),
        (_minutes(F.col("ds")) - _minutes(F.lag("ds").over(ordered))).alias("took"),
    )
    return moves_df.groupBy("symbol").agg(
        F.sqrt(F.avg(F.col("move") * F.col("move") / F.col("took"))).alias("walk")
    )


def _minutes(timestamp: Column) -> Column:
    return F.unix_micros(timestamp.cast("timestamp")) / 60e6


def _shape(size: Any, key_rows_df: pd.DataFrame, *, walk: float) -> SeriesShape:
    numbers = set(changepoint_rows(size["rows"]))
    changepoints = list(key_rows_df.loc[key_rows_df["number"].isin(numbers), "ds"])
    ends = [size[name] for name in ("lowest", "highest", "largest")]
    extremes = [(end["ds"], end["close"]) for end in ends]
    shape_df = pd.concat(
        [key_rows_df[["ds", "close"]], pd.DataFrame(extremes, columns=["ds", "close"])]
    )
    shape_df = shape_df.drop_duplicates("ds").sort_values("ds").reset_index(drop=True)
    return SeriesShape(size["rows"], shape_df, changepoints, walk)
