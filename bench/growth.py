"""What a micro-batch costs when the table has grown and when the market is wide.

The same queries at the same pace: on a table of few files and of many, with one symbol and many.
"""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
from pyspark.sql import SparkSession

from bench.latency import BOOK, book_message, send_in_background
from bench.measurement import Measurement
from include.bus import ensure_topics
from include.errors import PlatformError
from include.lake.tables import LANDED, QUARANTINE, SIGNALS, TABLE_OF_TOPIC
from include.local.scratch import scratch_broker
from include.market import wire
from include.market.wire import TopicPartition
from include.settings import Settings
from spark_jobs.appends import Appender
from spark_jobs.data_files import DataFile, local_folder
from spark_jobs.session import session
from spark_jobs.signals import start_signals
from spark_jobs.sinks import create_tables
from spark_jobs.stream_market import start_landing

PER_SECOND = 1000
FEW_FILES = 10
FILES_A_COMMIT = 100
SETTLE_S = 20.0  # the first batches of a query compile it, and take what has come before it
Medians = dict[str, float]


def measure(
    *, file_count: int, symbols: int, seconds: int, say: Callable[[str], None]
) -> list[Measurement]:
    """Median milliseconds of a batch of `land` and of `signals`, beside the small stream's."""
    with scratch_broker() as settings:
        ensure_topics(settings.bootstrap)
        spark = session(settings, "bench growth", ui_port=settings.ports.spark_ui)
        try:
            arms = {}
            for arm, (files, width) in {
                "warm-up": (FEW_FILES, 1),
                "small": (FEW_FILES, 1),
                "files": (file_count, 1),
                "symbols": (FEW_FILES, symbols),
            }.items():
                arm_settings = replace(settings, world=arm)
                grow(spark, arm_settings, files)
                arms[arm] = _medians(spark, arm_settings, width, seconds)
                say(f"{files} files, {width} symbols: {arms[arm]}")
        finally:
            spark.stop()
    sizes = {
        "files": (f"{file_count} files", f"{FEW_FILES} files"),
        "symbols": (f"{symbols} symbols", "1 symbol"),
    }
    return [
        Measurement.of(
            f"{query} batch, {size}",
            arms[arm][query],
            "ms",
            peer=small_size,
            peer_value=arms["small"][query],
        )
        for arm, (size, small_size) in sizes.items()
        for query in ("land", "signals")
    ]


def grow(spark: SparkSession, settings: Settings, file_count: int) -> None:
    """Give the book's table so many data files of one row."""
    create_tables(spark, settings, (*LANDED, QUARANTINE, SIGNALS))
    table = TABLE_OF_TOPIC[BOOK]
    folder, appender = str(local_folder(settings.lake)), Appender(settings.lake)
    written: list[str] = []
    for number in range(file_count):
        file = DataFile(folder, table)
        file.add(_record(number))
        written.append(file.close())
        if len(written) == FILES_A_COMMIT or number == file_count - 1:
            append = appender.open(spark, table.name)
            append.add_files(written)
            append.commit({TopicPartition(BOOK, 99): number + 1})
            written = []


def _record(number: int) -> pa.RecordBatch:
    value = wire.encode(book_message(number, 1_700_000_000_000_000 + number, "BTC-USDT"))
    at = pa.array([datetime.now(UTC)], pa.timestamp("us", "UTC"))
    return pa.record_batch(
        {
            "topic": [BOOK],
            "partition": pa.array([99], pa.int32()),
            "offset": [number],
            "timestamp": at,
            "value": pa.array([value], pa.binary()),
        }
    )


def _medians(spark: SparkSession, settings: Settings, symbols: int, seconds: int) -> Medians:
    with send_in_background(settings, per_second=PER_SECOND, symbols=symbols):
        queries = [
            start_landing(spark, settings),
            start_signals(spark, settings, publish=lambda _: None),
        ]
        try:
            time.sleep(SETTLE_S)
            since = datetime.now(UTC)
            time.sleep(seconds)
            return {query.name: _median(query.recentProgress, since) for query in queries}
        finally:
            for query in queries:
                query.stop()


def _median(progress: Sequence[Any], since: datetime) -> float:
    durations_ms = [
        batch["durationMs"]["triggerExecution"]
        for batch in progress
        if batch["numInputRows"] and datetime.fromisoformat(batch["timestamp"]) >= since
    ]
    if not durations_ms:
        raise PlatformError("a query began no batch in the time of the measure: more --seconds")
    return float(statistics.median(durations_ms))
