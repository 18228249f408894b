"""The topics: created with the configuration of the settings, and how far each partition reaches.

Topics that exist already follow the settings too. Retention, size and flushing are altered, and
`min.insync.replicas` is raised to one less than the topic's own replicas; a number of partitions is
not altered: a key would move to another partition, and one symbol's messages would no longer be in
order.

A single broker acknowledges what lies in its page cache. `flush.messages=1` makes it sync first, so
that what is remembered or deleted after an acknowledgement survives a power cut.
"""

import time
from collections.abc import Iterable, Mapping
from typing import Any

from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import KafkaError, TopicAlreadyExistsError

from include.bus.connection import MAX_REQUEST_BYTES, open_admin, open_consumer, partitions_of
from include.bus.refusals import describe_silence
from include.errors import PlatformError, Unreachable
from include.market import wire
from include.market.time import HOUR_MS
from include.setting_fields import MB
from include.settings.groups import KafkaSettings

DEFAULTS = KafkaSettings()
ALTERED = "OK"
LEADER_S, LEADER_POLL_S = 20.0, 0.5
ANY_SIZE, SEGMENT_BYTES = -1, 2**30  # Kafka's own defaults
NEVER_BY_COUNT = 2**63 - 1  # Kafka's own default of `flush.messages`
IN_SYNC = "min.insync.replicas"


def ensure_topics(bootstrap: str, kafka: KafkaSettings = DEFAULTS) -> None:
    """Create the topics that do not exist yet, and bring the others to the settings.

    Raises:
        PlatformError: a topic has another number of partitions, or too few replicas; nothing was
            changed.
        Unreachable: the broker does not answer or refuses.
    """
    try:
        admin = open_admin(bootstrap)
    except KafkaError as error:
        raise Unreachable(describe_silence(bootstrap, error)) from error
    try:
        apply_topics(admin, kafka)
    except KafkaError as error:
        raise Unreachable(f"Kafka at {bootstrap} creates no topics: {error!r}") from error
    finally:
        admin.close()


def apply_topics(admin: Any, kafka: KafkaSettings) -> None:
    """Create and compare the topics, through an admin client of kafka-python.

    Raises:
        PlatformError, Unreachable: as `ensure_topics`.
        KafkaError: the broker does not answer.
    """
    existing = sorted(set(wire.TOPICS).intersection(admin.list_topics()))
    replicas = _require_shapes(admin.describe_topics(existing) if existing else [], kafka)
    config = {
        "max.message.bytes": str(MAX_REQUEST_BYTES),
        "retention.ms": str(kafka.retention_hours * HOUR_MS),
        "retention.bytes": str(kafka.retention_mb * MB or ANY_SIZE),
        "flush.messages": str(kafka.flush_messages or NEVER_BY_COUNT),
        # The broker's clock: a feed's may be wrong, and Kafka refuses what is stamped an hour ahead
        # and removes records by their stamps.
        "message.timestamp.type": "LogAppendTime",
    }
    if kafka.retention_mb:  # whole segments are removed: a quarter each of what is kept
        config["segment.bytes"] = str(min(SEGMENT_BYTES, kafka.retention_mb * MB // 4))
    if existing:
        _alter(admin, replicas, config)
    for topic in wire.TOPICS:
        if topic not in existing:
            _create(admin, topic, kafka, config | {IN_SYNC: str(_in_sync(kafka.replication))})


def _in_sync(replicas: int) -> int:
    """On how many brokers a record is once it is acknowledged, while one of them may be away."""
    return max(1, replicas - 1)


def _require_shapes(topics: Iterable[Mapping[str, Any]], kafka: KafkaSettings) -> dict[str, int]:
    """The number of replicas of each topic, whose partitions and replicas are as wanted."""
    replicas_of: dict[str, int] = {}
    for topic in topics:
        name, partitions = topic["name"], topic["partitions"]
        if len(partitions) != kafka.partitions:
            raise PlatformError(
                f"topic {name} has {len(partitions)} partitions and TICKHOUSE_KAFKA_PARTITIONS is "
                f"{kafka.partitions}: another number would break the order of each symbol's "
                f"messages, so set it to {len(partitions)}, or use a world or broker whose topics "
                "are new"
            )
        replicas = min(len(partition["replica_nodes"]) for partition in partitions)
        if replicas < kafka.replication:
            raise PlatformError(
                f"topic {name} has {replicas} replicas and TICKHOUSE_KAFKA_REPLICATION is "
                f"{kafka.replication}: add them with Kafka's kafka-reassign-partitions.sh, or set "
                f"it to {replicas}"
            )
        replicas_of[name] = replicas
    return replicas_of


def _alter(admin: Any, replicas: Mapping[str, int], config: Mapping[str, str]) -> None:
    """Alter the topics whose configuration differs; the others cost the broker nothing."""
    names = [*config, IN_SYNC]
    described = admin.describe_configs(
        [ConfigResource(ConfigResourceType.TOPIC, topic, names) for topic in replicas],
        config_filter="all",
    )["topic"]
    changes = {
        topic: _list_changes(
            {name: entry["value"] for name, entry in entries.items()}, config, replicas[topic]
        )
        for topic, entries in described.items()
    }
    resources = [
        ConfigResource(ConfigResourceType.TOPIC, topic, change)
        for topic, change in changes.items()
        if change
    ]
    if not resources:
        return
    for topic, outcome in admin.alter_configs(resources)["topic"].items():
        if outcome != ALTERED:
            raise Unreachable(f"Kafka does not alter topic {topic} to {changes[topic]}: {outcome}")


def _list_changes(
    existing: Mapping[str, str], config: Mapping[str, str], replicas: int
) -> dict[str, str]:
    """What of a topic's configuration is to be altered; a stricter `IN_SYNC` is its owner's."""
    in_sync = max(_in_sync(replicas), int(existing[IN_SYNC]))
    complete = {**config, IN_SYNC: str(in_sync)}
    return {name: value for name, value in complete.items() if existing[name] != value}


def _create(admin: Any, topic: str, kafka: KafkaSettings, config: Mapping[str, str]) -> None:
    spec = {
        "num_partitions": kafka.partitions,
        "replication_factor": kafka.replication,
        "configs": config,
    }
    try:
        admin.create_topics({topic: spec}, wait_for_metadata=True)
    except TopicAlreadyExistsError:
        return  # another process was first


def offset_ranges(
    bootstrap: str, topics: Iterable[str]
) -> dict[wire.TopicPartition, tuple[int, int]]:
    """The first offset kept and the end (next to be written) of each topic and partition.

    A partition whose broker has just gone gets up to `LEADER_S` for another one to lead it.

    Raises:
        Unreachable: no broker answers, or a topic does not exist.
    """
    consumer = open_consumer(bootstrap)
    try:
        partitions = partitions_of(consumer, topics)
        firsts, ends = _ask_leaders(consumer, partitions)
    except KafkaError as error:
        raise Unreachable(f"Kafka at {bootstrap}: {error!r}") from error
    finally:
        consumer.close()
    return {wire.TopicPartition(*at): (firsts[at], ends[at]) for at in partitions}


def _ask_leaders(
    consumer: Any, parts: Iterable[wire.TopicPartition]
) -> tuple[Mapping[Any, int], Mapping[Any, int]]:
    deadline = time.monotonic() + LEADER_S
    while True:
        try:
            return consumer.beginning_offsets(parts), consumer.end_offsets(parts)
        except KafkaError as error:
            if not error.retriable or time.monotonic() > deadline:
                raise
            time.sleep(LEADER_POLL_S)


def topic_ids(bootstrap: str, topics: Iterable[str]) -> dict[str, str]:
    """Kafka's id of each topic: one that was deleted and created again has another.

    Raises:
        Unreachable: the broker does not answer.
    """
    try:
        admin = open_admin(bootstrap)
        try:
            described = admin.describe_topics(list(topics))
        finally:
            admin.close()
    except KafkaError as error:
        raise Unreachable(describe_silence(bootstrap, error)) from error
    return {topic["name"]: str(topic["topic_id"]) for topic in described}
