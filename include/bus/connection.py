"""What every Kafka client of Tickhouse shares: patience, sizes, a consumer of partitions."""

from collections.abc import Iterable
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from include.errors import Unreachable
from include.market import wire

Position = tuple[str, int]

MAX_REQUEST_BYTES = wire.MAX_MESSAGE_BYTES + 64 * 1024
PATIENT = {
    "reconnect_backoff_ms": 50,
    "reconnect_backoff_max_ms": 1000,
    "retry_backoff_ms": 100,
    "bootstrap_timeout_ms": 10_000,
}


def open_consumer(bootstrap: str) -> Any:
    """A kafka-python consumer without a group.

    Raises:
        Unreachable: no broker answers.
    """
    try:
        return KafkaConsumer(
            bootstrap_servers=bootstrap,
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=100,
            max_partition_fetch_bytes=MAX_REQUEST_BYTES,
            max_poll_records=5000,
            **PATIENT,
        )
    except KafkaError as error:
        raise Unreachable(f"Kafka at {bootstrap} does not answer: {error!r}") from error


def partitions_of(consumer: Any, topics: Iterable[str]) -> list[TopicPartition]:
    """Every partition of the topics.

    Raises:
        Unreachable: a topic does not exist.
    """
    found = {topic: consumer.partitions_for_topic(topic) for topic in topics}
    if missing := [topic for topic, partitions in found.items() if not partitions]:
        raise Unreachable(f"Kafka has no topic {', '.join(missing)}")
    return [TopicPartition(topic, part) for topic, parts in found.items() for part in sorted(parts)]
