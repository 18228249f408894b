"""Kafka's retention by the market's clock: what is older than that is deleted on request."""

from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import AlterConfigOpType, ConfigEntry, ConfigResource
from confluent_kafka.admin._resource import ResourceType

from include.market import wire

SEGMENT_BYTES = 1024 * 1024  # the minimum that Kafka takes
ANSWER_S = 30.0


def follow_market_time(bootstrap: str) -> None:
    """Let senders stamp, and make segments small, so that deleting records frees their space."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    changes = {"segment.bytes": str(SEGMENT_BYTES), "message.timestamp.type": "CreateTime"}
    entries = [
        ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
        for name, value in changes.items()
    ]
    resources = [
        ConfigResource(ResourceType.TOPIC, topic, incremental_configs=entries)
        for topic in wire.TOPICS
    ]
    for answer in admin.incremental_alter_configs(resources).values():
        answer.result(ANSWER_S)


def trim_topics(bootstrap: str, *, before_us: int) -> None:
    """Delete the records of every topic whose Kafka time is before `before_us`."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "trimming"})
    try:
        topics = consumer.list_topics(timeout=ANSWER_S).topics
        parts = [
            TopicPartition(topic, partition, before_us // 1000)
            for topic in wire.TOPICS
            for partition in topics[topic].partitions
        ]
        kept_from = consumer.offsets_for_times(parts, timeout=ANSWER_S)
    finally:
        consumer.close()
    old = [part for part in kept_from if part.offset > 0]
    if old:
        admin = AdminClient({"bootstrap.servers": bootstrap})
        for answer in admin.delete_records(old).values():
            answer.result(ANSWER_S)
