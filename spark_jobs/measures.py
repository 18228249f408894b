"""The `measures` query: every book update -> imbalance and mid price on market.signals, at once.

It runs in Spark's real-time mode: its tasks stay, and a record goes through when it comes, where
a micro-batch would wait for the next. Its sink is Kafka alone, which may get a measure again
after a crash: the message names the record it comes from, and repeats are equal.
"""

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from include.lake.tables import TABLE_OF_TOPIC
from include.market.wire import Topic
from include.settings import Settings
from spark_jobs.kafka_options import kafka_options
from spark_jobs.sources import kafka_stream
from spark_jobs.transforms.measures import measure_messages, measure_rows
from spark_jobs.transforms.messages import parse_messages


def measure_stream(
    spark: SparkSession, settings: Settings, *, starting: str = "earliest"
) -> DataFrame:
    """Key and value of every measure of a stream of market.book, `starting` as Spark reads it."""
    # Real-time mode takes whatever has come: a bound on offsets is for micro-batches.
    records_df = kafka_stream(spark, settings, [Topic.BOOK], bounded=False, starting=starting)
    messages_df = parse_messages(records_df, TABLE_OF_TOPIC[Topic.BOOK])
    return measure_messages(measure_rows(messages_df))


def start_measures(spark: SparkSession, settings: Settings) -> StreamingQuery:
    """The query that computes the measures; without a checkpoint, of all that Kafka still has."""
    writer = (
        measure_stream(spark, settings)
        .writeStream.queryName("measures")
        .outputMode("update")
        .format("kafka")
        .options(**kafka_options(settings.bootstrap))
        .option("topic", Topic.SIGNALS)
        .option("checkpointLocation", str(settings.checkpoints / "measures" / "stream"))
    )
    interval = f"{settings.stream.measures_checkpoint_s} seconds"
    started: StreamingQuery = writer.trigger(realTime=interval).start()  # type: ignore[call-overload]
    return started
