"""Kafka in and out: a producer that loses nothing silently, a consumer of given offsets, topics.

The only owner of kafka-python. Both ends outlive a broker that is killed and restarted.
"""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError, TopicAlreadyExistsError

from include.errors import Unreachable
from include.market import wire
from include.market.events import Message

Position = tuple[str, int]

DELIVERY_S = 600
MAX_PENDING_BYTES = 256 * 1024 * 1024
_RECORD_OVERHEAD = 64 * 1024
_PATIENT = {
    "reconnect_backoff_ms": 50, "reconnect_backoff_max_ms": 1000, "retry_backoff_ms": 100,
    "bootstrap_timeout_ms": 10_000,
}  # fmt: skip


@dataclass(frozen=True)
class Record:
    """One Kafka record: where it lies, when it was stamped (ms since the epoch), its bytes."""

    topic: str
    partition: int
    offset: int
    kafka_time_ms: int
    key: bytes
    value: bytes


class Producer:
    """Sends with acks from all replicas, idempotent: no loss, no doubling, order kept per key.

    A record is tried again for ten minutes, so a broker may be killed and restarted meanwhile.
    What could not be delivered is never swallowed: the next call raises Unreachable.
    """

    def __init__(self, bootstrap: str, *, client_id: str) -> None:
        """Connect.

        Raises:
            Unreachable: no broker answers.
        """
        self.sent = self.acknowledged = self.failed = 0
        self._first_failure: str | None = None
        self._sent_bytes = self._settled_bytes = 0
        try:
            self._producer = KafkaProducer(
                bootstrap_servers=bootstrap, client_id=client_id, enable_idempotence=True,
                acks="all", retries=float("inf"), delivery_timeout_ms=DELIVERY_S * 1000,
                request_timeout_ms=15_000, linger_ms=5, batch_size=256 * 1024,
                compression_type="lz4" if find_spec("lz4") else None,
                max_request_size=wire.MAX_MESSAGE_BYTES + _RECORD_OVERHEAD, **_PATIENT,
            )  # fmt: skip
        except KafkaError as error:
            raise Unreachable(f"Kafka at {bootstrap} does not answer: {error!r}") from error

    def publish(self, message: Message) -> None:
        """Send a message to its topic under its key.

        Raises:
            WireError: its kind has no topic.
            Unreachable: as `send`.
        """
        self.send(wire.topic(message), wire.key(message), wire.encode(message))

    def send(self, topic: str, key: bytes, value: bytes) -> None:
        """Send bytes; returns before they are acknowledged.

        Raises:
            Unreachable: an earlier record was lost, or too much waits for a broker that is away.
        """
        self._raise_failure()
        if self._sent_bytes - self._settled_bytes > MAX_PENDING_BYTES:
            raise Unreachable(f"{self.sent - self.acknowledged} records wait for Kafka: too many")
        size = len(key) + len(value)
        try:
            future = self._producer.send(topic, key=key, value=value)
        except KafkaError as error:
            self.failed += 1
            raise Unreachable(
                f"Kafka took no record of {size} bytes for {topic}: {error!r}"
            ) from error
        self.sent += 1
        self._sent_bytes += size
        future.add_callback(self._acknowledge, size)
        future.add_errback(self._fail, topic, size)

    def flush(self, timeout_s: float = 30.0) -> None:
        """Wait until everything sent is acknowledged.

        Raises:
            Unreachable: it was not in time, or a record was lost.
        """
        try:
            self._producer.flush(timeout=timeout_s)
        except KafkaError as error:
            left = self.sent - self.acknowledged - self.failed
            raise Unreachable(f"{left} records not acknowledged in {timeout_s} s") from error
        self._raise_failure()

    def close(self, timeout_s: float = 10.0) -> None:
        """Flush and disconnect.

        Raises:
            Unreachable: as `flush`; it is disconnected all the same.
        """
        try:
            self.flush(timeout_s)
        finally:
            self._abandon()

    def _abandon(self) -> None:
        try:
            self._producer.close(timeout=1.0)
        except KafkaError:
            return  # what was not delivered has been told by flush

    def _acknowledge(self, size: int, _metadata: Any) -> None:
        self.acknowledged += 1
        self._settled_bytes += size

    def _fail(self, topic: str, size: int, error: BaseException) -> None:
        self.failed += 1
        self._settled_bytes += size
        self._first_failure = self._first_failure or f"{topic}: {error!r}"

    def _raise_failure(self) -> None:
        if self._first_failure is not None:
            raise Unreachable(
                f"{self.failed} records were not delivered, first {self._first_failure}"
            )


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
        self._consumer = _consumer(bootstrap)
        try:
            self._assign(_partitions(self._consumer, topics), from_end=from_end)
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
            topic=one.topic, partition=one.partition, offset=one.offset,
            kafka_time_ms=one.timestamp, key=one.key or b"", value=one.value or b"",
        )  # fmt: skip


def ensure_topics(
    bootstrap: str, *, partitions: int = 1, replication: int = 1, retention_hours: int = 168
) -> None:
    """Make the topics that are not there yet, for messages of 8 MB.

    Raises:
        Unreachable: the broker does not answer or refuses.
    """
    config = {
        "max.message.bytes": str(wire.MAX_MESSAGE_BYTES + _RECORD_OVERHEAD),
        "retention.ms": str(retention_hours * 3_600_000),
    }
    try:
        admin = KafkaAdminClient(bootstrap_servers=bootstrap, **_PATIENT)
    except KafkaError as error:
        raise Unreachable(f"Kafka at {bootstrap} does not answer: {error!r}") from error
    try:
        for topic in set(wire.TOPICS) - set(admin.list_topics()):
            _create(admin, topic, partitions, replication, config)
    except KafkaError as error:
        raise Unreachable(f"Kafka makes no topics: {error!r}") from error
    finally:
        admin.close()


def _create(
    admin: Any, topic: str, partitions: int, replication: int, config: dict[str, str]
) -> None:
    spec = {"num_partitions": partitions, "replication_factor": replication, "configs": config}
    try:
        admin.create_topics({topic: spec}, wait_for_metadata=True)
    except TopicAlreadyExistsError:
        return  # another process was first


def offsets(bootstrap: str, topics: Iterable[str]) -> dict[Position, tuple[int, int]]:
    """Get the first offset kept and the end (next to be written) of each topic and partition.

    Raises:
        Unreachable: no broker answers, or a topic does not exist.
    """
    consumer = _consumer(bootstrap)
    try:
        parts = _partitions(consumer, topics)
        first, end = consumer.beginning_offsets(parts), consumer.end_offsets(parts)
    except KafkaError as error:
        raise Unreachable(f"Kafka at {bootstrap}: {error!r}") from error
    finally:
        consumer.close()
    return {(part.topic, part.partition): (first[part], end[part]) for part in parts}


def _consumer(bootstrap: str) -> Any:
    try:
        return KafkaConsumer(
            bootstrap_servers=bootstrap, group_id=None, enable_auto_commit=False,
            auto_offset_reset="earliest", fetch_max_wait_ms=100,
            max_partition_fetch_bytes=wire.MAX_MESSAGE_BYTES + _RECORD_OVERHEAD,
            max_poll_records=5000, **_PATIENT,
        )  # fmt: skip
    except KafkaError as error:
        raise Unreachable(f"Kafka at {bootstrap} does not answer: {error!r}") from error


def _partitions(consumer: Any, topics: Iterable[str]) -> list[TopicPartition]:
    found = {topic: consumer.partitions_for_topic(topic) for topic in topics}
    if missing := [topic for topic, partitions in found.items() if not partitions]:
        raise Unreachable(f"Kafka has no topic {', '.join(missing)}")
    return [TopicPartition(topic, part) for topic, parts in found.items() for part in sorted(parts)]
