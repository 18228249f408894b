"""How fast messages go from Kafka to committed Delta rows, beside what others would write.

Every arm reads the same topic of the same broker and continues where it ended. They take turns for
some rounds, each with new messages and another arm first. Each must have every row in the end, or
the figures are refused.
"""

import random
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Protocol

import msgspec
from confluent_kafka import Producer
from deltalake import DeltaTable
from pyspark.sql import SparkSession

from bench.measurement import Measurement
from bench.quiet import end_quietly
from bench.rounds import compare, take_turns
from bench.scratch_object_store import scratch_object_store
from bench.stream_peers import TOPIC, DeltaRs, PlainSpark
from include.bus import ensure_topics
from include.errors import PlatformError
from include.lake.checkpoint import batch_spans
from include.lake.epoch import Epoch
from include.lake.tables import QUARANTINE, TABLES
from include.local.scratch import scratch_broker
from include.log import PrintLine
from include.market import wire
from include.market.events import Message, Trade
from include.settings import Settings
from include.settings.groups import KafkaSettings
from spark_jobs.landing import Landing
from spark_jobs.session import open_session
from spark_jobs.sinks import create_table, locate_table
from spark_jobs.sources import kafka_stream

PARTITIONS, SYMBOLS = 2, ("BTC-USDT", "ETH-USDT")
AT = 1_700_000_000_000_000
UNIT = "messages/s"


class Arm(Protocol):
    """One way to land the topic: `run` takes all there is and stops; `table` is where it lands."""

    table: str

    def run(self) -> None:
        """Take all there is, and stop."""


@dataclass(frozen=True)
class Load:
    """How many messages each arm takes in each round, and before them; their seed."""

    messages: int
    warm_up: int
    rounds: int
    seed: int


class Tickhouse:
    """The landing query of the stream on the topic of trades alone, in the scratch world's lake."""

    def __init__(self, spark: SparkSession, settings: Settings) -> None:
        self.spark, self.settings = spark, settings
        self.folder = settings.checkpoints / "land"
        self.table = locate_table(settings, "trades")
        for name in ("trades", QUARANTINE.name):
            create_table(spark, settings, TABLES[name])
        self.landing = Landing(
            settings,
            epoch=Epoch(starts={}, topic_ids={}),
            hooks={},
            spans=lambda batch: batch_spans(self.folder / "stream", batch, starts={}),
        )

    def run(self) -> None:
        """Take all there is, and stop."""
        query = (
            kafka_stream(self.spark, self.settings, [TOPIC])
            .writeStream.option("checkpointLocation", str(self.folder / "stream"))
            .trigger(availableNow=True)
            .foreachBatch(self.landing.write)
            .start()
        )
        query.awaitTermination()


def measure(
    *, messages: int, warm_up: int, seed: int, rounds: int, print_line: PrintLine
) -> list[Measurement]:
    """Messages a second of the stream and of both peers, so many messages in each round.

    Raises:
        PlatformError: an arm does not hold every message.
    """
    with scratch_broker({"TICKHOUSE_STREAM_MASTER": "local[2]"}) as settings:
        ensure_topics(settings.bootstrap, KafkaSettings(partitions=PARTITIONS))
        # A UI port makes the session the stream's own kind: the JVM of a job that lives long.
        spark = open_session(settings, "bench stream", ui_port=settings.ports.spark_ui)
        with end_quietly(spark):
            arms: dict[str, Arm] = {
                "tickhouse": Tickhouse(spark, settings),
                "plain Spark job": PlainSpark(spark, settings),
                "delta-rs with librdkafka": DeltaRs(settings),
            }
            load = Load(messages, warm_up=warm_up, rounds=rounds, seed=seed)
            rates = _measure_arms(arms, settings, load, print_line)
    return compare("kafka_to_delta", rates, "tickhouse", unit=UNIT)


def measure_stores(
    *, messages: int, warm_up: int, seed: int, rounds: int, print_line: PrintLine
) -> list[Measurement]:
    """Messages a second of the stream into an object store on this machine, beside its disk.

    Raises:
        PlatformError: an arm does not hold every message.
    """
    with (
        scratch_broker({"TICKHOUSE_STREAM_MASTER": "local[2]"}) as on_disk,
        scratch_object_store(on_disk) as in_s3,
    ):
        ensure_topics(on_disk.bootstrap, KafkaSettings(partitions=PARTITIONS))
        spark = open_session(in_s3, "bench stream", ui_port=in_s3.ports.spark_ui)
        with end_quietly(spark):
            arms: dict[str, Arm] = {
                "object store": Tickhouse(spark, in_s3),
                "local disk": Tickhouse(spark, on_disk),
            }
            load = Load(messages, warm_up=warm_up, rounds=rounds, seed=seed)
            rates = _measure_arms(arms, on_disk, load, print_line)
    return compare("kafka_to_delta_in_s3", rates, "object store", unit=UNIT)


def _measure_arms(
    arms: Mapping[str, Arm], settings: Settings, load: Load, print_line: PrintLine
) -> dict[str, list[float]]:
    """The rates of the arms, warmed up, each of which must hold every message in the end."""
    trades = trade_messages(load.seed)
    print_line(f"warming up with {load.warm_up} messages")
    send(settings, trades, load.warm_up)
    for arm in arms.values():
        arm.run()
    rates = take_turns(
        {name: partial(_rate, arm, load.messages) for name, arm in arms.items()},
        rounds=load.rounds,
        unit=UNIT,
        print_line=print_line,
        prepare=lambda: send(settings, trades, load.messages),
    )
    for arm in arms.values():
        _check_count(arm.table, load.rounds * load.messages + load.warm_up)
    return rates


def trade_messages(seed: int) -> Iterator[Message]:
    """Aggregate trades without end, as the Binance feed publishes them, of two symbols."""
    chance = random.Random(seed)
    price, number, counts = 6_700_000, 0, dict.fromkeys(SYMBOLS, 0)
    while True:
        number += 1
        symbol = chance.choice(SYMBOLS)
        counts[symbol] += 1
        price += chance.randrange(-50, 51)
        at = AT + number * 1000
        trade = Trade(
            trade_id=str(2_000_000_000 + number),
            price=Decimal(price).scaleb(-2),
            quantity=Decimal(chance.randrange(1, 10**8)).scaleb(-8),
            side=chance.choice(("buy", "sell")),
            traded_at=at,
            first_trade_id=3 * number,
            last_trade_id=3 * number + 2,
        )
        yield Message(
            venue="binance",
            symbol=symbol,
            kind="trade",
            conn="bench-1",
            seq=(counts[symbol], counts[symbol]),
            venue_time=at,
            received_time=at + 300,
            events=(trade,),
        )


def send(settings: Settings, messages: Iterator[Message], count: int) -> None:
    """Put so many of the messages on the topic, spread over its partitions."""
    producer = Producer(
        {"bootstrap.servers": settings.bootstrap, "linger.ms": 20, "compression.type": "none"}
    )
    encoder = msgspec.json.Encoder(decimal_format="string")
    for number in range(count):
        message = next(messages)
        while True:
            try:
                producer.produce(
                    TOPIC, encoder.encode(message), wire.encode_key(message), number % PARTITIONS
                )
                break
            except BufferError:
                producer.poll(0.1)
        producer.poll(0)
    if producer.flush(120):
        raise PlatformError("the benchmark's messages could not all be sent")


def _rate(arm: Arm, messages: int) -> float:
    began_s = time.perf_counter()
    arm.run()
    return messages / (time.perf_counter() - began_s)


def _check_count(table: str, expected: int) -> None:
    row_count = DeltaTable(table).count()
    if row_count != expected:
        raise PlatformError(
            f"{table} has {row_count} rows of {expected}: the figures are not valid"
        )
