"""Prophet fitted to many symbols in Spark: only a few rows and small matrices of each come back.

The rows of a symbol are summed where they lie, in as many tasks as there are; thousands of
symbols, or years of seconds of one, take no more memory here than their 60 x 60 matrices.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import reduce
from typing import Any

import numpy as np
import pandas as pd
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from include.forecast.damping import LAG_ROWS
from include.forecast.map_fit import PASSES, Floats, Sums, maximised, settled
from include.forecast.prophet import Fitted
from include.forecast.sufficient_statistics import (
    SeriesShape,
    change_rows,
    finish_model,
    skeleton,
    sums_of_part,
    total,
)

PART = "symbol string, rows bigint, gram binary, moment binary, square double"
Models = Mapping[str, Any]


def fitted(minutes: DataFrame) -> dict[str, Fitted]:
    """A model of every symbol of `symbol, ds, close` (times without a zone, UTC), in any order.

    The same as `model.fit` of each symbol's rows alone, to rounding.
    """
    made = shapes_of(minutes)
    frames = {symbol: skeleton(shape) for symbol, shape in made.items()}
    models = {symbol: model for symbol, (model, _) in frames.items()}
    thetas = {symbol: np.zeros(len(priors.precision)) for symbol, (_, priors) in frames.items()}
    sigmas: dict[str, float] = {}
    left = set(made)
    for _ in range(PASSES):
        sums = summed(minutes.where(F.col("symbol").isin(*left)), models, thetas)
        for symbol, found in sums.items():
            thetas[symbol], sigma2 = maximised(found, frames[symbol][1])
            sigmas[symbol] = float(np.sqrt(sigma2))
        left = {one for one, found in sums.items() if not settled(found, thetas[one])}
        if not left:
            break
    return {one: finish_model(shape, thetas[one], sigmas[one]) for one, shape in made.items()}


def summed(minutes: DataFrame, models: Models, references: Mapping[str, Floats]) -> dict[str, Sums]:
    """The sums of every symbol around its reference; each task sends one part a symbol."""
    parts = minutes.select("symbol", "ds", "close").mapInPandas(_summing(models, references), PART)
    found: dict[str, list[Sums]] = {}
    for row in parts.toLocalIterator():
        gram, moment = np.frombuffer(row["gram"]), np.frombuffer(row["moment"])
        size, symbol = len(moment), row["symbol"]
        part = Sums(
            row["rows"], gram.reshape(size, size), moment, row["square"], references[symbol]
        )
        found.setdefault(symbol, []).append(part)
    return {symbol: total(parts) for symbol, parts in found.items()}


def _summing(
    models: Models, references: Mapping[str, Floats]
) -> Callable[[Iterator[pd.DataFrame]], Iterator[pd.DataFrame]]:
    def work(batches: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        parts: dict[str, Sums] = {}
        for batch in batches:
            for key, frame in batch.groupby("symbol", sort=False):
                symbol = str(key)
                part = sums_of_part(models[symbol], frame, references[symbol])
                parts[symbol] = total([parts[symbol], part]) if symbol in parts else part
        yield pd.DataFrame(
            [
                (symbol, one.rows, one.gram.tobytes(), one.moment.tobytes(), one.square)
                for symbol, one in parts.items()
            ],
            columns=["symbol", "rows", "gram", "moment", "square"],
        )

    return work


def shapes_of(minutes: DataFrame) -> dict[str, SeriesShape]:
    """The rows of every symbol that shape its model, and its volatility."""
    numbered = minutes.select(
        "symbol",
        "ds",
        "close",
        (F.row_number().over(Window.partitionBy("symbol").orderBy("ds")) - 1).alias("number"),
    )
    sizes = {row["symbol"]: row for row in _sizes(minutes).collect()}
    wanted = {
        symbol: {0, row["rows"] - 1, *change_rows(row["rows"])} for symbol, row in sizes.items()
    }
    rows = numbered.where(_chosen(wanted)).toPandas()
    walks = {row["symbol"]: row["walk"] for row in _walks(numbered, sizes).collect()}
    return {
        symbol: _shape(
            row, rows[rows["symbol"] == symbol].sort_values("number"), walk=walks.get(symbol) or 0.0
        )
        for symbol, row in sizes.items()
    }


def _sizes(minutes: DataFrame) -> DataFrame:
    row = F.struct("ds", "close")
    return minutes.groupBy("symbol").agg(
        F.count("*").alias("rows"),
        F.min_by(row, "close").alias("lowest"),
        F.max_by(row, "close").alias("highest"),
        F.max_by(row, F.abs(F.log("close"))).alias("largest"),
    )


def _chosen(wanted: Mapping[str, set[int]]) -> Column:
    each = [
        (F.col("symbol") == symbol) & F.col("number").isin(*sorted(numbers))
        for symbol, numbers in wanted.items()
    ]
    return reduce(lambda one, other: one | other, each)


def _walks(numbered: DataFrame, sizes: Mapping[str, Any]) -> DataFrame:
    steps = {symbol: min(LAG_ROWS, max(row["rows"] // 3, 1)) for symbol, row in sizes.items()}
    step = F.create_map(*(F.lit(one) for pair in steps.items() for one in pair))[F.col("symbol")]
    ordered = Window.partitionBy("symbol").orderBy("ds")
    moves = numbered.where(F.col("number") % step == 0).select(
        "symbol",
        (F.log("close") - F.log(F.lag("close").over(ordered))).alias("move"),
        (_minutes(F.col("ds")) - _minutes(F.lag("ds").over(ordered))).alias("took"),
    )
    return moves.groupBy("symbol").agg(
        F.sqrt(F.avg(F.col("move") * F.col("move") / F.col("took"))).alias("walk")
    )


def _minutes(time: Column) -> Column:
    return F.unix_micros(time.cast("timestamp")) / 60e6


def _shape(size: Any, rows: pd.DataFrame, *, walk: float) -> SeriesShape:
    numbers = set(change_rows(size["rows"]))
    changes = list(rows.loc[rows["number"].isin(numbers), "ds"])
    ends = [size[name] for name in ("lowest", "highest", "largest")]
    extremes = [(end["ds"], end["close"]) for end in ends]
    frame = pd.concat([rows[["ds", "close"]], pd.DataFrame(extremes, columns=["ds", "close"])])
    frame = frame.drop_duplicates("ds").sort_values("ds").reset_index(drop=True)
    return SeriesShape(size["rows"], frame, changes, walk)
