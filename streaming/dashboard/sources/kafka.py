"""The one thread that follows Kafka for all viewers."""

import logging
import threading
import time
from collections.abc import Mapping

from include.backoff import Backoff
from include.bus import Consumer, GroupPositions, TopicPartition, offset_ranges
from include.errors import Transient
from include.log import event
from include.market import wire
from include.market.wire import Topic
from streaming.dashboard.sources.records import apply_record
from streaming.dashboard.state import DashboardState

log = logging.getLogger("tickhouse.dashboard")
BACKOFF = Backoff(first_s=0.5, max_s=10.0)
POLL_S = 0.25


def follow_kafka(
    bootstrap: str,
    state: DashboardState,
    stop: threading.Event,
    backfill: int,
    positions: GroupPositions | None = None,
) -> None:
    """Apply every record to `state` until `stop`, through outages of the broker.

    The last `backfill` records of each topic fill the charts at once; of the feed ledger all are
    read, since a connection may have begun long ago. `positions` shows lag tools how far it came.
    """
    failures = 0
    offsets: dict[TopicPartition, int] = {}
    topic_ids: dict[str, str] = {}
    while not stop.is_set():
        try:
            start = {**_choose_starts(bootstrap, backfill), **offsets}
            consumer = Consumer(bootstrap, topics=wire.TOPICS, offsets=start, topic_ids=topic_ids)
        except Transient as error:
            log.warning(event("kafka is unreachable", error=error))
            stop.wait(BACKOFF.wait_s(failures))
            failures += 1
            continue
        failures = 0
        log.info(event("dashboard follows kafka", topics=len(wire.TOPICS)))
        try:
            _apply_records(consumer, state, stop, positions)
        except Transient as error:
            log.warning(event("kafka connection lost", error=error))
            stop.wait(BACKOFF.first_s)
        finally:
            offsets, topic_ids = consumer.offsets, consumer.topic_ids
            consumer.close()


def _apply_records(
    consumer: Consumer,
    state: DashboardState,
    stop: threading.Event,
    positions: GroupPositions | None,
) -> None:
    while not stop.is_set():
        for record in consumer.poll(POLL_S):
            apply_record(state, record, now_s=time.time())
        if positions:
            positions.show(consumer.offsets)


def _choose_starts(bootstrap: str, backfill: int) -> Mapping[TopicPartition, int]:
    ranges = offset_ranges(bootstrap, wire.TOPICS)
    return {
        part: first if part.topic == Topic.LEDGER else max(first, end - backfill)
        for part, (first, end) in ranges.items()
    }
