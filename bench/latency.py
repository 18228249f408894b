"""How long a message is on its way: to a measure on Kafka, and to a committed Delta row.

Messages come at a steady pace. Measures go through Spark's real-time mode, beside the same query
in micro-batches; landing is timed from the message's Kafka time to its table's commit. Of each
span of time everything sent counts: what came late, and what never came.
"""

import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal

from confluent_kafka import Producer
from pyspark.sql import SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from bench.arrivals import Arrivals, RecordSpan, await_arrivals, describe, open_span
from bench.lateness import read_span_delays_ms
from bench.measurement import Measurement
from bench.quiet import end_quietly, stop_quietly
from include.bus import Consumer, Record, TopicPartition, ensure_topics, offset_ranges
from include.clock import now_us
from include.errors import PlatformError
from include.lake.checkpoint import batch_spans
from include.lake.epoch import Epoch
from include.lake.tables import QUARANTINE, TABLES
from include.local.scratch import scratch_broker
from include.market import wire
from include.market.events import BookChange, Message, Top, Trade
from include.market.wire import Topic
from include.settings import Settings
from spark_jobs.landing import Landing
from spark_jobs.measures import measure_stream, start_measures
from spark_jobs.session import open_session
from spark_jobs.sinks import create_table, locate_table
from spark_jobs.sources import kafka_stream

BOOK, SIGNALS = Topic.BOOK, Topic.SIGNALS
Maker = Callable[[int, int, str], Message]  # number, now in µs, symbol
MEASURES = 2  # of each message: imbalance and mid price
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
        spark = open_session(settings, "bench latency", ui_port=settings.ports.spark_ui)
        with end_quietly(spark), send_in_background(settings, per_second=per_second):
            real = _measures(spark, settings, start_measures(spark, settings), seconds)
            batches = _measures(spark, settings, _micro_batches(spark, settings), seconds)
            landings = _measure_landing(spark, settings, LANDING * seconds)
    for query, arrivals in {"measure": real, "micro-batches": batches, "land": landings}.items():
        if arrivals.missing == len(arrivals.delays_ms):
            raise PlatformError(f"{query}: the query wrote nothing in its time")
    return [
        *describe("measure", real, peer="micro-batches", peers=batches),
        *describe("land", landings),
    ]


@contextmanager
def send_in_background(
    settings: Settings,
    *,
    per_second: int,
    symbols: int = 1,
    makers: Sequence[Maker] | None = None,
) -> Iterator[None]:
    """Messages at so many a second while the block runs; their receipt is their sending.

    `makers` make them in turn; without any they are of the book.
    """
    stop = threading.Event()
    makers = makers or (book_message,)
    sending = (settings, per_second, symbols, makers, stop)
    sender = threading.Thread(target=_send, args=sending, daemon=True)
    sender.start()
    try:
        yield
    finally:
        stop.set()
        sender.join(30)


def _send(
    settings: Settings,
    per_second: int,
    symbols: int,
    makers: Sequence[Maker],
    stop: threading.Event,
) -> None:
    producer = Producer({"bootstrap.servers": settings.bootstrap, "linger.ms": 1})
    number, began = 0, time.monotonic()
    while not stop.is_set():
        for _ in range(int((time.monotonic() - began) * per_second) - number):
            number += 1
            symbol = f"COIN{number % symbols}-USDT"
            message = makers[number // symbols % len(makers)](number, now_us(), symbol)
            producer.produce(
                wire.choose_topic(message), wire.encode(message), wire.encode_key(message)
            )
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
        venue_time=now_us,
        received_time=now_us,
        events=(change,),
        top=top,
    )


def trade_message(number: int, now_us: int, symbol: str) -> Message:
    """One trade, made when it was received."""
    price = Decimal(6_700_000 + number % 997).scaleb(-2)
    trade = Trade(str(number), price, Decimal("0.25"), "buy" if number % 2 else "sell", now_us)
    seq = (number, number)
    return Message("binance", symbol, "trade", "bench", seq, now_us, now_us, (trade,))


def _measures(
    spark: SparkSession, settings: Settings, query: StreamingQuery, seconds: int
) -> Arrivals:
    """From each book message's sending to that of its measures."""
    try:
        time.sleep(SETTLE_S)
        consumer = Consumer(settings.bootstrap, topics=[SIGNALS], from_end=True)
        with open_span(settings.bootstrap, BOOK) as span:
            time.sleep(seconds)
        delays_ms: dict[tuple[object, ...], float] = {}

        def read() -> list[float]:
            while records := consumer.poll(0.2):
                delays_ms.update(_delays_of_measures_ms(records, span))
                if len(delays_ms) >= MEASURES * span.count:
                    break
            return list(delays_ms.values())

        arrivals = await_arrivals(read, sent_count=MEASURES * span.count)
        consumer.close()
    finally:
        stop_quietly(spark, query)
    return arrivals


def _delays_of_measures_ms(
    records: Iterable[Record], span: RecordSpan
) -> Iterator[tuple[tuple[object, ...], float]]:
    """Milliseconds by message and type, of the measures of the span's messages."""
    for record in records:
        measure = json.loads(record.value)
        source = measure["source"]
        message_id = TopicPartition(source["topic"], source["partition"]), source["offset"]
        if message_id in span:
            delay_ms = record.kafka_time_ms - measure["received_time"] / 1000
            yield (*message_id, measure["type"]), delay_ms


def _micro_batches(spark: SparkSession, settings: Settings) -> StreamingQuery:
    """Runs the query batch after batch, from now on."""
    ranges = offset_ranges(settings.bootstrap, [BOOK])
    ends = {str(at.partition): end for at, (_, end) in ranges.items()}
    checkpoint = settings.checkpoints / "micro"
    return (
        measure_stream(spark, settings, starting=json.dumps({BOOK: ends}))
        .writeStream.format("kafka")
        .option("kafka.bootstrap.servers", settings.bootstrap)
        .option("topic", SIGNALS)
        .option("checkpointLocation", str(checkpoint))
        .trigger(processingTime="0 seconds")
        .start()
    )


def _measure_landing(spark: SparkSession, settings: Settings, seconds: int) -> Arrivals:
    """From a message's Kafka time to the commit of its row, once the query has caught up."""
    for name in ("book_changes", QUARANTINE.name):
        create_table(spark, settings, TABLES[name])
    folder = settings.checkpoints / "land"
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
        with open_span(settings.bootstrap, BOOK) as span:
            time.sleep(seconds)
        table = locate_table(settings, "book_changes")
        return await_arrivals(
            lambda: read_span_delays_ms(table, span, since_us=since_us), sent_count=span.count
        )
    finally:
        stop_quietly(spark, query)
