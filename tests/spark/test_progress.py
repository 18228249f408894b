"""Who waits for a Spark job sees it go on, and nothing more once it is over."""

import logging
import threading
import time
from collections.abc import Iterable
from pathlib import Path

from pyspark.sql import SparkSession

from spark_jobs.progress import log_progress

GIVE_UP_S = 120.0


class LineCollector(logging.Handler):
    """Keeps the lines, and makes a file at the first of them."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.lines: list[str] = []
        self._file = file

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())
        self._file.touch()


def test_a_job_logs_its_tasks_and_rows_while_it_runs_and_then_no_more(
    spark: SparkSession, tmp_path: Path
) -> None:
    logged = tmp_path / "logged"

    def until_logged(rows: Iterable[int]) -> Iterable[int]:
        begin = time.monotonic()
        while not logged.exists() and time.monotonic() - begin < GIVE_UP_S:
            time.sleep(0.05)
        yield from rows

    log, collector = logging.Logger("of this test"), LineCollector(logged)
    log.addHandler(collector)
    with log_progress(spark, log, "staging", interval_s=0.05):
        # the tasks end only after a line was logged while they ran
        assert spark.sparkContext.parallelize(range(6), 2).mapPartitions(until_logged).sum() == 15
    assert collector.lines
    assert collector.lines[0].startswith("step running step=staging seconds=")
    assert "tasks=0/2" in collector.lines[0]
    assert "progress of staging" not in {thread.name for thread in threading.enumerate()}
