"""Bring an archive of minute bars into the lake: `stage` it to be looked at, then `land` it.

Between the two stands the gate: a bad file never touches `history_minutes`. Both steps can be
repeated without changing anything more.
"""

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

from include.errors import HistoryError
from include.lake import archive
from include.lake.kaggle import recognise
from include.lake.reading import open_table
from include.lake.tables import HISTORY
from include.log import event, start_logging
from include.market.symbols import require_symbol
from include.process import job_errors
from include.settings import Settings, from_environment
from spark_jobs.progress import telling
from spark_jobs.session import session
from spark_jobs.sinks import create_table, path
from spark_jobs.transforms.history import ALL, VALUES, Span, bars

STAGING = "history_staging"
# More than this is read long enough for the JVM's optimising compiler to pay.
BRIEF_BYTES = 16 * 1024 * 1024
log = start_logging("load_history")


def stage(
    spark: SparkSession,
    settings: Settings,
    file: Path,
    *,
    symbol: str,
    run_id: str,
    now: datetime,
    span: Span = ALL,
) -> int:
    """Read an archive's file into the staging table, bad rows with their reasons.

    Minutes outside the span are left out. Gives the number of good rows.

    Raises:
        HistoryError: the file, or any row of it, cannot be used; names the first such rows.
    """
    edition = recognise(archive.first_lines(file))
    log.info(event("history file", file=file.name, source=edition.source, columns=edition.columns))

    def staged_rows(*, single: bool) -> DataFrame:
        lines = spark.read.text(str(file))
        found = bars(lines, edition, now=now, span=span, single=single).select(
            F.lit(run_id).alias("run_id"),
            "place",
            "line",
            "reason",
            F.lit(edition.source).alias("source"),
            F.lit(require_symbol(symbol)).alias("symbol"),
            "minute",
            *VALUES,
            F.lit(now).alias("loaded_at"),
        )
        with telling(spark, log, "staging"):
            _write(found, path(settings, STAGING), name=file.name)
        return spark.read.format("delta").load(path(settings, STAGING))

    staged = staged_rows(single=False)
    if _repeated(staged):  # rare, and finding out which costs a sort of the whole file
        staged = staged_rows(single=True)
    _refuse_bad(staged, name=file.name)
    count = staged.count()
    log.info(event("history staged", rows=count, symbol=symbol))
    return count


def land(spark: SparkSession, settings: Settings, *, run_id: str) -> int:
    """Merge what this run staged into `history_minutes`; give the rows of the staging table.

    Raises:
        HistoryError: nothing, another run or bad rows are staged.
    """
    if not DeltaTable.isDeltaTable(spark, path(settings, STAGING)):
        raise HistoryError("no history is staged")
    staged = spark.read.format("delta").load(path(settings, STAGING))
    if staged.where((F.col("run_id") != run_id) | F.col("reason").isNotNull()).limit(1).count():
        raise HistoryError(f"what is staged is not (or not only) what run {run_id} staged")
    create_table(spark, settings, HISTORY)
    target = DeltaTable.forPath(spark, path(settings, HISTORY.name))
    rows = staged.select(*(column.name for column in HISTORY.columns))
    if not _known(target, staged):
        with telling(spark, log, "landing"):
            _append(rows, path(settings, HISTORY.name))
        return _counted(staged)
    changed = " OR ".join(f"NOT (old.{name} <=> new.{name})" for name in VALUES)
    same = " AND ".join(f"old.{name} = new.{name}" for name in HISTORY.key)
    merge = (
        target.alias("old")
        .merge(rows.alias("new"), same)
        .whenMatchedUpdateAll(condition=changed)
        .whenNotMatchedInsertAll()
    )
    with telling(spark, log, "landing"):
        merge.execute()
    return _counted(staged)


def _append(rows: DataFrame, location: str) -> None:
    rows.write.format("delta").mode("append").save(location)


def _known(target: DeltaTable, staged: DataFrame) -> bool:
    """Whether the table has any minute of the staged source and symbol; then rows may be known."""
    told = staged.select("source", "symbol").distinct()
    there = target.toDF().join(F.broadcast(told), ["source", "symbol"], "left_semi")
    return there.limit(1).count() > 0


def _counted(staged: DataFrame) -> int:
    count = staged.count()
    log.info(event("history landed", rows=count))
    return count


def _write(rows: DataFrame, location: str, *, name: str) -> None:
    try:
        rows.write.format("delta").mode("overwrite").option("overwriteSchema", "true").save(
            location
        )
    except PySparkException as error:
        cause = str(error).strip().splitlines()[0]
        raise HistoryError(f"history file {name} cannot be read to its end: {cause}") from error


def _repeated(staged: DataFrame) -> bool:
    """Whether two usable rows have the same minute."""
    usable = staged.where(F.col("reason").isNull()).agg(
        F.count("*").alias("rows"), F.count_distinct("minute").alias("minutes")
    )
    (told,) = usable.collect()
    return bool(told["rows"] != told["minutes"])


def _refuse_bad(staged: DataFrame, *, name: str) -> None:
    bad = staged.where(F.col("reason").isNotNull())
    first = bad.orderBy("place").limit(5).collect()
    if first:
        shown = "; ".join(f"{row.line[:160]!r}: {row.reason}" for row in first)
        raise HistoryError(f"{bad.count()} rows of {name} cannot be used, first {shown}")


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
    settings = from_environment()
    with job_errors():
        file = archive.fetched(source or archive.default_source(settings), settings)
        with _spark(settings, size=file.stat().st_size) as spark:
            click.echo(
                stage(
                    spark,
                    settings,
                    file,
                    symbol=symbol,
                    run_id=run_id,
                    now=datetime.now(UTC),
                    span=(_moment(since), _moment(until)),
                )
            )


def _moment(given: str) -> datetime | None:
    if not given:
        return None
    found = datetime.fromisoformat(given)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


@main.command("land")
@click.option("--run-id", required=True)
def land_command(run_id: str) -> None:
    """Merge the staged rows into history_minutes."""
    settings = from_environment()
    with job_errors(), _spark(settings, size=_staged_bytes(settings)) as spark:
        click.echo(land(spark, settings, run_id=run_id))


def _staged_bytes(settings: Settings) -> int:
    table = open_table(settings.lake, STAGING)
    if table is None:
        return 0
    return sum(pa.table(table.get_add_actions())["size_bytes"].to_pylist())


@contextmanager
def _spark(settings: Settings, *, size: int) -> Iterator[SparkSession]:
    """A session for so many bytes of input."""
    spark = session(settings, "load_history", brief=size < BRIEF_BYTES)
    try:
        yield spark
    finally:
        spark.stop()


if __name__ == "__main__":
    main()
