"""The `signals` query: book changes -> liquidity per window -> Delta, Postgres and Kafka.

Repeating a batch changes nothing in Delta (merge on the key) and Postgres (upsert); Kafka may get
a signal again after a crash, with the same numbers, and the trader recognises it by its window.
"""

from collections.abc import Callable
from typing import Any

from delta.exceptions import DeltaConcurrentModificationException
from delta.tables import DeltaTable
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from include.lake.tables import SIGNALS, TABLE_OF_TOPIC
from include.market.wire import Topic
from include.serving.tables import create_tables, upsert
from include.settings import Settings
from spark_jobs.sinks import path
from spark_jobs.sources import kafka_stream
from spark_jobs.transforms.liquidity import book_events, signal_messages, signal_rows, window_sums
from spark_jobs.transforms.messages import parse_messages

MERGES = 3  # a compaction may rewrite the files under a merge
ORDER = ("bid", "ask", "price_volume")
Publish = Callable[[SparkSession, list[Row], Settings], None]
SCHEMA = ", ".join(f"`{column.name}` {column.type}" for column in SIGNALS.columns)


def window_stream(records_df: DataFrame, settings: Settings) -> DataFrame:
    """Sums per closed window of a stream of market.book records; repeats by event id left out."""
    messages_df = parse_messages(records_df, TABLE_OF_TOPIC[Topic.BOOK])
    distinct_df = (
        book_events(messages_df)
        .withWatermark("event_time", f"{settings.stream.watermark_s} seconds")
        .dropDuplicatesWithinWatermark(["venue", "symbol", "event_id"])
    )
    return window_sums(distinct_df, window_s=settings.stream.window_s)


def start_signals(
    spark: SparkSession, settings: Settings, *, send: Publish | None = None
) -> StreamingQuery:
    """The query that computes the signals and gives them to `send`, which is `publish`."""
    if send is None:
        create_tables(settings.dsn())
        send = publish
    sums_df = window_stream(kafka_stream(spark, settings, [Topic.BOOK]), settings)

    def write(batch_df: DataFrame, batch_id: int) -> None:
        # Sorted here: orderBy would run the whole stateful batch once more to sample its ranges.
        signals = sorted(signal_rows(batch_df).collect(), key=_order)
        if signals:
            send(batch_df.sparkSession, signals, settings)

    return (
        sums_df.writeStream.queryName("signals")
        .outputMode("append")
        .option("checkpointLocation", str(settings.home / "checkpoints" / "signals" / "stream"))
        .trigger(processingTime=f"{settings.stream.signals_trigger_s} seconds")
        .foreachBatch(write)
        .start()
    )


def publish(spark: SparkSession, signals: list[Row], settings: Settings) -> None:
    """Merge signals into Delta, upsert them into Postgres, then send them to Kafka."""
    signals_df = merge(spark, signals, settings)
    upsert(settings.dsn(), SIGNALS, [row.asDict() for row in signals])
    send_to_kafka(signals_df, settings)


def merge(spark: SparkSession, signals: list[Row], settings: Settings) -> DataFrame:
    """Merge signals into Delta; returns them as a data frame."""
    signals_df = spark.createDataFrame(signals, SCHEMA).coalesce(1)
    for attempt in range(MERGES):
        try:
            _merge_once(spark, signals_df, settings)
            break
        except DeltaConcurrentModificationException:
            if attempt == MERGES - 1:
                raise
    return signals_df


def send_to_kafka(signals_df: DataFrame, settings: Settings) -> None:
    """Send signals to Kafka, in the order they have."""
    (
        signal_messages(signals_df)
        .write.format("kafka")
        .option("kafka.bootstrap.servers", settings.bootstrap)
        .option("topic", Topic.SIGNALS)
        .save()
    )


def _merge_once(spark: SparkSession, signals_df: DataFrame, settings: Settings) -> None:
    match = " AND ".join(f"t.{name} = s.{name}" for name in SIGNALS.key)
    (
        DeltaTable.forPath(spark, path(settings, SIGNALS.name))
        .alias("t")
        .merge(signals_df.alias("s"), match)
        .whenNotMatchedInsertAll()
        .execute()
    )


def _order(row: Row) -> tuple[Any, ...]:
    return row["window_start"], row["venue"], row["symbol"], ORDER.index(row["type"])
