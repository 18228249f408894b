"""What others would write in the stream's place, for the benchmark: no checks, no accounting.

`PlainSpark` is the tutorial's job (`from_json` into one Delta table by the native sink).
`DeltaRs` is a writer without Spark: librdkafka, pyarrow's JSON reader, delta-rs.
"""

from typing import cast

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj
from confluent_kafka import Consumer, TopicPartition
from deltalake import write_deltalake
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from include.market.wire import Topic
from include.settings import Settings

TOPIC = Topic.TRADES
MESSAGE = (
    "venue string, symbol string, received_time bigint, venue_time bigint, events array<struct<"
    "trade_id string, price decimal(20,8), quantity decimal(22,10), side string,"
    " traded_at bigint>>"
)
EVENT = pa.list_(
    pa.struct(
        [
            ("trade_id", pa.string()),
            ("price", pa.string()),
            ("quantity", pa.string()),
            ("side", pa.string()),
            ("traded_at", pa.int64()),
        ]
    )
)
ENVELOPE = ("venue", "symbol", "received_time", "venue_time")
FLAT = ("trade_id", "price", "quantity", "side", "traded_at")


class PlainSpark:
    """The plain job, continuing from its checkpoint each time it is run."""

    def __init__(self, spark: SparkSession, settings: Settings) -> None:
        self.spark, self.settings = spark, settings
        self.table = f"{settings.home}/plain/trades"

    def run(self) -> None:
        """Take all there is, and stop."""
        settings = self.settings
        records = (
            self.spark.readStream.format("kafka")
            .option("kafka.bootstrap.servers", settings.bootstrap)
            .option("subscribe", TOPIC)
            .option("startingOffsets", "earliest")
            .option("maxOffsetsPerTrigger", str(settings.stream.max_offsets))
            .load()
        )
        message = F.from_json(F.col("value").cast("string"), MESSAGE).alias("message")
        rows = (
            records.select(message)
            .select("message.*")
            .select(
                "venue", "symbol", "received_time", "venue_time", F.explode("events").alias("e")
            )
            .select("venue", "symbol", "received_time", "venue_time", "e.*")
        )
        query = (
            rows.writeStream.format("delta")
            .option("checkpointLocation", f"{settings.home}/plain/checkpoint")
            .trigger(availableNow=True)
            .start(self.table)
        )
        query.awaitTermination()


class DeltaRs:
    """A consumer that appends to a Delta table, keeping its place in memory."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.table = f"{settings.home}/delta_rs/trades"
        self._next: dict[int, int] = {}

    def run(self) -> None:
        """Take all there is, and stop."""
        consumer = Consumer(
            {
                "bootstrap.servers": self.settings.bootstrap,
                "group.id": "bench",
                "enable.auto.commit": False,
                "fetch.max.bytes": 50_000_000,
                "queued.max.messages.kbytes": 200_000,
            }
        )
        try:
            partitions = consumer.list_topics(TOPIC, timeout=10).topics[TOPIC].partitions
            assignment = [TopicPartition(TOPIC, p, self._next.get(p, 0)) for p in partitions]
            ends = {p.partition: consumer.get_watermark_offsets(p)[1] for p in assignment}
            consumer.assign(assignment)
            while any(self._next.get(part, 0) < end for part, end in ends.items()):
                self._take(consumer, ends)
        finally:
            consumer.close()

    def _take(self, consumer: Consumer, ends: dict[int, int]) -> None:
        values: list[bytes] = []
        while len(values) < self.settings.stream.max_offsets:
            for record in consumer.consume(10_000, timeout=0.5):
                values.append(cast(bytes, record.value()))
                self._next[cast(int, record.partition())] = cast(int, record.offset()) + 1
            if all(self._next.get(part, 0) >= end for part, end in ends.items()):
                break
        write_deltalake(self.table, _parse_messages(values), mode="append")


def _parse_messages(values: list[bytes]) -> pa.Table:
    schema = pa.schema(
        [
            ("venue", pa.string()),
            ("symbol", pa.string()),
            ("received_time", pa.int64()),
            ("venue_time", pa.int64()),
            ("events", EVENT),
        ]
    )
    table = pj.read_json(
        pa.BufferReader(b"\n".join(values)),
        parse_options=pj.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore"),
    )
    events = table["events"].combine_chunks()
    fields = events.flatten()
    rows = pc.list_parent_indices(events)
    flat = {name: table[name].take(rows) for name in schema.names[:-1]}
    for name in FLAT:
        flat[name] = fields.field(name)
    flat["price"] = flat["price"].cast(pa.decimal128(20, 8))
    flat["quantity"] = flat["quantity"].cast(pa.decimal128(22, 10))
    return pa.table(flat)
