"""The end of a benchmark's Spark without what Spark reports of it: tasks killed, commits given up.

What it reports before that is shown.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from pyspark.sql import SparkSession
from pyspark.sql.streaming.query import StreamingQuery

LEVEL, NONE = "WARN", "OFF"
KILLED_S = 10.0  # how long the tasks of a query that was stopped may still take


@contextmanager
def end_quietly(spark: SparkSession) -> Iterator[None]:
    """Stop the session at the end of the block, whose faults are raised."""
    try:
        yield
    finally:
        spark.sparkContext.setLogLevel(NONE)
        spark.stop()


def stop_quietly(spark: SparkSession, *queries: StreamingQuery) -> None:
    """Stop queries, and wait for their tasks."""
    spark.sparkContext.setLogLevel(NONE)
    try:
        for query in queries:
            query.stop()
        deadline_s = time.monotonic() + KILLED_S
        while spark.sparkContext.statusTracker().getActiveStageIds():
            if time.monotonic() > deadline_s:
                break
            time.sleep(0.1)
        time.sleep(0.5)  # the last of a killed task's reports comes when it is no longer counted
    finally:
        spark.sparkContext.setLogLevel(LEVEL)
