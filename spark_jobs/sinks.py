"""The Delta tables of the lake, made from their one definition."""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

from delta.tables import DeltaTable
from pyspark.sql import SparkSession

from include.lake.columns import LANDED_PROPERTIES, PROPERTIES, Column, Table
from include.lake.reading import open_table
from include.lake.tables import QUARANTINE
from include.settings import Settings

# Columns that queries select by; statistics of the others cost each append and help nobody.
SELECTED_BY = ("partition", "offset", "venue", "venue_time", "kafka_time", "traded_at")


def locate_table(settings: Settings, table: str) -> str:
    """Where a table of this lake lives."""
    return f"{settings.lake}/{table}"


def statistics_columns(table: Table) -> tuple[str, ...]:
    """The columns of which each data file has min/max statistics."""
    return tuple(dict.fromkeys((*table.cluster, *(c for c in SELECTED_BY if c in table.names))))


def create_table(spark: SparkSession, settings: Settings, table: Table) -> None:
    """Make the Delta table, with its schema, comments and properties, if it does not exist.

    An existing table gets the columns that it lacks. Whether there is anything to do is read by
    delta-rs, without a Spark job per table at each start.
    """
    location = locate_table(settings, table.name)
    existing = open_table(settings.lake, table.name)
    if existing is not None:
        names = {field.name for field in existing.schema().fields}
        _add_columns(spark, location, [c for c in table.columns if c.name not in names])
        return
    builder = DeltaTable.createIfNotExists(spark).location(location).comment(table.comment)
    for column in table.columns:
        builder = builder.addColumn(column.name, column.type, comment=column.comment)
    is_landed = table.topic is not None or table is QUARANTINE
    for name, value in (LANDED_PROPERTIES if is_landed else PROPERTIES).items():
        builder = builder.property(name, value)
    if table.cluster:
        builder = builder.clusterBy(*table.cluster)
        builder = builder.property(
            "delta.dataSkippingStatsColumns", ",".join(statistics_columns(table))
        )
    builder.execute()


def create_tables(spark: SparkSession, settings: Settings, tables: Iterable[Table]) -> None:
    """Make every one of the tables that does not exist, several at a time."""
    with ThreadPoolExecutor(max_workers=4) as pool:
        list(pool.map(lambda table: create_table(spark, settings, table), tables))


def _add_columns(spark: SparkSession, location: str, missing: Sequence[Column]) -> None:
    if missing:
        columns = ", ".join(f"`{c.name}` {c.type} COMMENT {_quote(c.comment)}" for c in missing)
        spark.sql(f"ALTER TABLE delta.`{location}` ADD COLUMNS ({columns})")


def _quote(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
