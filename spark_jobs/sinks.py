"""Where rows end: Delta tables made from their one definition, and writes that repeat safely."""

import json
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from delta.tables import DeltaTable
from deltalake import DeltaTable as CommitLog
from pyspark.sql import DataFrame, SparkSession

from include.lake.columns import Table
from include.lake.reading import open_table
from include.settings import Settings

# Columns that queries select by; statistics of the others cost each append and help nobody.
SKIPPED_BY = ("offset", "venue", "venue_time", "kafka_time", "traded_at")
PROPERTIES = {
    "delta.enableDeletionVectors": "false",
    "delta.logRetentionDuration": "interval 2 days",
    "delta.deletedFileRetentionDuration": "interval 2 days",
    "delta.checkpointInterval": "50",
}


def path(settings: Settings, table: str) -> str:
    """Where a table of this lake lives."""
    return f"{settings.lake}/{table}"


def skipped_by(table: Table) -> tuple[str, ...]:
    """The columns of which each data file's least and greatest value are kept."""
    return tuple(dict.fromkeys((*table.cluster, *(c for c in SKIPPED_BY if c in table.names))))


def create_table(spark: SparkSession, settings: Settings, table: Table) -> None:
    """Make the Delta table, with its schema, comments and properties, if it is not there.

    A table of an earlier version gets the columns that have come since. Whether there is anything
    to do is read by delta-rs, without a Spark job per table at each start.
    """
    location = path(settings, table.name)
    there = open_table(settings.lake, table.name)
    if there is not None:
        _add_columns(spark, table, location, known={one.name for one in there.schema().fields})
        return
    builder = DeltaTable.createIfNotExists(spark).location(location).comment(table.comment)
    for column in table.columns:
        builder = builder.addColumn(column.name, column.type, comment=column.comment)
    for name, value in PROPERTIES.items():
        builder = builder.property(name, value)
    if table.cluster:
        builder = builder.clusterBy(*table.cluster)
        builder = builder.property("delta.dataSkippingStatsColumns", ",".join(skipped_by(table)))
    builder.execute()


def create_tables(spark: SparkSession, settings: Settings, tables: Iterable[Table]) -> None:
    """Make every one of the tables that is not there, several at a time."""
    with ThreadPoolExecutor(max_workers=4) as pool:
        list(pool.map(lambda table: create_table(spark, settings, table), tables))


def _add_columns(spark: SparkSession, table: Table, location: str, *, known: set[str]) -> None:
    new = [column for column in table.columns if column.name not in known]
    if new:
        added = ", ".join(f"`{c.name}` {c.type} COMMENT {_quoted(c.comment)}" for c in new)
        spark.sql(f"ALTER TABLE delta.`{location}` ADD COLUMNS ({added})")


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


class Appender:
    """Appends each batch to each table once, however often the batch is repeated.

    Every append writes its application and batch number into the commit's `userMetadata`. After a
    start the newest such commit of a table is looked up once; from then on its number is known.
    Delta's own `txnAppId` and `txnVersion` would do the same, but they replay the table's whole
    log before every append (0.4 s a table on a log of 10 commits, and growing).
    """

    def __init__(self, app: str) -> None:
        """`app` names the checkpoint whose batch numbers count: a rebuilt one has another name."""
        self.app = app
        self._last: dict[str, int] = {}

    def append(self, rows: DataFrame, *, location: str, batch_id: int) -> bool:
        """Append unless this batch is in the table already; says whether it was appended."""
        return self.once(location, batch_id, partial(_save, rows, location))

    def add(
        self, spark: SparkSession, files: Sequence[str], *, location: str, batch_id: int
    ) -> bool:
        """Commit written data files (JSON of add actions) unless this batch is there already."""
        return self.once(location, batch_id, partial(_commit, spark, files, location))

    def once(self, location: str, batch_id: int, work: Callable[[str], None]) -> bool:
        """Do the commit, which gets its note, unless this batch is in the table already."""
        if location not in self._last:
            self._last[location] = last_batch(location, app=self.app)
        if batch_id <= self._last[location]:
            return False
        work(json.dumps({"app": self.app, "batch": batch_id}))
        self._last[location] = batch_id
        return True


def _save(rows: DataFrame, location: str, note: str) -> None:
    rows.write.format("delta").mode("append").option("userMetadata", note).save(location)


def _commit(spark: SparkSession, files: Sequence[str], location: str, note: str) -> None:
    """One commit of Delta's own transaction: its protocol, conflict checks and checkpoints.

    It begins at the snapshot that the commit before left, without listing the log's folder (2.2 s
    with 100,000 files in it); what others have committed since is met as a conflict and looked at.
    """
    jvm: Any = spark._jvm
    delta, none, some = jvm.org.apache.spark.sql.delta, jvm.scala.Option.empty(), jvm.scala.Option
    jvm.org.apache.spark.sql.SparkSession.setActiveSession(spark._jsparkSession)
    log = delta.DeltaLog.forTable(spark._jsparkSession, location)
    transaction = log.startTransaction(none, some.apply(log.unsafeVolatileSnapshot()))
    adds = jvm.java.util.ArrayList([delta.actions.Action.fromJson(one) for one in files])
    write = getattr(delta, "DeltaOperations$Write")(
        jvm.org.apache.spark.sql.SaveMode.Append, none, none, some.apply(note), *[none] * 5
    )
    transaction.commit(jvm.org.apache.spark.api.python.PythonUtils.toSeq(adds), write)


def last_batch(location: str, *, app: str) -> int:
    """The newest batch that `app` has committed to this Delta table; -1 if there is none."""
    table = CommitLog(location)
    newest, looked, most = -1, 0, 32
    while newest < 0:
        commits = table.history(limit=most)
        notes = [json.loads(one.get("userMetadata") or "{}") for one in commits[looked:]]
        newest = max((note["batch"] for note in notes if note.get("app") == app), default=-1)
        if len(commits) < most:
            break
        looked, most = len(commits), most * 8
    return newest
