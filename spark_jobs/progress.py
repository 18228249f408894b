"""Log lines of a long Spark job while it runs, for the person who waits for it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from logging import Logger

from pyspark.sql import SparkSession

from include.log import event

INTERVAL_S = 5.0


@contextmanager
def log_progress(
    spark: SparkSession, log: Logger, step: str, *, interval_s: float = INTERVAL_S
) -> Iterator[None]:
    """While the block runs, a line every few seconds: tasks done, of how many, rows so far.

    Spark counts rows as its tasks report them, every ten seconds or at a task's end.
    """
    ended = threading.Event()

    def report() -> None:
        seconds = 0.0
        while not ended.wait(interval_s):
            seconds += interval_s
            for stage in _active_stages(spark):
                log.info(event("step running", step=step, seconds=round(seconds), **stage))

    reporter = threading.Thread(target=report, name=f"progress of {step}", daemon=True)
    reporter.start()
    try:
        yield
    finally:
        ended.set()
        reporter.join()


def _active_stages(spark: SparkSession) -> Iterator[dict[str, object]]:
    """The figures of each stage that runs now, from Spark's own status store."""
    stages = spark.sparkContext._jsc.sc().statusStore().activeStages()
    for index in range(stages.size()):
        stage = stages.apply(index)
        yield {
            "stage": stage.stageId(),
            "tasks": f"{stage.numCompleteTasks()}/{stage.numTasks()}",
            "rows_read": stage.inputRecords() + stage.shuffleReadRecords(),
            "rows_written": stage.outputRecords() + stage.shuffleWriteRecords(),
        }
