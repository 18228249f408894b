"""What a feed's process publishes through: producer, spool and last trade ids as one."""

import asyncio
import time

from include.bus import FeedProducer, Spool, SpoolingPublisher, describe_holes
from include.clock import now_us
from include.errors import Unreachable
from include.local.feed_files import FeedFiles
from include.market import wire
from include.market.events import Message
from include.market.time import DAY_S
from include.settings import Settings
from streaming.feeds.last_frames import last_frames_in_kafka
from streaming.feeds.last_trade_ids import LastTradeIds

DELIVERY_S = 7 * DAY_S  # a broker may be away as long as the disk has room
DRAINED_WITHIN_S = 60.0
FEED_TOPICS = tuple(
    topic
    for kind, topic in wire.TOPIC_OF_KIND.items()
    if topic.startswith("market.") and kind not in {"signal", "heartbeat"}
)


class Outlet:
    """Publishes for one feed, and knows how far Kafka has it; `close` it in the end."""

    def __init__(self, feed_files: FeedFiles, settings: Settings, producer: FeedProducer) -> None:
        """Open what an earlier process left: its spool and the ids it had last."""
        self.files, self.producer = feed_files, producer
        self._bootstrap = settings.bootstrap
        self.last_trade_ids = LastTradeIds(feed_files.last_ids)
        self._spool = Spool(feed_files.spool, max_bytes=settings.kafka.spool_mb * 2**20)
        self.publisher = SpoolingPublisher(
            producer, self._spool, now_us=now_us, on_sent=self.last_trade_ids.count_sent
        )

    @property
    def has_waiting(self) -> bool:
        """Whether an earlier process left anything to publish, or to report."""
        return bool(self._spool.count or self._spool.hole_places)

    def resume(self, in_kafka: dict[str, int]) -> None:
        """Go on from what Kafka and the spool have; report what lacks in the spool and before it.

        Raises:
            Unreachable: the broker does not answer.
        """
        trade_ids, frames = self.last_trade_ids.by_symbol | in_kafka, {}
        if self._spool.count:
            frames = last_frames_in_kafka(self._bootstrap, venue=self.files.shard.venue)
        messages = list(describe_holes(self._spool, trade_ids, frames, now_us=now_us()))
        self.last_trade_ids.resume(in_kafka, self._spool)
        for message in messages:
            self.publish(message)

    def publish(self, message: Message) -> None:
        """Publish a message, or let it wait on the disk."""
        self.publisher.publish(message)

    def persist(self) -> None:
        """Send what waits, as far as the broker takes it, and save the last trade ids."""
        self.publisher.drain()
        self.save_last_ids()

    def save_last_ids(self) -> None:
        """Save the ids of the trades that Kafka has acknowledged."""
        through = self.producer.acknowledged_through
        self.last_trade_ids.acknowledge(sent_count=self.producer.sent, through=through)
        self.last_trade_ids.save()

    async def drain(self) -> None:
        """Send all that waits on the disk.

        Raises:
            Unreachable: the broker did not take it in time.
        """
        deadline = time.monotonic() + DRAINED_WITHIN_S
        while self._spool.waiting_bytes:
            if time.monotonic() > deadline:
                raise Unreachable(f"{self._spool.count} records of {self.files.spool} wait")
            self.persist()
            await asyncio.sleep(0.01)

    def close(self) -> None:
        """Leave the rest to the next process; the producer is closed by who opened it."""
        self.save_last_ids()
        self.publisher.close()

    def __enter__(self) -> "Outlet":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
