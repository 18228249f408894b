"""What every Kafka client of Tickhouse shares: patience, sizes, a consumer of partitions."""

from collections.abc import Iterable
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer
from kafka import TopicPartition as KafkaPartition
from kafka.errors import KafkaError
from kafka.partitioner.default import murmur2

from include.bus.client_options import python_options
from include.bus.refusals import describe_silence
from include.errors import Unreachable
from include.market import wire

METADATA_AGE_MS = 10_000  # how soon a consumer knows of new partitions
MAX_REQUEST_BYTES = wire.MAX_MESSAGE_BYTES + 64 * 1024
RECONNECT_OPTIONS = {
    "reconnect_backoff_ms": 50,
    "reconnect_backoff_max_ms": 1000,
    "retry_backoff_ms": 100,
    "bootstrap_timeout_ms": 10_000,
}


def read_topic_id(consumer: Any, topic: str) -> str:
    """Kafka's id of a topic, as the consumer's metadata has it; empty if it is not known (yet)."""
    return str(consumer._cluster.topic_id(topic) or "")


def open_consumer(bootstrap: str, *, group: str | None = None) -> Any:
    """A kafka-python consumer; it reads no record of an aborted transaction.

    A `group` is one that its offsets are committed for, by whoever calls; null: none.

    Raises:
        Unreachable: no broker answers.
    """
    try:
        return KafkaConsumer(
            bootstrap_servers=bootstrap,
            group_id=group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            metadata_max_age_ms=METADATA_AGE_MS,
            fetch_max_wait_ms=100,
            max_partition_fetch_bytes=MAX_REQUEST_BYTES,
            max_poll_records=5000,
            **python_options(bootstrap),
            **RECONNECT_OPTIONS,
        )
    except KafkaError as error:
        raise Unreachable(describe_silence(bootstrap, error)) from error


def open_admin(bootstrap: str) -> KafkaAdminClient:
    """A kafka-python client that makes and alters topics.

    Raises:
        KafkaError: no broker answers.
    """
    return KafkaAdminClient(
        bootstrap_servers=bootstrap, **python_options(bootstrap), **RECONNECT_OPTIONS
    )


def partition_of_key(key: bytes, count: int) -> int:
    """Which of `count` partitions every producer gives a record of this key, as Java does."""
    return int((murmur2(key) & 0x7FFFFFFF) % count)


def partitions_of(consumer: Any, topics: Iterable[str]) -> list[KafkaPartition]:
    """Every partition of the topics, in kafka-python's own type.

    Raises:
        Unreachable: a topic does not exist.
    """
    partitions = {topic: consumer.partitions_for_topic(topic) for topic in topics}
    if missing := [topic for topic, numbers in partitions.items() if not numbers]:
        raise Unreachable(f"Kafka has no topic {', '.join(missing)}")
    return [
        KafkaPartition(topic, number)
        for topic, numbers in partitions.items()
        for number in sorted(numbers)
    ]
