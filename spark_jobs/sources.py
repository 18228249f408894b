"""Where rows begin: the Kafka topics, read as a stream."""

import json

from pyspark.sql import DataFrame, SparkSession

from include.market.wire import MAX_MESSAGE_BYTES
from include.settings import Settings
from spark_jobs.kafka_options import kafka_options

RECORDS_A_TASK = 50_000
# Spark asks for a partition's end after each poll. The broker answers that behind the fetch that
# waits for news at the end: half a second for each partition whose batch takes more than one poll.
OF_BATCHES = {"kafka.fetch.max.wait.ms": "20", "kafka.max.poll.records": "10000"}


def kafka_stream(
    spark: SparkSession,
    settings: Settings,
    topics: list[str],
    *,
    bounded: bool = True,
    starting: str = "earliest",
) -> DataFrame:
    """Records of the topics, `bounded` per micro-batch or all there are.

    Without a checkpoint it begins at `starting`: earliest, or Spark's JSON of offsets.

    A topic that lost offsets before they were read fails the query: never a silent hole. Records of
    aborted transactions are not read.
    """
    source = (
        spark.readStream.format("kafka")
        .options(**kafka_options(settings.bootstrap))
        .option("subscribe", ",".join(topics))
        .option("startingOffsets", starting)
        .option("failOnDataLoss", "true")
        .option("kafka.isolation.level", "read_committed")
        .option("kafka.max.partition.fetch.bytes", str(2 * MAX_MESSAGE_BYTES))
    )
    if bounded:
        source = source.options(**OF_BATCHES)
        # A batch of one partition's backlog is split over the cores; a usual one is not.
        source = source.option("maxOffsetsPerTrigger", str(settings.stream.max_offsets)).option(
            "maxRecordsPerPartition", str(RECORDS_A_TASK)
        )
    return source.load()


def kafka_batch(
    spark: SparkSession, settings: Settings, *, starting: str, ending: str
) -> DataFrame:
    """Records between Spark's JSON of offsets and another; their topics are those named there."""
    topics = sorted(json.loads(ending))
    return (
        spark.read.format("kafka")
        .options(**kafka_options(settings.bootstrap))
        .option("subscribe", ",".join(topics))
        .option("startingOffsets", starting)
        .option("endingOffsets", ending)
        .option("failOnDataLoss", "true")
        .option("kafka.max.partition.fetch.bytes", str(2 * MAX_MESSAGE_BYTES))
        .load()
    )
