"""Where rows begin: the Kafka topics, read as a stream."""

from pyspark.sql import DataFrame, SparkSession

from include.market.wire import MAX_MESSAGE_BYTES
from include.settings import Settings


def kafka_stream(
    spark: SparkSession, settings: Settings, topics: list[str], *, bounded: bool = True
) -> DataFrame:
    """Records of the topics from the earliest offset, `bounded` per micro-batch or all there are.

    A topic that lost offsets before they were read fails the query: never a silent hole.
    """
    source = (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", settings.bootstrap)
        .option("subscribe", ",".join(topics))
        .option("startingOffsets", "earliest")
        .option("failOnDataLoss", "true")
        .option("kafka.max.partition.fetch.bytes", str(2 * MAX_MESSAGE_BYTES))
    )
    if bounded:
        source = source.option("maxOffsetsPerTrigger", str(settings.stream.max_offsets))
    return source.load()
