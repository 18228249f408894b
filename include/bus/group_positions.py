"""Shows a reader's positions as a consumer group's, so that lag tools list it.

Nothing goes on from these: a reader's own positions are where its truth is (Postgres for the
trader and the minutes, none for the dashboard), and are never read back from Kafka.
"""

import logging
import threading
from collections.abc import Mapping
from typing import Any

from kafka import OffsetAndMetadata
from kafka import TopicPartition as KafkaPartition

from include.bus.connection import open_consumer
from include.log import event
from include.market.wire import TopicPartition

EVERY_S = 5.0
log = logging.getLogger("tickhouse.bus")


class GroupPositions:
    """Commits the newest positions in a thread of its own; a broker that is away costs nobody."""

    def __init__(
        self, bootstrap: str, *, world: str, reader: str, every_s: float = EVERY_S
    ) -> None:
        """`reader` names the process; its group is `tickhouse-WORLD-READER`."""
        self.group = f"tickhouse-{world}-{reader}"
        self._bootstrap, self._every_s = bootstrap, every_s
        self._newest: dict[TopicPartition, int] = {}
        self._shown_positions: dict[TopicPartition, int] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=self.group, daemon=True)
        self._thread.start()

    def show(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Take the next offsets to read; returns at once."""
        self._newest = dict(offsets)

    def close(self) -> None:
        """Show the last positions, if the broker answers soon, and end."""
        self._stop.set()
        self._thread.join(self._every_s)

    def _run(self) -> None:
        consumer: Any = None
        while True:
            is_over = self._stop.wait(self._every_s)
            try:
                if self._newest and self._newest != self._shown_positions:
                    consumer = consumer or open_consumer(self._bootstrap, group=self.group)
                    self._commit(consumer)
            except Exception as error:  # what only shows must not end a reader
                log.info(event("positions not shown", group=self.group, error=error))
                _close(consumer)
                consumer = None
            if is_over:
                _close(consumer)
                return

    def _commit(self, consumer: Any) -> None:
        newest = self._newest
        consumer.assign([KafkaPartition(*partition) for partition in newest])
        consumer.commit(
            {
                KafkaPartition(*partition): OffsetAndMetadata(offset, "", -1)
                for partition, offset in newest.items()
            },
            timeout_ms=int(self._every_s * 1000),
        )
        self._shown_positions = newest


def _close(consumer: Any) -> None:
    if consumer is not None:
        consumer.close(autocommit=False)
