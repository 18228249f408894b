"""What a long Spark job tells while it runs, for the person who waits for it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from logging import Logger

from pyspark.sql import SparkSession

from include.log import event

EVERY_S = 5.0


@contextmanager
def telling(
    spark: SparkSession, log: Logger, step: str, *, every_s: float = EVERY_S
) -> Iterator[None]:
    """While the block runs, a line every few seconds: tasks done, of how many, rows so far.

    Spark counts rows as its tasks report them, every ten seconds or at a task's end.
    """
    over = threading.Event()

    def tell() -> None:
        seconds = 0.0
        while not over.wait(every_s):
            seconds += every_s
            for found in _running(spark):
                log.info(event("still at it", step=step, seconds=round(seconds), **found))

    teller = threading.Thread(target=tell, name=f"telling {step}", daemon=True)
    teller.start()
    try:
        yield
    finally:
        over.set()
        teller.join()


def _running(spark: SparkSession) -> Iterator[dict[str, object]]:
    """The figures of each stage that runs now, from Spark's own status store."""
    stages = spark.sparkContext._jsc.sc().statusStore().activeStages()
    for place in range(stages.size()):
        one = stages.apply(place)
        yield {
            "stage": one.stageId(),
            "tasks": f"{one.numCompleteTasks()}/{one.numTasks()}",
            "rows_read": one.inputRecords() + one.shuffleReadRecords(),
            "rows_written": one.outputRecords() + one.shuffleWriteRecords(),
        }
