"""The topics: made, and how far each partition reaches."""

from collections.abc import Iterable
from typing import Any

from kafka import KafkaAdminClient
from kafka.errors import KafkaError, TopicAlreadyExistsError

from include.bus.connection import (
    MAX_REQUEST_BYTES,
    PATIENT,
    open_consumer,
    partitions_of,
)
from include.errors import Unreachable
from include.market import wire


def ensure_topics(
    bootstrap: str, *, partitions: int = 1, replication: int = 1, retention_hours: int = 168
) -> None:
    """Make the topics that are not there yet, for messages of 8 MB.

    Raises:
        Unreachable: the broker does not answer or refuses.
    """
    config = {
        "max.message.bytes": str(MAX_REQUEST_BYTES),
        "retention.ms": str(retention_hours * 3_600_000),
    }
    try:
        admin = KafkaAdminClient(bootstrap_servers=bootstrap, **PATIENT)
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


def offset_ranges(
    bootstrap: str, topics: Iterable[str]
) -> dict[wire.TopicPartition, tuple[int, int]]:
    """The first offset kept and the end (next to be written) of each topic and partition.

    Raises:
        Unreachable: no broker answers, or a topic does not exist.
    """
    consumer = open_consumer(bootstrap)
    try:
        partitions = partitions_of(consumer, topics)
        firsts, ends = consumer.beginning_offsets(partitions), consumer.end_offsets(partitions)
    except KafkaError as error:
        raise Unreachable(f"Kafka at {bootstrap}: {error!r}") from error
    finally:
        consumer.close()
    return {wire.TopicPartition(*at): (firsts[at], ends[at]) for at in partitions}
