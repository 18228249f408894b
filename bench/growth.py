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

from bench.latency import BOOK, book_message, paced
from include.bus import ensure_topics
from include.errors import PlatformError
from include.lake.tables import LANDED, QUARANTINE, SIGNALS, TABLE_OF_TOPIC
from include.local.scratch import scratch_broker
from include.market import wire
from include.settings import Settings
from spark_jobs.parts import Part, local_folder
from spark_jobs.session import session
from spark_jobs.signals import start_signals
from spark_jobs.sinks import Appender, create_tables, path
from spark_jobs.stream_market import start_landing

PER_SECOND = 1000
FEW_FILES = 10
FILES_A_COMMIT = 100
SETTLE_S = 20.0  # the first batches of a query compile it, and take what has come before it
Figure = dict[str, Any]
Medians = dict[str, float]


def figures(*, files: int, symbols: int, seconds: int, say: Callable[[str], None]) -> list[Figure]:
    """Median milliseconds of a batch of `land` and of `signals`, beside the small stream's."""
    with scratch_broker() as settings:
        ensure_topics(settings.bootstrap)
        spark = session(settings, "bench growth", ui_port=settings.ports.spark_ui)
        try:
            arms = {}
            for arm, (there, wide) in {
                "warm-up": (FEW_FILES, 1),
                "small": (FEW_FILES, 1),
                "files": (files, 1),
                "symbols": (FEW_FILES, symbols),
            }.items():
                own = replace(settings, world=arm)
                grow(spark, own, there)
                arms[arm] = _medians(spark, own, wide, seconds)
                say(f"{there} files, {wide} symbols: {arms[arm]}")
        finally:
            spark.stop()
    told = {"files": f"{FEW_FILES} files", "symbols": "1 symbol"}
    size = {"files": f"{files} files", "symbols": f"{symbols} symbols"}
    return [
        {
            "name": f"{query} batch, {size[arm]}",
            "value": arms[arm][query],
            "unit": "ms",
            "peer": told[arm],
            "peer_value": arms["small"][query],
            "ratio": round(arms["small"][query] / arms[arm][query], 2),
        }
        for arm in told
        for query in ("land", "signals")
    ]


def grow(spark: SparkSession, settings: Settings, files: int) -> None:
    """Give the book's table so many data files of one row."""
    create_tables(spark, settings, (*LANDED, QUARANTINE, SIGNALS))
    table = TABLE_OF_TOPIC[BOOK]
    folder, appender = str(local_folder(settings.lake)), Appender("bench")
    made: list[str] = []
    for number in range(files):
        part = Part(folder, table)
        part.take(_record(number))
        made.append(part.close())
        if len(made) == FILES_A_COMMIT or number == files - 1:
            appender.add(spark, made, location=path(settings, table.name), batch_id=number)
            made = []


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
    with paced(settings, per_second=PER_SECOND, symbols=symbols):
        queries = [
            start_landing(spark, settings),
            start_signals(spark, settings, tell=lambda *_: None),
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
    taken = [
        one["durationMs"]["triggerExecution"]
        for one in progress
        if one["numInputRows"] and datetime.fromisoformat(one["timestamp"]) >= since
    ]
    if not taken:
        raise PlatformError("a query began no batch in the time of the measure: more --seconds")
    return float(statistics.median(taken))
