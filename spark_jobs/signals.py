"""The `signals` query: book changes -> liquidity per window -> Delta, Postgres and Kafka.

Repeating a batch changes nothing in Delta (merge on the key) and Postgres (upsert); Kafka may get
a signal again after a crash, with the same numbers, and the trader knows it by its window.
"""

from collections.abc import Callable
from typing import Any

from delta.exceptions import DeltaConcurrentModificationException
from delta.tables import DeltaTable
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from include.lake.tables import SIGNALS, TABLE_OF_TOPIC
from include.serving.tables import create_tables, upsert
from include.settings import Settings
from spark_jobs.sinks import path
from spark_jobs.sources import kafka_stream
from spark_jobs.transforms.liquidity import book_events, signal_messages, signal_rows, window_sums
from spark_jobs.transforms.messages import parsed

TOPIC = "market.signals"
MERGES = 3  # a compaction may rewrite the files under a merge
ORDER = ("bid", "ask", "price_volume")
Publish = Callable[[SparkSession, list[Row], Settings], None]
SCHEMA = ", ".join(f"`{column.name}` {column.type}" for column in SIGNALS.columns)


def window_stream(records: DataFrame, settings: Settings) -> DataFrame:
    """Sums per closed window of a stream of market.book records; repeats by event id left out."""
    messages = book_events(parsed(records, TABLE_OF_TOPIC["market.book"]))
    distinct = messages.withWatermark(
        "event_time", f"{settings.stream.watermark_s} seconds"
    ).dropDuplicatesWithinWatermark(["venue", "symbol", "event_id"])
    return window_sums(distinct, window_s=settings.stream.window_s)


def start_signals(
    spark: SparkSession, settings: Settings, *, tell: Publish | None = None
) -> StreamingQuery:
    """The query that computes the signals and gives them to `tell`, which is `publish`."""
    if tell is None:
        create_tables(settings.dsn())
    tell = tell or publish
    sums = window_stream(kafka_stream(spark, settings, ["market.book"]), settings)

    def write(batch: DataFrame, batch_id: int) -> None:
        # Sorted here: orderBy would run the whole stateful batch once more to sample its ranges.
        rows = sorted(signal_rows(batch).collect(), key=_place)
        if rows:
            tell(batch.sparkSession, rows, settings)

    return (
        sums.writeStream.queryName("signals")
        .outputMode("append")
        .option("checkpointLocation", str(settings.home / "checkpoints" / "signals" / "stream"))
        .trigger(processingTime=f"{settings.stream.signals_trigger_s} seconds")
        .foreachBatch(write)
        .start()
    )


def publish(spark: SparkSession, rows: list[Row], settings: Settings) -> None:
    """Merge signals into Delta, upsert them into Postgres, then send them to Kafka."""
    frame = merged(spark, rows, settings)
    upsert(settings.dsn(), SIGNALS, [row.asDict() for row in rows])
    send(frame, settings)


def merged(spark: SparkSession, rows: list[Row], settings: Settings) -> DataFrame:
    """Merge signals into Delta; returns them as a frame."""
    frame = spark.createDataFrame(rows, SCHEMA).coalesce(1)
    for attempt in range(MERGES):
        try:
            _merge(spark, frame, settings)
            break
        except DeltaConcurrentModificationException:
            if attempt == MERGES - 1:
                raise
    return frame


def send(frame: DataFrame, settings: Settings) -> None:
    """Send signals to Kafka, in the order they have."""
    (
        signal_messages(frame)
        .write.format("kafka")
        .option("kafka.bootstrap.servers", settings.bootstrap)
        .option("topic", TOPIC)
        .save()
    )


def _merge(spark: SparkSession, frame: DataFrame, settings: Settings) -> None:
    match = " AND ".join(f"t.{name} = s.{name}" for name in SIGNALS.key)
    (
        DeltaTable.forPath(spark, path(settings, SIGNALS.name))
        .alias("t")
        .merge(frame.alias("s"), match)
        .whenNotMatchedInsertAll()
        .execute()
    )


def _place(row: Row) -> tuple[Any, ...]:
    return row["window_start"], row["venue"], row["symbol"], ORDER.index(row["type"])
