"""How long a message is on its way: to a measure on Kafka, and to a committed Delta row.

Messages come at a steady pace. Measures go through Spark's real-time mode, beside the same query
in micro-batches; landing is timed from the message's Kafka time to its table's commit.
"""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

from confluent_kafka import Producer
from pyspark.sql import SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from bench.lateness import commit_delays_ms
from bench.measurement import Measurement, quantile
from include.bus import Consumer, ensure_topics, offset_ranges
from include.clock import now_us
from include.errors import PlatformError
from include.lake.checkpoint import batch_spans
from include.lake.epoch import Epoch
from include.lake.tables import QUARANTINE, TABLES
from include.local.scratch import scratch_broker
from include.market import wire
from include.market.events import BookChange, Message, Top
from include.market.wire import Topic
from include.settings import Settings
from spark_jobs.landing import Landing
from spark_jobs.measures import measure_stream, start_measures
from spark_jobs.session import session
from spark_jobs.sinks import create_table, path
from spark_jobs.sources import kafka_stream

BOOK, SIGNALS = Topic.BOOK, Topic.SIGNALS
SETTLE_S = 10.0  # the first batches of a query compile it
# Landing is measured so many times as long: every fifty batches one writes a checkpoint of the log.
LANDING = 8


def measure(*, per_second: int, seconds: int) -> list[Measurement]:
    """Latencies in milliseconds, p50 and p99, of measures and of landing.

    Raises:
        PlatformError: a query wrote nothing.
    """
    with scratch_broker() as settings:
        ensure_topics(settings.bootstrap)
        spark = session(settings, "bench latency", ui_port=settings.ports.spark_ui)
        try:
            with send_in_background(settings, per_second=per_second):
                real = _measures(settings, start_measures(spark, settings), seconds)
                batches = _measures(settings, _micro_batches(spark, settings), seconds)
                landing_ms = _measure_landing(spark, settings, LANDING * seconds)
        finally:
            spark.stop()
    for query, delays_ms in {"measure": real, "micro-batches": batches, "land": landing_ms}.items():
        if not delays_ms:
            raise PlatformError(f"{query}: the query wrote nothing in its time")
    return [
        row
        for name, share in (("p50", 0.50), ("p99", 0.99))
        for row in (
            Measurement.of(
                f"measure_{name}",
                quantile(real, share),
                "ms",
                peer="micro-batches",
                peer_value=quantile(batches, share),
                digits=1,
            ),
            Measurement.of(f"land_{name}", quantile(landing_ms, share), "ms", digits=1),
        )
    ]


@contextmanager
def send_in_background(settings: Settings, *, per_second: int, symbols: int = 1) -> Iterator[None]:
    """Book messages at so many a second while the block runs; their receipt is their sending."""
    stop = threading.Event()
    sender = threading.Thread(target=_send, args=(settings, per_second, symbols, stop), daemon=True)
    sender.start()
    try:
        yield
    finally:
        stop.set()
        sender.join(30)


def _send(settings: Settings, per_second: int, symbols: int, stop: threading.Event) -> None:
    producer = Producer({"bootstrap.servers": settings.bootstrap, "linger.ms": 1})
    number, began = 0, time.monotonic()
    while not stop.is_set():
        for _ in range(int((time.monotonic() - began) * per_second) - number):
            number += 1
            symbol = f"COIN{number % symbols}-USDT"
            message = book_message(number, now_us(), symbol)
            producer.produce(BOOK, wire.encode(message), wire.key(message))
        producer.poll(0)
        time.sleep(0.002)
    producer.flush(30)


def book_message(number: int, now_us: int, symbol: str) -> Message:
    """A change of the best bid, with the best prices after it."""
    price = Decimal(6_700_000 + number % 997).scaleb(-2)
    top = Top(bid=price, bid_quantity=Decimal("1.5"), ask=price + 1, ask_quantity=Decimal("0.5"))
    change = BookChange(side="bid", price=price, remaining=Decimal("1.5"), venue_event_id=number)
    return Message(
        venue="binance",
        symbol=symbol,
        kind="book",
        conn="bench",
        seq=(number, number),
        venue_time=None,
        received_time=now_us,
        events=(change,),
        top=top,
    )


def _measures(settings: Settings, query: StreamingQuery, seconds: int) -> list[float]:
    """Milliseconds from a book message's sending to its measure's, of what came in time."""
    try:
        time.sleep(SETTLE_S)
        consumer = Consumer(settings.bootstrap, topics=[SIGNALS], from_end=True)
        since_us, delays_ms = now_us(), []
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for record in consumer.poll(0.2):
                sent_us = json.loads(record.value)["received_time"]
                if sent_us >= since_us:
                    delays_ms.append(record.kafka_time_ms - sent_us / 1000)
        consumer.close()
    finally:
        query.stop()
    return delays_ms


def _micro_batches(spark: SparkSession, settings: Settings) -> StreamingQuery:
    """The same query, batch after batch, from now on."""
    ranges = offset_ranges(settings.bootstrap, [BOOK])
    ends = {str(at.partition): end for at, (_, end) in ranges.items()}
    checkpoint = settings.home / "checkpoints" / "micro"
    return (
        measure_stream(spark, settings, starting=json.dumps({BOOK: ends}))
        .writeStream.format("kafka")
        .option("kafka.bootstrap.servers", settings.bootstrap)
        .option("topic", SIGNALS)
        .option("checkpointLocation", str(checkpoint))
        .trigger(processingTime="0 seconds")
        .start()
    )


def _measure_landing(spark: SparkSession, settings: Settings, seconds: int) -> list[float]:
    """Milliseconds from a message's Kafka time to the commit of its row, once it has caught up."""
    for name in ("book_changes", QUARANTINE.name):
        create_table(spark, settings, TABLES[name])
    folder = settings.home / "checkpoints" / "land"
    landing = Landing(
        settings,
        epoch=Epoch(starts={}, topic_ids={}),
        hooks={},
        spans=lambda batch: batch_spans(folder / "stream", batch, starts={}),
    )
    query = (
        kafka_stream(spark, settings, [BOOK])
        .writeStream.option("checkpointLocation", str(folder / "stream"))
        .trigger(processingTime=f"{settings.stream.trigger_s} seconds")
        .foreachBatch(landing.write)
        .start()
    )
    try:
        time.sleep(2 * SETTLE_S)
        since_us = now_us()
        time.sleep(seconds)
    finally:
        query.stop()
    return commit_delays_ms(path(settings, "book_changes"), since_us=since_us)
