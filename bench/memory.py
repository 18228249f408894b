"""Whether the stream's memory stays flat: the driver's heap after a collection, over minutes.

All three queries run at a steady pace of book messages and trades, into Delta and Postgres. A
sample that falls into a batch holds that batch too, so of each minute's samples the lowest counts.
The slope is that of a straight line through them after the first quarter, in which caches fill; its
error is twice its standard error.
"""

import statistics
import time
from collections.abc import Sequence
from itertools import groupby
from typing import Any, NamedTuple

import psutil
from pyspark.sql import SparkSession

from bench.latency import book_message, send_in_background, trade_message
from bench.measurement import MIB, Measurement
from bench.quiet import end_quietly, stop_quietly
from bench.slope import Point, fit_line
from include.bus import ensure_topics
from include.errors import PlatformError
from include.lake.tables import LANDED, QUARANTINE, SIGNALS
from include.local.scratch import choose_postgres, scratch_broker, scratch_postgres
from include.log import PrintLine
from spark_jobs.measures import start_measures
from spark_jobs.session import open_session
from spark_jobs.signals import start_signals
from spark_jobs.sinks import create_tables
from spark_jobs.stream_market import start_landing

SAMPLES_A_MINUTE = 4
FEWEST = 3


class Sample(NamedTuple):
    """Memory so many minutes after the start."""

    minute: float
    heap_mib: float
    python_mib: float


def measure(*, per_second: int, minutes: float, print_line: PrintLine) -> list[Measurement]:
    """MiB of the driver's heap after a full collection and of its Python workers; their slopes."""
    with scratch_broker(choose_postgres()) as settings, scratch_postgres(settings):
        ensure_topics(settings.bootstrap)
        spark = open_session(settings, "bench memory", ui_port=settings.ports.spark_ui)
        create_tables(spark, settings, (*LANDED, QUARANTINE, SIGNALS))
        with end_quietly(spark):
            makers = (book_message, trade_message)
            with send_in_background(settings, per_second=per_second, makers=makers):
                queries = [
                    start(spark, settings)
                    for start in (start_landing, start_signals, start_measures)
                ]
                samples = _samples(spark, minutes, print_line)
            for query in queries:
                if not query.isActive:
                    raise SystemExit(f"query {query.name} ended: {query.exception()}")
            stop_quietly(spark, *queries)
    heap = [(sample.minute, sample.heap_mib) for sample in samples]
    python = [(sample.minute, sample.python_mib) for sample in samples]
    return [
        *_describe("driver_heap", lowest_samples(heap, minutes / 4)),
        *_describe("python_workers", lowest_samples(python, minutes / 4)),
    ]


def lowest_samples(samples: Sequence[Point], start_min: float) -> list[Point]:
    """The lowest of each whole minute's samples, of those that begin at `start_min` or later."""
    late = (point for point in samples if point[0] >= start_min)
    by_minute = groupby(late, key=lambda point: int(point[0]))
    return [min(points, key=lambda point: point[1]) for _, points in by_minute]


def _samples(spark: SparkSession, minutes: float, print_line: PrintLine) -> list[Sample]:
    jvm: Any = spark._jvm
    memory = jvm.java.lang.management.ManagementFactory.getMemoryMXBean()
    began, samples = time.monotonic(), list[Sample]()
    while (past := (time.monotonic() - began) / 60) < minutes:
        time.sleep(60 / SAMPLES_A_MINUTE)
        memory.gc()
        heap = memory.getHeapMemoryUsage().getUsed() / MIB
        python = _python_workers() / MIB
        samples.append(Sample(past, heap, python))
        if len(samples) % SAMPLES_A_MINUTE == 0:
            print_line(f"{past:.0f} min: {heap:.1f} MiB of heap, {python:.1f} of Python")
    return samples


def _python_workers() -> int:
    """Bytes that the Python processes of the tasks hold for themselves."""
    size = 0
    for child in psutil.Process().children(recursive=True):
        try:
            if "pyspark.daemon" in child.cmdline():
                size += child.memory_full_info().uss
        except psutil.Error:
            continue
    return size


def _describe(name: str, points: Sequence[Point]) -> list[Measurement]:
    if len(points) < FEWEST:
        raise PlatformError(f"{len(points)} minutes are too few for a line: more --minutes")
    slope, error = fit_line(points)
    return [
        Measurement.of(f"{name}_median", statistics.median(value for _, value in points), "MiB"),
        Measurement.of(f"{name}_slope", slope * 60, "MiB/hour"),
        Measurement.of(f"{name}_slope_error", error * 60, "MiB/hour"),
    ]
