"""Where rows end: Delta tables made from their one definition, and appends that may be repeated."""

import json
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from delta.tables import DeltaTable
from deltalake import DeltaTable as CommitLog
from pyspark.sql import DataFrame, SparkSession

from include.lake.columns import Column, Table
from include.lake.reading import open_table
from include.settings import Settings

# Columns that queries select by; statistics of the others cost each append and help nobody.
SELECTED_BY = ("offset", "venue", "venue_time", "kafka_time", "traded_at")
PROPERTIES = {
    "delta.enableDeletionVectors": "false",
    "delta.logRetentionDuration": "interval 2 days",
    "delta.deletedFileRetentionDuration": "interval 2 days",
    "delta.checkpointInterval": "50",
}


def path(settings: Settings, table: str) -> str:
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
    location = path(settings, table.name)
    existing = open_table(settings.lake, table.name)
    if existing is not None:
        names = {field.name for field in existing.schema().fields}
        _add_columns(spark, location, [c for c in table.columns if c.name not in names])
        return
    builder = DeltaTable.createIfNotExists(spark).location(location).comment(table.comment)
    for column in table.columns:
        builder = builder.addColumn(column.name, column.type, comment=column.comment)
    for name, value in PROPERTIES.items():
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
        columns = ", ".join(f"`{c.name}` {c.type} COMMENT {_quoted(c.comment)}" for c in missing)
        spark.sql(f"ALTER TABLE delta.`{location}` ADD COLUMNS ({columns})")


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


class Appender:
    """Appends each batch to each table once, however often the batch is repeated.

    Every append writes its application and batch number into the commit's metadata
    (`userMetadata`). After a start the newest such commit of a table is looked up once; from then
    on its number is known.
    Delta's own `txnAppId` and `txnVersion` would do the same, but they replay the table's whole
    log before every append (0.4 s a table on a log of 10 commits, and growing).
    """

    def __init__(self, app: str) -> None:
        """`app` names the checkpoint that counts the batches: a rebuilt one has another name."""
        self.app = app
        self._last: dict[str, int] = {}

    def append(self, rows_df: DataFrame, *, location: str, batch_id: int) -> bool:
        """Append unless the table has this batch already; says whether it was appended."""
        return self.commit_once(location, batch_id, partial(_save, rows_df, location))

    def add_files(
        self, spark: SparkSession, actions: Sequence[str], *, location: str, batch_id: int
    ) -> bool:
        """Commit data files (JSON of add actions) unless the table has this batch already."""
        return self.commit_once(location, batch_id, partial(_commit, spark, actions, location))

    def commit_once(self, location: str, batch_id: int, commit: Callable[[str], None]) -> bool:
        """Call `commit` with its metadata, unless the table has this batch already."""
        if location not in self._last:
            self._last[location] = last_batch(location, app=self.app)
        if batch_id <= self._last[location]:
            return False
        commit(json.dumps({"app": self.app, "batch": batch_id}))
        self._last[location] = batch_id
        return True


def _save(rows_df: DataFrame, location: str, metadata: str) -> None:
    rows_df.write.format("delta").mode("append").option("userMetadata", metadata).save(location)


def _commit(spark: SparkSession, actions: Sequence[str], location: str, metadata: str) -> None:
    """One commit of Delta's own transaction: its protocol, conflict checks and checkpoints.

    It begins at the snapshot that the commit before left, without listing the log's folder, which
    takes seconds once it has many files; what others have committed since is a conflict, which
    Delta resolves.
    """
    jvm: Any = spark._jvm
    delta, none, option = jvm.org.apache.spark.sql.delta, jvm.scala.Option.empty(), jvm.scala.Option
    jvm.org.apache.spark.sql.SparkSession.setActiveSession(spark._jsparkSession)
    log = delta.DeltaLog.forTable(spark._jsparkSession, location)
    transaction = log.startTransaction(none, option.apply(log.unsafeVolatileSnapshot()))
    adds = jvm.java.util.ArrayList([delta.actions.Action.fromJson(text) for text in actions])
    write = getattr(delta, "DeltaOperations$Write")(
        jvm.org.apache.spark.sql.SaveMode.Append, none, none, option.apply(metadata), *[none] * 5
    )
    transaction.commit(jvm.org.apache.spark.api.python.PythonUtils.toSeq(adds), write)


def last_batch(location: str, *, app: str) -> int:
    """The newest batch that `app` has committed to this Delta table; -1 if there is none."""
    table = CommitLog(location)
    newest, read, limit = -1, 0, 32
    while newest < 0:
        commits = table.history(limit=limit)
        metadata = [json.loads(commit.get("userMetadata") or "{}") for commit in commits[read:]]
        newest = max((entry["batch"] for entry in metadata if entry.get("app") == app), default=-1)
        if len(commits) < limit:
            break
        read, limit = len(commits), limit * 8
    return newest
