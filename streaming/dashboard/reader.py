"""The one thread that follows Kafka for all viewers."""

import logging
import threading
from collections.abc import Mapping

from include.backoff import Backoff
from include.bus import Consumer, TopicPartition, offset_ranges
from include.errors import Transient
from include.log import event
from include.market import wire
from streaming.dashboard.live import Live

log = logging.getLogger("tickhouse.dashboard")
BACKOFF = Backoff(first_s=0.5, most_s=10.0)
POLL_S = 0.25


def follow(bootstrap: str, live: Live, stop: threading.Event, backfill: int) -> None:
    """Take every record into `live` until `stop`, through outages of the broker.

    The first `backfill` records before each topic's end fill the charts at once.
    """
    failures = 0
    positions: dict[TopicPartition, int] = {}
    while not stop.is_set():
        try:
            start = {**_starts(bootstrap, backfill), **positions}
            consumer = Consumer(bootstrap, topics=wire.TOPICS, offsets=start)
        except Transient as error:
            log.warning(event("kafka is away", error=error))
            stop.wait(BACKOFF.wait_s(failures))
            failures += 1
            continue
        failures = 0
        log.info(event("dashboard follows kafka", topics=len(wire.TOPICS)))
        try:
            _take(consumer, live, stop)
        except Transient as error:
            log.warning(event("kafka broke off", error=error))
            stop.wait(BACKOFF.first_s)
        finally:
            positions = consumer.offsets
            consumer.close()


def _take(consumer: Consumer, live: Live, stop: threading.Event) -> None:
    while not stop.is_set():
        for record in consumer.poll(POLL_S):
            live.take(record)


def _starts(bootstrap: str, backfill: int) -> Mapping[TopicPartition, int]:
    reach = offset_ranges(bootstrap, wire.TOPICS)
    return {at: max(first, end - backfill) for at, (first, end) in reach.items()}
