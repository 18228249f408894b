"""How fast a feed's frames are published, beside other ways to bring the same records to Kafka."""

import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench import feeds_peer
from bench.bare_producers import (
    Records,
    time_batch_builder,
    time_kafka_python,
    time_librdkafka,
)
from bench.feed_connection import connect_by_hand, decode_binance
from bench.feed_frames import FRAMES_PER_S, SYMBOLS, repeat
from bench.measurement import Measurement
from bench.rounds import compare, take_turns
from include.bus import FeedProducer, Spool, SpoolingPublisher, ensure_topics
from include.clock import now_us
from include.errors import Unreachable
from include.local.scratch import scratch_broker
from include.log import PrintLine
from include.market import wire
from include.market.events import Frame
from include.settings import Settings
from streaming.feeds.last_trade_ids import LastTradeIds

ROUNDS = 3
PUBLISHED, SLOWLY, BY_CRYPTOFEED = 300_000, 30_000, 3_000  # frames of a round
SPOOL_BYTES = 2**30
FLUSH_S = 120.0


def measure_publishing(
    trade_frames: Sequence[Frame], print_line: PrintLine
) -> Sequence[Measurement]:
    """From the frame to the acknowledgement, beside the same records by bare producers."""
    records = _make_records(trade_frames)
    few, many = (repeat(records, count) for count in (SLOWLY, PUBLISHED))
    with scratch_broker() as settings:
        ensure_topics(settings.bootstrap)
        server = settings.bootstrap
        arms = {
            "publish": lambda: _measure_our_rate(settings, trade_frames),
            "bare librdkafka": lambda: len(many) / time_librdkafka(server, many),
            "bare kafka-python": lambda: len(few) / time_kafka_python(server, few),
            "kafka-python's batch builder, nothing sent": (
                lambda: len(few) / time_batch_builder(few)
            ),
        }
        if feeds_peer.is_installed():
            texts = [frame.data for frame in repeat(trade_frames, BY_CRYPTOFEED)]
            feeds_peer.make_topics(server, SYMBOLS)
            arms["cryptofeed with its Kafka backend"] = partial(
                feeds_peer.measure_publishing_rate, texts, symbols=SYMBOLS, bootstrap=server
            )
        rates = take_turns(arms, rounds=ROUNDS, unit=FRAMES_PER_S, print_line=print_line)
    return compare("publish_binance_agg_trades", rates, "publish", unit=FRAMES_PER_S)


def _measure_our_rate(settings: Settings, frames: Sequence[Frame]) -> float:
    """Frames a second by the clock, until the last is acknowledged."""
    with _Feed.open(settings) as feed:
        began_s, frame_count = time.perf_counter(), 0
        while frame_count < PUBLISHED:
            take = connect_by_hand(decode_binance, feed.publisher.publish).take
            for frame in frames:
                take(frame)
            frame_count += len(frames)
            feed.tick()
        feed.finish()
        if feed.producer.acknowledged != frame_count:
            raise Unreachable(
                f"{feed.producer.acknowledged} of {frame_count} frames were acknowledged"
            )
        return frame_count / (time.perf_counter() - began_s)


@dataclass
class _Feed:
    """What a feed publishes with."""

    producer: FeedProducer
    spool: Spool
    last_trade_ids: LastTradeIds
    publisher: SpoolingPublisher

    @classmethod
    @contextmanager
    def open(cls, settings: Settings) -> Iterator["_Feed"]:
        """As a feed that starts, with a spool that is thrown away."""
        with tempfile.TemporaryDirectory(prefix="tickhouse-bench-feeds-") as folder:
            ids = LastTradeIds(Path(folder) / "ids.json")
            spool = Spool(Path(folder) / "spool", max_bytes=SPOOL_BYTES)
            producer = FeedProducer(settings.bootstrap, client_id="bench", topics=wire.TOPICS)
            publisher = SpoolingPublisher(producer, spool, now_us=now_us, on_sent=ids.count_sent)
            try:
                yield cls(producer, spool, ids, publisher)
            finally:
                producer.close()
                publisher.close()

    def tick(self) -> None:
        """What a feed does every second."""
        self.publisher.drain()
        through = self.producer.acknowledged_through
        self.last_trade_ids.acknowledge(sent_count=self.producer.sent, through=through)

    def finish(self) -> None:
        """Wait until everything is acknowledged, what was spooled too."""
        while self.spool.count:
            self.producer.flush(FLUSH_S)
            self.tick()
        self.producer.flush(FLUSH_S)


def _make_records(frames: Sequence[Frame]) -> Records:
    decoder = decode_binance()
    messages = [message for frame in frames for message in decoder.decode(frame).messages]
    return [
        (wire.choose_topic(message), wire.encode_key(message), wire.encode(message))
        for message in messages
    ]
