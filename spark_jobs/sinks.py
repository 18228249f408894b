"""Where rows end: Delta tables made from their one definition, and writes that repeat safely."""

from delta.tables import DeltaTable
from pyspark.sql import DataFrame, SparkSession

from include.lake.tables import Table
from include.settings import Settings

PROPERTIES = {
    "delta.enableDeletionVectors": "false",
    "delta.logRetentionDuration": "interval 7 days",
    "delta.deletedFileRetentionDuration": "interval 2 days",
    "delta.checkpointInterval": "50",
}


def path(settings: Settings, table: str) -> str:
    """Where a table of this lake lives."""
    return f"{settings.lake}/{table}"


def create_table(spark: SparkSession, settings: Settings, table: Table) -> DeltaTable:
    """The Delta table, made with its schema, comments and properties if it is not there."""
    location = path(settings, table.name)
    if DeltaTable.isDeltaTable(spark, location):
        return DeltaTable.forPath(spark, location)
    builder = DeltaTable.createIfNotExists(spark).location(location).comment(table.comment)
    for column in table.columns:
        builder = builder.addColumn(column.name, column.type, comment=column.comment)
    for name, value in PROPERTIES.items():
        builder = builder.property(name, value)
    if table.cluster:
        builder = builder.clusterBy(*table.cluster)
    return builder.execute()


def append_once(rows: DataFrame, *, location: str, txn_app: str, txn_version: int) -> None:
    """Append rows unless Delta has already committed this (application, version) pair.

    The pair goes on the write, never on the session: session-wide options leak between queries.
    """
    (
        rows.write.format("delta").mode("append")
        .option("txnAppId", txn_app).option("txnVersion", str(txn_version))
        .save(location)
    )  # fmt: skip
