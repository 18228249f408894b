"""Bring an archive of minute bars into the lake: `stage` it for the gate, then `land` it.

Between the two stands the gate: a bad file never touches `history_minutes`. Both steps can be
repeated without changing anything more.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click
import pyarrow as pa
from delta.tables import DeltaTable
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from include.errors import HistoryError, first_line
from include.lake import archive
from include.lake.csv_editions import recognise
from include.lake.reading import open_table
from include.lake.tables import HISTORY
from include.log import event
from include.market.symbols import require_symbol
from include.market.time import parse_iso_time
from include.process import run_job
from include.settings import Settings, from_environment
from spark_jobs.progress import log_progress
from spark_jobs.session import open_session
from spark_jobs.sinks import create_table, locate_table
from spark_jobs.transforms.history import ALL, VALUES, OpenSpan, make_bars

STAGING = "history_staging"
# More than this is read long enough for the JVM's optimising compiler to pay.
BRIEF_BYTES = 16 * 1024 * 1024
log = logging.getLogger("tickhouse.load_history")


def stage(
    spark: SparkSession,
    settings: Settings,
    file: Path,
    *,
    symbol: str,
    run_id: str,
    now: datetime,
    bounds: OpenSpan = ALL,
) -> int:
    """Read an archive's file into the staging table, bad rows with their reasons.

    Minutes outside the span are left out. Gives the number of good rows.

    Raises:
        HistoryError: the file, or any row of it, cannot be used; names the first such rows.
    """
    edition = recognise(archive.first_lines(file))
    log.info(event("history file", file=file.name, source=edition.source, columns=edition.columns))

    shared = archive.share(file, settings)

    def write_staging(*, single: bool) -> DataFrame:
        lines_df = spark.read.text(str(shared))
        bars_df = make_bars(lines_df, edition, now=now, bounds=bounds, single=single).select(
            F.lit(run_id).alias("run_id"),
            "line_number",
            "line",
            "reason",
            F.lit(edition.source).alias("source"),
            F.lit(require_symbol(symbol)).alias("symbol"),
            "minute",
            *VALUES,
            F.lit(now).alias("loaded_at"),
        )
        with log_progress(spark, log, "staging"):
            _overwrite(bars_df, locate_table(settings, STAGING), name=file.name)
        return spark.read.format("delta").load(locate_table(settings, STAGING))

    staged_df = write_staging(single=False)
    if _has_repeats(staged_df):  # rare, and finding out which costs a sort of the whole file
        staged_df = write_staging(single=True)
    _refuse_bad(staged_df, name=file.name)
    count = staged_df.count()
    log.info(event("history staged", rows=count, symbol=symbol))
    return count


def land(spark: SparkSession, settings: Settings, *, run_id: str) -> int:
    """Merge what this run staged into `history_minutes`; give the rows of the staging table.

    Raises:
        HistoryError: nothing, another run or bad rows are staged.
    """
    if not DeltaTable.isDeltaTable(spark, locate_table(settings, STAGING)):
        raise HistoryError("no history is staged")
    staged_df = spark.read.format("delta").load(locate_table(settings, STAGING))
    if staged_df.where((F.col("run_id") != run_id) | F.col("reason").isNotNull()).limit(1).count():
        raise HistoryError(f"what is staged is not (or not only) what run {run_id} staged")
    create_table(spark, settings, HISTORY)
    target = DeltaTable.forPath(spark, locate_table(settings, HISTORY.name))
    rows_df = staged_df.select(*HISTORY.names)
    if not _has_any_of(target, staged_df):
        with log_progress(spark, log, "landing"):
            _append(rows_df, locate_table(settings, HISTORY.name))
        return _count_landed(staged_df)
    is_changed = " OR ".join(f"NOT (old.{name} <=> new.{name})" for name in VALUES)
    same = " AND ".join(f"old.{name} = new.{name}" for name in HISTORY.key)
    merge = (
        target.alias("old")
        .merge(rows_df.alias("new"), same)
        .whenMatchedUpdateAll(condition=is_changed)
        .whenNotMatchedInsertAll()
    )
    with log_progress(spark, log, "landing"):
        merge.execute()
    return _count_landed(staged_df)


def _append(rows_df: DataFrame, location: str) -> None:
    rows_df.write.format("delta").mode("append").save(location)


def _has_any_of(target: DeltaTable, staged_df: DataFrame) -> bool:
    """Whether the table has any minute of the staged source and symbol."""
    series_df = staged_df.select("source", "symbol").distinct()
    landed_df = target.toDF().join(F.broadcast(series_df), ["source", "symbol"], "left_semi")
    return landed_df.limit(1).count() > 0


def _count_landed(staged_df: DataFrame) -> int:
    count = staged_df.count()
    log.info(event("history landed", rows=count))
    return count


def _overwrite(bars_df: DataFrame, location: str, *, name: str) -> None:
    writer = bars_df.write.format("delta").mode("overwrite").option("overwriteSchema", "true")
    try:
        writer.save(location)
    except PySparkException as error:
        cause = first_line(error)
        raise HistoryError(f"history file {name} cannot be read to its end: {cause}") from error


def _has_repeats(staged_df: DataFrame) -> bool:
    """Whether two usable rows have the same minute."""
    counts_df = staged_df.where(F.col("reason").isNull()).agg(
        F.count("*").alias("rows"), F.count_distinct("minute").alias("minutes")
    )
    (counts,) = counts_df.collect()
    return bool(counts["rows"] != counts["minutes"])


def _refuse_bad(staged_df: DataFrame, *, name: str) -> None:
    bad_df = staged_df.where(F.col("reason").isNotNull())
    first = bad_df.orderBy("line_number").limit(5).collect()
    if first:
        reasons = "; ".join(f"{row.line[:160]!r}: {row.reason}" for row in first)
        raise HistoryError(f"{bad_df.count()} rows of {name} cannot be used, first {reasons}")


@click.group()
def main() -> None:
    """Load minute history."""


@main.command("stage")
@click.option(
    "--source",
    default="",
    help="CSV file, URL or kaggle:OWNER/DATASET; empty: that of the settings",
)
@click.option("--symbol", required=True)
@click.option("--run-id", required=True)
@click.option("--since", default="", help="leave out minutes before this time (ISO, UTC)")
@click.option("--until", default="", help="leave out minutes from this time on (ISO, UTC)")
def stage_command(source: str, symbol: str, run_id: str, since: str, until: str) -> None:
    """Read an archive into the staging table."""
    with run_job("load_history"):
        settings = from_environment()
        file = archive.fetch_archive(source or archive.default_source(settings), settings)
        with _spark(settings, input_bytes=file.stat().st_size) as spark:
            click.echo(
                stage(
                    spark,
                    settings,
                    file,
                    symbol=symbol,
                    run_id=run_id,
                    now=datetime.now(UTC),
                    bounds=(_parse_time(since), _parse_time(until)),
                )
            )


def _parse_time(text: str) -> datetime | None:
    try:
        return parse_iso_time(text) if text else None
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


@main.command("land")
@click.option("--run-id", required=True)
def land_command(run_id: str) -> None:
    """Merge the staged rows into history_minutes."""
    with run_job("load_history"):
        settings = from_environment()
        with _spark(settings, input_bytes=_staged_bytes(settings)) as spark:
            click.echo(land(spark, settings, run_id=run_id))


def _staged_bytes(settings: Settings) -> int:
    table = open_table(settings.lake, STAGING)
    if table is None:
        return 0
    return sum(pa.table(table.get_add_actions())["size_bytes"].to_pylist())


@contextmanager
def _spark(settings: Settings, *, input_bytes: int) -> Iterator[SparkSession]:
    """A session for so many bytes of input."""
    spark = open_session(settings, "load_history", brief=input_bytes < BRIEF_BYTES)
    try:
        yield spark
    finally:
        spark.stop()


if __name__ == "__main__":
    main()
