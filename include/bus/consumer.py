"""A consumer of given offsets."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from kafka import TopicPartition
from kafka.errors import KafkaError

from include.bus.connection import Position, open_consumer, partitions_of
from include.errors import Unreachable


@dataclass(frozen=True)
class Record:
    """One Kafka record: where it lies, when it was stamped (ms since the epoch), its bytes."""

    topic: str
    partition: int
    offset: int
    kafka_time_ms: int
    key: bytes
    value: bytes


class Consumer:
    """Reads given topics from given offsets, without a consumer group.

    `skipped` counts offsets that retention removed before they were read.
    """

    def __init__(
        self,
        bootstrap: str,
        *,
        topics: Iterable[str],
        positions: Mapping[Position, int] | None = None,
        from_end: bool = False,
    ) -> None:
        """Start at the next offset to read in `positions`, absent ones at the beginning (or end).

        Raises:
            Unreachable: no broker answers, or a topic does not exist.
        """
        self.skipped = 0
        self._next: dict[Position, int] = dict(positions or {})
        self._consumer = open_consumer(bootstrap)
        try:
            self._assign(partitions_of(self._consumer, topics), from_end=from_end)
        except KafkaError as error:
            self.close()
            raise Unreachable(f"Kafka at {bootstrap}: {error!r}") from error
        except Unreachable:
            self.close()
            raise

    @property
    def positions(self) -> dict[Position, int]:
        """The next offset to read of every partition."""
        return dict(self._next)

    def poll(self, timeout_s: float) -> list[Record]:
        """Read the records that are there, waiting at most so long for the first; often none.

        Raises:
            Unreachable: the broker refuses for good.
        """
        try:
            batches = self._consumer.poll(timeout_ms=int(timeout_s * 1000), max_records=5000)
        except KafkaError as error:
            if getattr(error, "retriable", False):
                time.sleep(min(timeout_s, 0.1))
                return []
            raise Unreachable(f"Kafka cannot be read: {error!r}") from error
        return [self._record(one) for batch in batches.values() for one in batch]

    def close(self) -> None:
        """Disconnect."""
        self._consumer.close()

    def _assign(self, partitions: list[TopicPartition], *, from_end: bool) -> None:
        self._consumer.assign(partitions)
        edge = self._consumer.end_offsets if from_end else self._consumer.beginning_offsets
        absent = [part for part in partitions if tuple(part) not in self._next]
        edges = edge(absent) if absent else {}
        wanted = {(part.topic, part.partition): offset for part, offset in edges.items()}
        self._next = wanted | {
            (part.topic, part.partition): self._next[part.topic, part.partition]
            for part in partitions
            if part not in edges
        }
        for part in partitions:
            self._consumer.seek(part, self._next[part.topic, part.partition])

    def _record(self, one: Any) -> Record:
        place = (one.topic, one.partition)
        self.skipped += max(0, one.offset - self._next[place])
        self._next[place] = one.offset + 1
        return Record(
            topic=one.topic,
            partition=one.partition,
            offset=one.offset,
            kafka_time_ms=one.timestamp,
            key=one.key or b"",
            value=one.value or b"",
        )
