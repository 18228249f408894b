"""What every Kafka client of Tickhouse shares: patience, sizes, a consumer of partitions."""

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer
from kafka import TopicPartition as KafkaPartition
from kafka.errors import KafkaError
from kafka.partitioner.default import murmur2

from include.bus.client_options import librdkafka_options, python_options
from include.errors import Unreachable
from include.market import wire
from include.settings.brokers import (
    PLAINTEXT,
    security_of,
)

REFUSAL_S = 5.0  # how long a refused log-in or certificate is waited for
METADATA_AGE_MS = 10_000  # how soon a consumer knows of new partitions
MAX_REQUEST_BYTES = wire.MAX_MESSAGE_BYTES + 64 * 1024
RECONNECT_OPTIONS = {
    "reconnect_backoff_ms": 50,
    "reconnect_backoff_max_ms": 1000,
    "retry_backoff_ms": 100,
    "bootstrap_timeout_ms": 10_000,
}


def describe_silence(bootstrap: str, failure: object) -> str:
    """Why no broker of a list answers: it refuses a log-in or a certificate, else the failure."""
    reason = _ask_for_refusal(bootstrap) if security_of(bootstrap).protocol != PLAINTEXT else ""
    return f"Kafka at {bootstrap} does not answer: {reason or repr(failure)}"


def _ask_for_refusal(bootstrap: str) -> str:
    """What librdkafka reports of the log-in or certificate, which kafka-python keeps to itself."""
    from confluent_kafka import KafkaError as RefusedError  # noqa: PLC0415 - asked in a failure alone
    from confluent_kafka import KafkaException  # noqa: PLC0415
    from confluent_kafka.admin import AdminClient  # noqa: PLC0415

    refusals: list[str] = []

    def note(refusal: RefusedError) -> None:
        if refusal.code() in {RefusedError._AUTHENTICATION, RefusedError._SSL}:
            refusals.append(refusal.str())

    options: dict[str, Any] = {
        "bootstrap.servers": str(bootstrap),
        "error_cb": note,
        "log_level": 0,
    }
    client = AdminClient(options | librdkafka_options(bootstrap))
    with suppress(KafkaException):
        client.list_topics(timeout=REFUSAL_S)
    client.poll(0)
    return refusals[0] if refusals else ""


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
