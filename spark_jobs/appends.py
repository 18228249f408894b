"""Appends to landed tables, each offset once: a commit carries the watermarks it moves.

An append is one transaction of Delta: data files, and with them the next offset of each
topic-partition (`include/lake/watermarks.py`). Whoever reads a batch again, after a crash or from a
rebuilt checkpoint, leaves out what is below the watermark. A second stream is refused by the table
itself: two commits that move one watermark from the same version are a conflict.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from deltalake import DeltaTable
from py4j.protocol import Py4JJavaError
from pyspark.sql import DataFrame, SparkSession

from include.atomic_files import sync_path
from include.errors import PlatformError
from include.lake.delta_log import POINTER, checkpoint_version
from include.lake.reading import open_table
from include.lake.table_features import list_partitioning, unkept_rules
from include.lake.watermarks import application_id, next_offsets
from include.market.wire import TopicPartition
from spark_jobs.data_files import local_folder

FENCED = "another stream has landed records of {partitions} in table {table}: only one may run"
UNKEPT = (
    "table {table} has {rules}: the stream does not check that, so it lands nothing there until "
    "that is dropped (ALTER TABLE, or the table written again without it)"
)
LOST_APPEND = (
    "the newest commit of table {table} (version {version}) is missing or empty: stop the stream "
    "and run `./tickhouse doctor --repair`"
)


class Appender:
    """Opens appends to the tables of a lake, and knows how far each table has landed."""

    def __init__(self, lake: str) -> None:
        self.lake = lake
        self._offsets: dict[str, dict[TopicPartition, int | None]] = {}
        self._known_at: dict[str, int] = {}  # the table's version of these offsets
        self._opened: set[str] = set()

    def next_offset(self, table: str, partition: TopicPartition) -> int | None:
        """The next offset of a partition to land in a table; null if none has landed there.

        It is read from the table's log once; from then on this process alone moves it.
        """
        offsets = self._offsets.setdefault(table, {})
        if partition not in offsets:
            existing = self._find_table(table)
            stored = {} if existing is None else next_offsets(existing, [partition])
            offsets[partition] = stored.get(partition)
            if existing is not None:
                self._known_at.setdefault(table, existing.version())
        return offsets[partition]

    def open(self, spark: SparkSession, table: str) -> "Append":
        """An append to a table that begins at the newest version known to this process.

        Raises:
            PlatformError: the table's newest commit is missing, another stream has written, or
                the table has a rule that is not checked here.
        """
        log = delta_log(spark, f"{self.lake}/{table}")
        if table not in self._opened or self._is_outdated(log, table):
            log.update(False, *[_none(spark)] * 2)
            self._opened.add(table)
        if log.unsafeVolatileSnapshot().version() != self._known_at.get(table):
            self._compare(table)  # others have committed since: compaction, a user, a stream
        return Append(self, spark, table, log)

    def record_commit(
        self, table: str, ends: Mapping[TopicPartition, int], *, version: int
    ) -> None:
        """A commit, this version of a table, has brought these partitions to their ends."""
        self._offsets.setdefault(table, {}).update(ends)
        self._known_at[table] = version

    def _compare(self, table: str) -> None:
        """Compare the watermarks known here with those of the table: only this process moves them.

        Raises:
            PlatformError: another stream has moved one.
        """
        existing = self._find_table(table)
        assert existing is not None
        offsets = self._offsets.get(table, {})
        stored = next_offsets(existing, offsets)
        if moved := [part for part, offset in offsets.items() if stored.get(part) != offset]:
            raise PlatformError(FENCED.format(partitions=_names(moved), table=table))

    def _find_table(self, table: str) -> DeltaTable | None:
        """The table as it is now; null if it was never made.

        Raises:
            PlatformError: it asks of its writers what an append does not look at.
        """
        existing = open_table(self.lake, table)
        if existing is None:
            return None
        if rules := [*unkept_rules(existing), *list_partitioning(existing)]:
            raise PlatformError(UNKEPT.format(table=table, rules=", ".join(rules)))
        return existing

    def _is_outdated(self, log: Any, table: str) -> bool:
        """Whether a log checkpoint is above the snapshot: its own commits may be cleaned up.

        Raises:
            PlatformError: the snapshot's commit is missing or empty, so another would be lost.
        """
        folder = local_folder(self.lake)
        if folder is None:
            return False
        version, logs = (
            int(log.unsafeVolatileSnapshot().version()),
            Path(folder, table, "_delta_log"),
        )
        if checkpoint_version(logs / POINTER) > version:
            return True
        commit = logs / f"{version:020d}.json"
        if not commit.exists() or commit.stat().st_size == 0:
            raise PlatformError(LOST_APPEND.format(table=table, version=version))
        return False


class Append:
    """One transaction on a table: data files are added, then one commit counts for all of them."""

    def __init__(self, appender: Appender, spark: SparkSession, table: str, log: Any) -> None:
        self._appender, self._table = appender, table
        jvm: Any = spark._jvm
        self._jvm = jvm
        self._none = self._jvm.scala.Option.empty()
        self._jvm.org.apache.spark.sql.SparkSession.setActiveSession(spark._jsparkSession)
        # From the current snapshot, without listing the log's folder, which takes seconds once it
        # has many files; what others have committed since is looked at when this one commits.
        snapshot = self._jvm.scala.Option.apply(log.unsafeVolatileSnapshot())
        self._transaction = log.startTransaction(self._none, snapshot)
        self._actions = self._jvm.java.util.ArrayList()

    def add_files(self, actions: Sequence[str]) -> None:
        """Add data files that are written already, each the JSON of its add action."""
        for text in actions:
            self._actions.add(self._delta.actions.Action.fromJson(text))

    def write(self, rows_df: DataFrame) -> None:
        """Write rows into data files of the table and add those."""
        files = self._transaction.writeFiles(rows_df._jdf)
        for index in range(files.size()):
            self._actions.add(files.apply(index))

    def commit(self, ends: Mapping[TopicPartition, int]) -> None:
        """Commit the files, and with them that these partitions have landed up to their ends.

        Raises:
            PlatformError: another stream has moved one of these watermarks.
        """
        moved = self._transaction.readTxn()
        for partition, end in ends.items():
            name = application_id(partition)
            getattr(moved, "$plus$eq")(name)  # what this transaction has read: fenced by Delta
            self._actions.add(self._delta.actions.SetTransaction(name, end, self._none))
        write = getattr(self._delta, "DeltaOperations$Write")(
            self._jvm.org.apache.spark.sql.SaveMode.Append, *[self._none] * 8
        )
        if (folder := local_folder(self._appender.lake)) is not None:
            sync_path(Path(folder, self._table))
        to_seq = self._jvm.org.apache.spark.api.python.PythonUtils.toSeq
        try:
            version = self._transaction.commit(to_seq(self._actions), write)
        except Py4JJavaError as error:
            if "ConcurrentTransactionException" in str(error.java_exception):
                raise PlatformError(
                    FENCED.format(partitions=_names(ends), table=self._table)
                ) from error
            raise
        self._appender.record_commit(self._table, ends, version=int(version))

    @property
    def _delta(self) -> Any:
        return self._jvm.org.apache.spark.sql.delta


def delta_log(spark: SparkSession, location: str) -> Any:
    """Delta's own object of a table's log, in the JVM."""
    jvm: Any = spark._jvm
    return jvm.org.apache.spark.sql.delta.DeltaLog.forTable(spark._jsparkSession, location)


def _none(spark: SparkSession) -> Any:
    jvm: Any = spark._jvm
    return jvm.scala.Option.empty()


def _names(partitions: Mapping[TopicPartition, int] | Sequence[TopicPartition]) -> str:
    return ", ".join(f"{topic}/{number}" for topic, number in partitions)
