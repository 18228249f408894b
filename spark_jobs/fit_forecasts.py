"""Fit a model to every symbol of the lake at once, on whatever Spark runs on.

`python -m spark_jobs.fit_forecasts --output DIR`, or the same by spark-submit on a cluster, writes
one file a symbol: Prophet's own JSON, as `retrain_forecast` saves it. By the likelihood `changes` a
model of each symbol leaves the cluster (`forecast_changes.py`), by `levels` a few rows and small
matrices (`forecast_sums.py`).
"""

import logging
from datetime import UTC, datetime
from pathlib import Path

import click
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from include.atomic_files import write_file
from include.errors import HistoryError
from include.forecast.history import BELIEVED, CLOSE, MIN_MINUTES
from include.forecast.prophet import Fitted, to_json
from include.forecast.recipe import LEVELS, Recipe, configured_recipe
from include.lake.columns import Table
from include.lake.tables import HISTORY, TABLES, TRADE_MINUTES
from include.log import event
from include.market.time import parse_iso_time
from include.process import run_job
from include.settings import Settings, from_environment
from spark_jobs.forecast_changes import fit_changes
from spark_jobs.forecast_sums import fit_levels
from spark_jobs.session import open_session
from spark_jobs.sinks import create_table, locate_table

# The rules of `include/forecast/history.py`: an archive's minute wins over the lake's own, of two
# archives the one loaded last; of the lake's own those of one venue count; a minute without a trade
# is left out, and one without a weighted price has its close.
MINUTES = """
WITH ranked AS (
    SELECT symbol, minute, close, vwap, row_number() OVER (
        PARTITION BY symbol, minute ORDER BY loaded_at DESC, source) AS rank
    FROM {history} WHERE traded
), archived AS (
    SELECT symbol, minute, CAST(close AS double) AS close, vwap FROM ranked WHERE rank = 1
), chosen AS (
    SELECT symbol, min_by(venue, struct(
        coalesce(nullif(array_position(split({order}, ','), venue), 0), 1000), venue)) AS venue
    FROM {trades} GROUP BY symbol
), landed AS (
    SELECT venue, symbol, date_trunc('minute', traded_at) AS minute,
           CAST(max_by(price, struct(traded_at, `offset`, event_index)) AS double) AS close
    FROM {trades} JOIN chosen USING (symbol, venue)
    GROUP BY venue, symbol, date_trunc('minute', traded_at)
), weighted AS (
    SELECT venue, symbol, minute, CAST(total_quote_buy + total_quote_sell AS double)
        / nullif(CAST(total_base_buy + total_base_sell AS double), 0) AS vwap
    FROM {trade_minutes}
)
SELECT symbol, CAST(minute AS timestamp_ntz) AS ds, close, coalesce(vwap, close) AS target
FROM archived
UNION ALL
SELECT symbol, CAST(minute AS timestamp_ntz), close, coalesce(vwap, close)
FROM landed ANTI JOIN archived USING (symbol, minute)
LEFT JOIN weighted USING (venue, symbol, minute)
"""
log = logging.getLogger("tickhouse.fit_forecasts")


def lake_minutes(
    spark: SparkSession, settings: Settings, *, as_of: datetime, target: str = CLOSE
) -> DataFrame:
    """`symbol, ds, close` of every whole minute with a trade before `as_of`, of all symbols.

    Where closes are not the training target, with the column `target`.
    """
    upto = as_of.astimezone(UTC).replace(second=0, microsecond=0)
    history_df = _read_before(spark, settings, HISTORY, time_column="minute", end_at=upto)
    trades_df = _read_before(
        spark, settings, TABLES["trades"], time_column="traded_at", end_at=upto
    ).where(f"condition IS NULL AND {BELIEVED}")
    weighted_df = _read_before(spark, settings, TRADE_MINUTES, time_column="minute", end_at=upto)
    minutes_df = spark.sql(
        MINUTES,
        history=history_df,
        trades=trades_df,
        trade_minutes=weighted_df,
        order=",".join(settings.venue_order),
    )
    return minutes_df.drop("target") if target == CLOSE else minutes_df


def _read_before(
    spark: SparkSession, settings: Settings, table: Table, *, time_column: str, end_at: datetime
) -> DataFrame:
    create_table(spark, settings, table)
    rows_df = spark.read.format("delta").load(locate_table(settings, table.name))
    return rows_df.where(F.col(time_column) < F.lit(end_at))


def fit_all(
    minutes_df: DataFrame, output: Path, recipe: Recipe, *, symbols: tuple[str, ...] = ()
) -> list[str]:
    """Fit and write a model of each symbol that has enough minutes; give the symbols.

    Raises:
        HistoryError: no symbol has, or a requested one has not, or cannot be fitted.
    """
    counts = {row["symbol"]: row["count"] for row in minutes_df.groupBy("symbol").count().collect()}
    requested = symbols or tuple(sorted(counts))
    enough = [symbol for symbol in requested if counts.get(symbol, 0) >= MIN_MINUTES]
    for symbol in sorted(set(requested) - set(enough)):
        reason = (
            f"only {counts.get(symbol, 0)} minutes of {symbol} with a trade: {MIN_MINUTES} needed"
        )
        if symbols:
            raise HistoryError(reason)
        log.warning(event("symbol left out", reason=reason))
    if not enough:
        raise HistoryError(f"no symbol has the {MIN_MINUTES} minutes that a model needs")
    output.mkdir(parents=True, exist_ok=True)
    models, reasons = _fit(minutes_df.where(F.col("symbol").isin(*enough)), recipe)
    for symbol, reason in reasons.items():
        if symbols:
            raise HistoryError(f"{symbol} cannot be forecast: {reason}")
        log.warning(event("symbol left out", symbol=symbol, reason=reason))
    for symbol, fitted in models.items():
        write_file(output / f"{symbol}.json", to_json(fitted.prophet))
        log.info(event("model fitted", symbol=symbol, rows=counts[symbol], by=fitted.fitted_by))
    return sorted(models)


def _fit(minutes_df: DataFrame, recipe: Recipe) -> tuple[dict[str, Fitted], dict[str, str]]:
    if recipe.likelihood == LEVELS:
        return fit_levels(minutes_df)
    return fit_changes(minutes_df, recipe)


@click.command()
@click.option("--output", required=True, type=click.Path(path_type=Path, file_okay=False))
@click.option("--symbol", "symbols", multiple=True, help="BASE-QUOTE; repeatable; none: all")
@click.option("--as-of", default="", help="leave out minutes from this time on (ISO, UTC)")
def main(output: Path, symbols: tuple[str, ...], as_of: str) -> None:
    """Fit a model to every symbol of the lake."""
    try:
        moment = parse_iso_time(as_of) if as_of else datetime.now(UTC)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--as-of") from None
    with run_job("fit_forecasts"):
        settings = from_environment()
        spark = open_session(settings, "fit forecasts")
        recipe = configured_recipe(settings.forecast)
        minutes_df = lake_minutes(spark, settings, as_of=moment, target=recipe.target)
        fitted_symbols = fit_all(minutes_df, output, recipe, symbols=symbols)
        spark.stop()
    click.echo("\n".join(fitted_symbols))


if __name__ == "__main__":
    main()
