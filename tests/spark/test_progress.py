"""Who waits for a Spark job sees it go on, and nothing more once it is over."""

import logging
import threading
import time
from collections.abc import Iterable
from pathlib import Path

from pyspark.sql import SparkSession

from spark_jobs.progress import telling

GIVE_UP_S = 120.0


class Heard(logging.Handler):
    """Keeps the lines, and makes a file at the first of them."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.lines: list[str] = []
        self._file = file

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())
        self._file.touch()


def test_a_job_tells_its_tasks_and_rows_while_it_runs_and_then_no_more(
    spark: SparkSession, tmp_path: Path
) -> None:
    told = tmp_path / "told"

    def until_told(rows: Iterable[int]) -> Iterable[int]:
        begin = time.monotonic()
        while not told.exists() and time.monotonic() - begin < GIVE_UP_S:
            time.sleep(0.05)
        yield from rows

    log, heard = logging.Logger("of this test"), Heard(told)
    log.addHandler(heard)
    with telling(spark, log, "staging", every_s=0.05):
        # the tasks end only after a line was told while they ran
        assert spark.sparkContext.parallelize(range(6), 2).mapPartitions(until_told).sum() == 15
    assert heard.lines
    assert heard.lines[0].startswith("still at it step=staging seconds=")
    assert "tasks=0/2" in heard.lines[0]
    assert "telling staging" not in {one.name for one in threading.enumerate()}
