"""The `measures` query: every book update -> imbalance and mid price on market.signals, at once.

It runs in Spark's real-time mode: its tasks stay, and a record goes through when it comes, where
a micro-batch would wait for the next. Its sink is Kafka alone, which may get a measure again
after a crash: the message names the record it comes from, and repeats are equal.
"""

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from include.lake.tables import TABLE_OF_TOPIC
from include.settings import Settings
from spark_jobs.signals import TOPIC
from spark_jobs.sources import kafka_stream
from spark_jobs.transforms.measures import measure_messages, measure_rows
from spark_jobs.transforms.messages import parsed

BOOK = "market.book"


def measure_stream(
    spark: SparkSession, settings: Settings, *, starting: str = "earliest"
) -> DataFrame:
    """Key and value of every measure of a stream of market.book, `starting` as Spark reads it."""
    # Real-time mode takes what is there: a bound on offsets is for micro-batches.
    records = kafka_stream(spark, settings, [BOOK], bounded=False, starting=starting)
    return measure_messages(measure_rows(parsed(records, TABLE_OF_TOPIC[BOOK])))


def start_measures(spark: SparkSession, settings: Settings) -> StreamingQuery:
    """The query that computes the measures; without a checkpoint, of all that Kafka still has."""
    writer = (
        measure_stream(spark, settings)
        .writeStream.queryName("measures")
        .outputMode("update")
        .format("kafka")
        .option("kafka.bootstrap.servers", settings.bootstrap)
        .option("topic", TOPIC)
        .option("checkpointLocation", str(settings.home / "checkpoints" / "measures" / "stream"))
    )
    every = f"{settings.stream.measures_checkpoint_s} seconds"
    started: StreamingQuery = writer.trigger(realTime=every).start()  # type: ignore[call-overload]
    return started
