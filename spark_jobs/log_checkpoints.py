"""Log checkpoints of the landed tables, written beside the landing.

Delta writes one within the commit that is due, and that commit then takes seconds instead of a
fraction of one. The landed tables therefore ask for none (`delta.checkpointInterval`), and a thread
of the stream writes them, each from a version that is committed already. A table that is written
without the stream gets none until the stream runs.
"""

import logging
import threading
from collections.abc import Sequence

from py4j.protocol import Py4JError
from pyspark.sql import SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from include.lake.columns import Table
from include.log import event
from spark_jobs.appends import delta_log

# It names all files that were replaced within two days, as many as batches: one in 50 commits wrote
# more than the rows.
COMMITS_A_CHECKPOINT = 500
LOOK_S = 5
log = logging.getLogger("tickhouse.stream")


class LogCheckpoints:
    """Knows the newest log checkpoint of each table, and writes the next one when it is due.

    A commit makes the stream's snapshot from the one before, never from the log: it would
    hold every commit since the stream's start, and read those that Delta has removed by their age.
    So each time it is made again first, from the newest log checkpoint; that lists the log once.
    """

    def __init__(self, spark: SparkSession, lake: str, landed_tables: Sequence[Table]) -> None:
        self._spark, self._lake = spark, lake
        self._written: dict[str, int | None] = {table.name: None for table in landed_tables}

    def write_due(self) -> list[str]:
        """Write those that are due; gives the names of their tables."""
        return [name for name in self._written if self._write_if_due(name)]

    def _write_if_due(self, name: str) -> bool:
        jvm = self._spark._jvm
        assert jvm is not None
        jvm.org.apache.spark.sql.SparkSession.setActiveSession(self._spark._jsparkSession)
        table_log = delta_log(self._spark, f"{self._lake}/{name}")
        snapshot = table_log.unsafeVolatileSnapshot()
        written = self._written[name]
        if written is None:
            written = self._written[name] = int(snapshot.checkpointProvider().version())
        if int(snapshot.version()) - written < COMMITS_A_CHECKPOINT:
            return False
        none = jvm.scala.Option.empty()
        snapshot = table_log.update(False, none, none)
        table_log.checkpoint(snapshot, none)
        self._written[name] = int(snapshot.version())
        return True


def keep_log_checkpoints(
    spark: SparkSession, lake: str, landed_tables: Sequence[Table], *, beside: StreamingQuery
) -> threading.Thread:
    """A thread that writes the log checkpoints of these tables while the query runs.

    One that fails is tried again: the log is whole without it.
    """
    checkpoints = LogCheckpoints(spark, lake, landed_tables)

    def write_until_the_end() -> None:
        while not beside.awaitTermination(LOOK_S):
            try:
                checkpoints.write_due()
            except Py4JError as error:
                log.warning(event("log checkpoint not written", error=str(error).split("\n")[0]))

    def run() -> None:
        try:
            write_until_the_end()
        except Exception as error:  # the query has failed, which others report
            log.info(event("log checkpoints end", cause=type(error).__name__))

    thread = threading.Thread(target=run, name="log checkpoints", daemon=True)
    thread.start()
    return thread
