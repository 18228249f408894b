"""What every Kafka client of Tickhouse shares: patience, sizes, a consumer of partitions."""

from collections.abc import Iterable
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer
from kafka import TopicPartition as KafkaPartition
from kafka.errors import KafkaError

from include.errors import Unreachable
from include.market import wire
from include.settings.brokers import python_options

METADATA_AGE_MS = 10_000  # how soon a consumer knows of new partitions
MAX_REQUEST_BYTES = wire.MAX_MESSAGE_BYTES + 64 * 1024
PATIENT = {
    "reconnect_backoff_ms": 50,
    "reconnect_backoff_max_ms": 1000,
    "retry_backoff_ms": 100,
    "bootstrap_timeout_ms": 10_000,
}


def open_consumer(bootstrap: str) -> Any:
    """A kafka-python consumer without a group; it reads no record of an aborted transaction.

    Raises:
        Unreachable: no broker answers.
    """
    try:
        return KafkaConsumer(
            bootstrap_servers=bootstrap,
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            metadata_max_age_ms=METADATA_AGE_MS,
            fetch_max_wait_ms=100,
            max_partition_fetch_bytes=MAX_REQUEST_BYTES,
            max_poll_records=5000,
            **python_options(bootstrap),
            **PATIENT,
        )
    except KafkaError as error:
        raise Unreachable(f"Kafka at {bootstrap} does not answer: {error!r}") from error


def open_admin(bootstrap: str) -> KafkaAdminClient:
    """A kafka-python client that makes and alters topics.

    Raises:
        KafkaError: no broker answers.
    """
    return KafkaAdminClient(bootstrap_servers=bootstrap, **python_options(bootstrap), **PATIENT)


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
