"""Table maintenance: few well-ordered files instead of many small ones, and no files nobody reads.

`OPTIMIZE` rewrites small files clustered by the table's own columns without changing a row, so
appends go on beside it; `VACUUM` removes files that no version within the retention needs. Tables
that others merge into are compacted while those wait.
"""

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass

import click
import msgspec
from delta.tables import DeltaTable
from pyspark.sql import SparkSession

from include.lake.closed_minutes import join_files
from include.lake.tables import TABLES, TRADE_MINUTES
from include.process import job_errors
from include.serving.trade_minutes import locked_minutes
from include.settings import Settings, from_environment
from spark_jobs.session import session
from spark_jobs.sinks import path


@dataclass(frozen=True)
class Compaction:
    """One table: data files before and after, and the version the rewriting made."""

    table: str
    files_before: int
    files_after: int
    version: int


def compact(
    spark: SparkSession, settings: Settings, table_names: Iterable[str] = tuple(TABLES)
) -> list[Compaction]:
    """Rewrite and clean every table of `table_names` that exists."""
    compactions = []
    for name in table_names:
        location = path(settings, name)
        if DeltaTable.isDeltaTable(spark, location):
            with _writers_excluded(settings, name):
                compactions.append(_compact(spark, settings, name))
    return compactions


def _compact(spark: SparkSession, settings: Settings, name: str) -> Compaction:
    location = path(settings, name)
    table = DeltaTable.forPath(spark, location)
    before = _count_files(table)
    if name == TRADE_MINUTES.name:
        join_files(settings.lake, most_files=1)  # OPTIMIZE would join its days into one file
    else:
        table.optimize().executeCompaction()
    table.vacuum(settings.stream.keep_hours)
    version = table.history(1).collect()[0]["version"]
    return Compaction(name, before, _count_files(table), int(version))


def _count_files(table: DeltaTable) -> int:
    return int(table.detail().collect()[0]["numFiles"])


def _writers_excluded(settings: Settings, name: str) -> AbstractContextManager[object]:
    return locked_minutes(settings.dsn()) if name == TRADE_MINUTES.name else nullcontext()


@click.command()
@click.argument("tables", nargs=-1)
def main(tables: tuple[str, ...]) -> None:
    """Compact TABLES, or all; the last line is JSON of what was done."""
    settings = from_environment()
    unknown = sorted(set(tables) - set(TABLES))
    if unknown:
        raise click.UsageError(f"no table {', '.join(unknown)}: there are {', '.join(TABLES)}")
    with job_errors():
        spark = session(settings, "compact_tables")
        try:
            compactions = compact(spark, settings, tables or tuple(TABLES))
        finally:
            spark.stop()
    click.echo(msgspec.json.encode([asdict(compaction) for compaction in compactions]).decode())


if __name__ == "__main__":
    main()
