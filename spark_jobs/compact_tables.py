"""Table maintenance: few well-ordered files instead of many small ones, and no files nobody reads.

`OPTIMIZE` rewrites small files clustered by the table's own columns without changing a row, so
appends go on beside it. A file that outweighs all smaller ones together is left as it is, and so is
each that has grown to `JOINED_BYTES`: what is written does not grow with the history. `VACUUM`
removes files that no version within the retention needs.
Tables that others merge into are compacted while those wait.

Where the settings let rows go (`TICKHOUSE_LAKE_KEEP_DAYS_…`), an audit comes first: what it seals
may be dropped before the tables are compacted (`spark_jobs/drop_rows.py`).
"""

import logging
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from functools import partial

import click
import msgspec
import pyarrow as pa
from delta.tables import DeltaTable
from deltalake import DeltaTable as DeltaLog
from pyspark.sql import SparkSession

from include.lake.closed_minutes import join_files
from include.lake.derived_retention import drop_derived_rows
from include.lake.reading import open_table
from include.lake.tables import TABLES, TRADE_MINUTES
from include.log import event
from include.process import run_job
from include.serving.trade_minutes import locked_minutes
from include.settings import Settings, from_environment
from include.settings.groups import DatabaseRole
from spark_jobs.audit_lake import audit_world
from spark_jobs.drop_rows import delete_dropped_rows, move_settings_floors
from spark_jobs.session import open_session
from spark_jobs.sinks import locate_table

JOINED_BYTES = 128 * 1024 * 1024
SMALL_BYTES = 16 * 1024 * 1024
# Delta reclusters everything in a cube below the first size, which is 100 GB by default.
SIZES = "spark.databricks.delta.optimize."
CUBES = f"{SIZES}clustering.mergeStrategy.minCubeSize."
log = logging.getLogger("tickhouse.compaction")


@dataclass(frozen=True)
class Compaction:
    """One table: data files before and after, and the version the rewriting made."""

    table: str
    files_before: int
    files_after: int
    version: int


def compact(
    spark: SparkSession,
    settings: Settings,
    table_names: Iterable[str] = tuple(TABLES),
    *,
    vacuum: bool = True,
    keep_hours: float | None = None,
) -> list[Compaction]:
    """Rewrite, and clean if `vacuum`, every table of `table_names` that exists.

    Files that were replaced stay for `keep_hours` (none: those of the settings).
    """
    kept_hours = (keep_hours or settings.stream.keep_hours) if vacuum else None
    for option in (f"{SIZES}maxFileSize", f"{CUBES}targetCubeSize"):
        spark.conf.set(option, str(JOINED_BYTES))
    compactions = []
    for name in table_names:
        location = locate_table(settings, name)
        if DeltaTable.isDeltaTable(spark, location):
            with _exclude_writers(settings, name):
                compactions.append(_compact(spark, settings, name, keep_hours=kept_hours))
    return compactions


def crowded_tables(lake: str, table_names: Iterable[str], *, max_files: int) -> list[str]:
    """Those of the tables that have more than so many small files; without Spark."""
    tables = {name: open_table(lake, name) for name in table_names}
    return [
        name
        for name, table in tables.items()
        if table is not None and _count_small_files(table) > max_files
    ]


def bytes_of_large_files(sizes: Iterable[int]) -> int:
    """The size in bytes from which a table's files stay as they are.

    A file is joined with smaller ones when those together have its size. So the times that a row is
    written grow with the logarithm of the table's size, and so does the number of files.
    """
    joined = sorted((size for size in sizes if size < JOINED_BYTES), reverse=True)
    smaller = sum(joined)
    for size in joined:
        smaller -= size
        if size <= smaller:
            return size + 1
    return 0


def _count_small_files(opened: DeltaLog) -> int:
    return sum(size < SMALL_BYTES for size in _list_sizes(opened))


def _list_sizes(opened: DeltaLog) -> list[int]:
    sizes: list[int] = pa.table(opened.get_add_actions(flatten=True))["size_bytes"].to_pylist()
    return sizes


def _compact(
    spark: SparkSession, settings: Settings, name: str, *, keep_hours: float | None
) -> Compaction:
    location = locate_table(settings, name)
    table = DeltaTable.forPath(spark, location)
    before = _count_files(table)
    if name == TRADE_MINUTES.name:
        join_files(settings.lake, max_files=1)  # OPTIMIZE would join its days into one file
    elif opened := open_table(settings.lake, name):
        large_bytes = bytes_of_large_files(_list_sizes(opened))
        for option in (f"{SIZES}minFileSize", f"{CUBES}threshold"):
            spark.conf.set(option, str(large_bytes))
        table.optimize().executeCompaction()
    if keep_hours is not None:
        table.vacuum(keep_hours)
    version = table.history(1).collect()[0]["version"]
    return Compaction(name, before, _count_files(table), int(version))


def _count_files(table: DeltaTable) -> int:
    return int(table.detail().collect()[0]["numFiles"])


def _exclude_writers(settings: Settings, name: str) -> AbstractContextManager[object]:
    return (
        locked_minutes(settings.dsn(DatabaseRole.STREAM))
        if name == TRADE_MINUTES.name
        else nullcontext()
    )


@click.command()
@click.option("--crowded", is_flag=True, help="only tables with many small files; no VACUUM")
@click.argument("tables", nargs=-1)
def main(tables: tuple[str, ...], *, crowded: bool) -> None:
    """Compact TABLES, or all; the last line is JSON of what was done."""
    unknown = sorted(set(tables) - set(TABLES))
    if unknown:
        raise click.UsageError(f"no table {', '.join(unknown)}: there are {', '.join(TABLES)}")
    with run_job("compact_tables"):
        settings, names = from_environment(), list(tables or TABLES)
        if crowded:
            names = find_crowded_tables(settings, names)
        is_cut = not crowded and not tables and bool(settings.lake_keep_days.by_table)
        if is_cut and audit_world(settings).ok:
            move_settings_floors(settings)
        elif is_cut:
            log.warning(event("nothing dropped", cause="the audit is not clean: ./tickhouse audit"))
        if not crowded and not tables:
            dropped = drop_derived_rows(
                settings, exclude_writers=partial(_exclude_writers, settings)
            )
            log.info(event("derived rows dropped", **dropped))
        compactions = _compact_with_spark(settings, names, vacuum=not crowded) if names else []
    click.echo(msgspec.json.encode([asdict(compaction) for compaction in compactions]).decode())


def find_crowded_tables(settings: Settings, table_names: Iterable[str]) -> list[str]:
    """The crowded tables; the days of trade_minutes are joined here, which needs no Spark."""
    max_files = settings.stream.small_files
    if TRADE_MINUTES.name in table_names:
        with _exclude_writers(settings, TRADE_MINUTES.name):
            join_files(settings.lake, max_files=max_files)
    others = [name for name in table_names if name != TRADE_MINUTES.name]
    return crowded_tables(settings.lake, others, max_files=max_files)


def _compact_with_spark(
    settings: Settings, table_names: list[str], *, vacuum: bool
) -> list[Compaction]:
    spark = open_session(settings, "compact_tables")
    try:
        if vacuum:
            log.info(event("rows dropped", **delete_dropped_rows(spark, settings)))
        return compact(spark, settings, table_names, vacuum=vacuum)
    finally:
        spark.stop()


if __name__ == "__main__":
    main()
