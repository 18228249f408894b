"""What a micro-batch costs when the tables have grown and when the market is wide.

The same writers at the same pace, from Kafka to Delta and Postgres: landing, signals and minutes;
on tables of few files and of many, with one symbol and many.
"""

import statistics
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

import pyarrow as pa
from pyspark.sql import SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from bench.latency import BOOK, Maker, book_message, send_in_background, trade_message
from bench.measurement import Measurement
from bench.quiet import end_quietly, stop_quietly
from include.bus import ensure_topics
from include.errors import PlatformError
from include.lake.tables import LANDED, QUARANTINE, SIGNALS, TABLE_OF_TOPIC
from include.local.scratch import choose_postgres, scratch_broker, scratch_postgres
from include.log import PrintLine
from include.market import wire
from include.market.wire import Topic, TopicPartition
from include.serving.connection import create_database
from include.serving.tables import create_tables as create_serving_tables
from include.serving.trade_minutes import CountedFiles, refresh
from include.settings import Settings
from spark_jobs.appends import Appender
from spark_jobs.data_files import DataFile, local_folder
from spark_jobs.session import open_session
from spark_jobs.signals import start_signals
from spark_jobs.sinks import create_tables
from spark_jobs.stream_market import start_landing

PER_SECOND = 1000
FEW_FILES = 10
FILES_A_COMMIT = 100
SETTLE_S = 20.0  # the first batches of a query compile it, and take what has come before it
MAKERS: dict[str, Maker] = {BOOK: book_message, Topic.TRADES: trade_message}
QUERIES = ("land", "signals", "minutes")
Medians = dict[str, float]


def measure(
    *, file_count: int, symbols: int, seconds: int, print_line: PrintLine
) -> list[Measurement]:
    """Median milliseconds of a batch of each writer, beside those of the small stream."""
    with scratch_broker(choose_postgres()) as settings, scratch_postgres(settings):
        ensure_topics(settings.bootstrap)
        spark = open_session(settings, "bench growth", ui_port=settings.ports.spark_ui)
        with end_quietly(spark):
            arms = {}
            for arm, (files, width) in {
                "warm-up": (FEW_FILES, 1),
                "small": (FEW_FILES, 1),
                "files": (file_count, 1),
                "symbols": (FEW_FILES, symbols),
            }.items():
                arm_settings = _open_world(settings, arm)
                grow(spark, arm_settings, files)
                arms[arm] = _medians(spark, arm_settings, width, seconds)
                print_line(f"{files} files, {width} symbols: {arms[arm]}")
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
        for query in QUERIES
    ]


def _open_world(settings: Settings, arm: str) -> Settings:
    """A world and a database of its own for each arm, on the same servers."""
    postgres = replace(settings.postgres, database=arm.replace("-", "_"))
    arm_settings = replace(settings, world=arm, postgres=postgres)
    create_database(arm_settings.dsn(database="postgres"), name=postgres.database)
    create_serving_tables(arm_settings.dsn())
    return arm_settings


def grow(spark: SparkSession, settings: Settings, file_count: int) -> None:
    """Give the tables of the book and of the trades so many data files of one row each."""
    create_tables(spark, settings, (*LANDED, QUARANTINE, SIGNALS))
    for topic in MAKERS:
        _grow_table(spark, settings, topic, file_count)


def _grow_table(spark: SparkSession, settings: Settings, topic: str, file_count: int) -> None:
    table = TABLE_OF_TOPIC[topic]
    folder, appender = str(local_folder(settings.lake)), Appender(settings.lake)
    written: list[str] = []
    for number in range(file_count):
        file = DataFile(folder, table)
        file.add(_record(topic, number))
        written.append(file.close())
        if len(written) == FILES_A_COMMIT or number == file_count - 1:
            append = appender.open(spark, table.name)
            append.add_files(written)
            append.commit({TopicPartition(topic, 99): number + 1})
            written = []


def _record(topic: str, number: int) -> pa.RecordBatch:
    value = wire.encode(MAKERS[topic](number, 1_700_000_000_000_000 + number, "BTC-USDT"))
    at = pa.array([datetime.now(UTC)], pa.timestamp("us", "UTC"))
    return pa.record_batch(
        {
            "topic": [topic],
            "partition": pa.array([99], pa.int32()),
            "offset": [number],
            "timestamp": at,
            "value": pa.array([value], pa.binary()),
        }
    )


def _medians(spark: SparkSession, settings: Settings, symbols: int, seconds: int) -> Medians:
    makers = list(MAKERS.values())
    with send_in_background(settings, per_second=PER_SECOND, symbols=symbols, makers=makers):
        queries = [start_landing(spark, settings), start_signals(spark, settings)]
        try:
            time.sleep(SETTLE_S)
            since = datetime.now(UTC)
            with _refresh_in_background(settings) as refreshes_ms:
                time.sleep(seconds)
            medians = {query.name: _median(_batches_ms(query, since)) for query in queries}
            return medians | {"minutes": _median(refreshes_ms)}
        finally:
            stop_quietly(spark, *queries)


@contextmanager
def _refresh_in_background(settings: Settings) -> Iterator[list[float]]:
    """Refresh the minutes while the block runs; how long each refresh took, without the first."""
    stop, durations_ms, counted = threading.Event(), list[float](), CountedFiles()

    def repeat() -> None:
        while not stop.is_set():
            began_s = time.perf_counter()
            refresh(settings, now=datetime.now(UTC), counted=counted)
            durations_ms.append((time.perf_counter() - began_s) * 1000)
            stop.wait(settings.stream.minutes_s)

    thread = threading.Thread(target=repeat, daemon=True)
    thread.start()
    try:
        yield durations_ms
    finally:
        stop.set()
        thread.join(60)
        del durations_ms[:1]  # it reads all that the table holds


def _batches_ms(query: StreamingQuery, start_at: datetime) -> list[float]:
    return [
        batch["durationMs"]["triggerExecution"]
        for batch in query.recentProgress
        if batch["numInputRows"] and datetime.fromisoformat(batch["timestamp"]) >= start_at
    ]


def _median(durations_ms: Sequence[float]) -> float:
    if not durations_ms:
        raise PlatformError("a writer began no batch in the time of the measure: more --seconds")
    return float(statistics.median(durations_ms))
