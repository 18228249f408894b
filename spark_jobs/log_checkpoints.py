"""Log checkpoints of the landed tables, written beside the landing.

Delta writes one within the commit that is due, and that commit then takes seconds instead of a
fraction of one. The landed tables therefore ask for none (`delta.checkpointInterval`), and a thread
of the stream writes them, each from a version that is committed already. A table that is written
without the stream gets none until the stream runs.
"""

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass

from py4j.protocol import Py4JError
from pyspark.sql import SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from include.errors import TickhouseError, first_line
from include.lake.columns import Table
from include.lake.delta_log import LOG, POINTER, checkpoint_version
from include.log import event
from include.object_path import store_path
from spark_jobs.appends import delta_log

# It names all files that were replaced within two days, as many as batches: one in 50 commits wrote
# more than the rows.
COMMITS_A_CHECKPOINT = 500
COMMITS_A_TRY = 20  # after one that failed
FAILURES_A_FAULT = 3
LOOK_S = 5
log = logging.getLogger("tickhouse.stream")


@dataclass(frozen=True)
class _Failures:
    """How often in a row a table's log checkpoint was not written, and why the last was not."""

    count: int
    cause: str


class LogCheckpoints:
    """Knows the newest log checkpoint of each table, and writes the next one when it is due.

    A commit makes the stream's snapshot from the one before, never from the log: it would
    hold every commit since the stream's start, and read those that Delta has removed by their age.
    So each time it is made again first, from the newest log checkpoint; that lists the log once.
    """

    def __init__(self, spark: SparkSession, lake: str, landed_tables: Sequence[Table]) -> None:
        self._spark, self._lake = spark, lake
        self._tables = [table.name for table in landed_tables]
        self._due: dict[str, int] = {}  # the version from which on one is due
        self._failures: dict[str, _Failures] = {}

    @property
    def faults(self) -> tuple[str, ...]:
        """A sentence for each table whose log checkpoints have failed again and again."""
        return tuple(
            f"the log checkpoint of {name} was not written, {failures.count} times in a row: "
            f"{failures.cause}; its log grows, and what reads it takes longer"
            for name, failures in list(self._failures.items())
            if failures.count >= FAILURES_A_FAULT
        )

    def write_due(self) -> list[str]:
        """Write those that are due; gives the names of the tables that have theirs.

        One that fails is due again some commits later: the log is whole without it.
        """
        return [name for name in self._tables if self._write_if_due(name)]

    def _write_if_due(self, name: str) -> bool:
        try:
            version = self._write(name)
            if version is None:
                return False
            if self._newest_version(name) < version:  # Delta logs what failed, and raises nothing
                self._note_failure(name, "the stream's log has Delta's reason")
                return False
        except (Py4JError, TickhouseError) as error:
            self._note_failure(name, first_line(error))
            return False
        self._failures.pop(name, None)
        self._due[name] = version + COMMITS_A_CHECKPOINT
        return True

    def _write(self, name: str) -> int | None:
        """Have Delta write a table's log checkpoint; its version, null if none is due."""
        jvm = self._spark._jvm
        assert jvm is not None
        jvm.org.apache.spark.sql.SparkSession.setActiveSession(self._spark._jsparkSession)
        table_log = delta_log(self._spark, f"{self._lake}/{name}")
        snapshot = table_log.unsafeVolatileSnapshot()
        if name not in self._due:
            newest = int(snapshot.checkpointProvider().version())
            self._due[name] = newest + COMMITS_A_CHECKPOINT
        if int(snapshot.version()) < self._due[name]:
            return None
        self._due[name] = int(snapshot.version()) + COMMITS_A_TRY
        none = jvm.scala.Option.empty()
        snapshot = table_log.update(False, none, none)
        table_log.checkpoint(snapshot, none)
        return int(snapshot.version())

    def _newest_version(self, name: str) -> int:
        return checkpoint_version(store_path(self._lake) / name / LOG / POINTER)

    def _note_failure(self, name: str, cause: str) -> None:
        count = self._failures[name].count + 1 if name in self._failures else 1
        self._failures[name] = _Failures(count, cause)
        log.warning(event("log checkpoint not written", table=name, failures=count, cause=cause))


def keep_log_checkpoints(
    checkpoints: LogCheckpoints, *, beside: StreamingQuery
) -> threading.Thread:
    """A thread that writes the log checkpoints that are due while the query runs."""

    def run() -> None:
        try:
            while not beside.awaitTermination(LOOK_S):
                checkpoints.write_due()
        except Exception as error:  # the query has failed, which others report
            log.info(event("log checkpoints end", cause=type(error).__name__))

    thread = threading.Thread(target=run, name="log checkpoints", daemon=True)
    thread.start()
    return thread
