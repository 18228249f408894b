"""The end of a benchmark's Spark without what Spark reports of it: tasks killed, commits given up.

What it reports before that is shown.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from pyspark.sql import SparkSession
from pyspark.sql.streaming.query import StreamingQuery

LEVEL, NONE = "WARN", "OFF"
PAUSED_S = 3.0  # how long a batch that runs is waited for: one that is interrupted prints a trace
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
            _await_pause(query)
            query.stop()
        deadline_s = time.monotonic() + KILLED_S
        while spark.sparkContext.statusTracker().getActiveStageIds():
            if time.monotonic() > deadline_s:
                break
            time.sleep(0.1)
        time.sleep(0.5)  # the last of a killed task's reports comes when it is no longer counted
    finally:
        spark.sparkContext.setLogLevel(LEVEL)


def _await_pause(query: StreamingQuery) -> None:
    """Wait until no batch runs; a query without pauses is waited for in vain."""
    deadline_s = time.monotonic() + PAUSED_S
    while query.status["isTriggerActive"] and time.monotonic() < deadline_s:
        time.sleep(0.02)
