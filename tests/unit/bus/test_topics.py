"""Topics follow the settings at each start: created, altered, or refused with a sentence."""

from collections.abc import Iterable
from typing import Any

import pytest
from kafka.admin import ConfigResource
from kafka.errors import KafkaConnectionError, TopicAlreadyExistsError

from include.bus import topics
from include.bus.connection import MAX_REQUEST_BYTES
from include.bus.topics import apply_topics
from include.errors import PlatformError, Unreachable
from include.market import wire
from include.market.wire import TopicPartition
from include.settings.groups import KafkaSettings

HOUR_MS = 3_600_000
KAFKAS_DEFAULT = "9223372036854775807"  # kafka.apache.org, topic configs, flush.messages


SEGMENTS = {"segment.bytes": "1073741824"}  # Kafka's default


class Admin:
    """A cluster's topics behind the calls of kafka-python's admin client."""

    def __init__(self) -> None:
        self.topics: dict[str, dict[str, Any]] = {}
        self.alterations: list[str] = []
        self.refusal = "OK"

    def list_topics(self) -> list[str]:
        return ["__consumer_offsets", *self.topics]

    def create_topics(self, specs: dict[str, dict[str, Any]], *, wait_for_metadata: bool) -> None:
        assert wait_for_metadata
        for name, spec in specs.items():
            if name in self.topics:
                raise TopicAlreadyExistsError
            self.topics[name] = {**spec, "configs": dict(spec["configs"])}

    def describe_topics(self, names: list[str]) -> list[dict[str, Any]]:
        return [
            {
                "name": name,
                "partitions": [
                    {"replica_nodes": list(range(self.topics[name]["replication_factor"]))}
                    for _ in range(self.topics[name]["num_partitions"])
                ],
            }
            for name in names
        ]

    def describe_configs(
        self, resources: Iterable[ConfigResource], *, config_filter: str
    ) -> dict[str, Any]:
        assert config_filter == "all", "a value that is the broker's default counts too"
        return {
            "topic": {
                resource.name: {
                    key: {"value": (SEGMENTS | self.topics[resource.name]["configs"])[key]}
                    for key in resource.configs
                }
                for resource in resources
            }
        }

    def alter_configs(self, resources: list[ConfigResource]) -> dict[str, Any]:
        for resource in resources:
            self.alterations.append(resource.name)
            if self.refusal == "OK":
                self.topics[resource.name]["configs"].update(resource.configs)
        return {"topic": {resource.name: self.refusal for resource in resources}}

    def values(self, key: str) -> set[str]:
        return {(SEGMENTS | topic["configs"])[key] for topic in self.topics.values()}


@pytest.fixture
def admin() -> Admin:
    """A cluster whose topics were created with the defaults."""
    cluster = Admin()
    apply_topics(cluster, KafkaSettings())
    return cluster


def test_missing_topics_are_created_as_the_settings_say() -> None:
    admin = Admin()
    apply_topics(admin, KafkaSettings(partitions=3, replication=2, retention_hours=5))
    assert sorted(admin.topics) == sorted(wire.TOPICS)
    topic = admin.topics["market.book"]
    assert (topic["num_partitions"], topic["replication_factor"]) == (3, 2)
    assert topic["configs"] == {
        "max.message.bytes": str(MAX_REQUEST_BYTES),
        "retention.ms": str(5 * HOUR_MS),
        "retention.bytes": "-1",
        "flush.messages": "1",
        "message.timestamp.type": "LogAppendTime",
        "min.insync.replicas": "1",
    }


def test_topics_that_are_as_wanted_are_left_alone(admin: Admin) -> None:
    apply_topics(admin, KafkaSettings())
    assert admin.alterations == []


def test_another_retention_is_applied_to_topics_that_exist(admin: Admin) -> None:
    apply_topics(admin, KafkaSettings(retention_hours=24))
    assert admin.values("retention.ms") == {str(24 * HOUR_MS)}
    assert sorted(admin.alterations) == sorted(wire.TOPICS)


@pytest.mark.parametrize(
    ("mb", "kept", "segment"),
    [
        (100, "100000000", "25000000"),
        (100_000, "100000000000", "1073741824"),
    ],
)
def test_a_size_is_kept_in_segments_that_are_smaller(
    admin: Admin, mb: int, kept: str, segment: str
) -> None:
    assert admin.values("retention.bytes") == {"-1"}
    apply_topics(admin, KafkaSettings(retention_mb=mb))
    assert (admin.values("retention.bytes"), admin.values("segment.bytes")) == ({kept}, {segment})


def test_topics_that_exist_are_flushed_as_the_settings_say(admin: Admin) -> None:
    admin.topics["market.trades"]["configs"]["flush.messages"] = KAFKAS_DEFAULT
    apply_topics(admin, KafkaSettings())
    assert (admin.alterations, admin.values("flush.messages")) == (["market.trades"], {"1"})
    apply_topics(admin, KafkaSettings(flush_messages=0))
    assert admin.values("flush.messages") == {KAFKAS_DEFAULT}


def test_only_what_differs_is_altered(admin: Admin) -> None:
    admin.topics["market.book"]["configs"]["max.message.bytes"] = "1048588"
    apply_topics(admin, KafkaSettings())
    assert admin.alterations == ["market.book"]
    assert admin.values("max.message.bytes") == {str(MAX_REQUEST_BYTES)}


def test_an_alteration_that_the_broker_refuses_is_an_error(admin: Admin) -> None:
    admin.refusal = "[Error 44] PolicyViolationError"
    with pytest.raises(
        Unreachable, match=r"alter topic market\.auctions .*3600000.*PolicyViolation"
    ):
        apply_topics(admin, KafkaSettings(retention_hours=1))


@pytest.mark.parametrize("partitions", [2, 4])
def test_another_number_of_partitions_is_refused_before_anything_changes(partitions: int) -> None:
    admin = Admin()
    apply_topics(admin, KafkaSettings(partitions=3))
    del admin.topics["trading.orders"]
    with pytest.raises(PlatformError) as refused:
        apply_topics(admin, KafkaSettings(partitions=partitions, retention_hours=1))
    assert str(refused.value) == (
        f"topic market.auctions has 3 partitions and TICKHOUSE_KAFKA_PARTITIONS is {partitions}: "
        "another number would break the order of each symbol's messages, so set it to 3, or use a "
        "world or broker whose topics are new"
    )
    assert admin.values("retention.ms") == {str(168 * HOUR_MS)}
    assert "trading.orders" not in admin.topics


def test_in_sync_replicas_are_raised_to_one_less_than_the_topics_own() -> None:
    """Topics of an earlier version have Kafka's default, 1; a stricter number is its owner's."""
    admin = Admin()
    apply_topics(admin, KafkaSettings(replication=3))
    admin.topics["market.trades"]["configs"]["min.insync.replicas"] = "1"
    admin.topics["market.book"]["configs"]["min.insync.replicas"] = "3"
    admin.topics["market.quotes"]["replication_factor"] = 4
    apply_topics(admin, KafkaSettings(replication=3))
    assert sorted(admin.alterations) == ["market.quotes", "market.trades"]
    numbers = {name: one["configs"]["min.insync.replicas"] for name, one in admin.topics.items()}
    assert numbers == dict.fromkeys(wire.TOPICS, "2") | {"market.book": "3", "market.quotes": "3"}


def test_fewer_replicas_than_wanted_are_refused_and_more_are_welcome(admin: Admin) -> None:
    admin.topics["market.ledger"]["replication_factor"] = 3
    apply_topics(admin, KafkaSettings())
    with pytest.raises(PlatformError, match=r"market\.auctions has 1 replicas .*REPLICATION is 2"):
        apply_topics(admin, KafkaSettings(replication=2))


class Leaderless:
    """A consumer whose partition has no leader for its first answers."""

    def __init__(self, failures: int) -> None:
        self.failures, self.asked = failures, 0

    def beginning_offsets(self, partitions: list[str]) -> dict[str, int]:
        self.asked += 1
        if self.asked <= self.failures:
            raise KafkaConnectionError("111 ECONNREFUSED")
        return dict.fromkeys(partitions, 3)

    def end_offsets(self, partitions: list[str]) -> dict[str, int]:
        return dict.fromkeys(partitions, 9)

    def close(self) -> None:
        """Nothing."""


def test_a_broker_that_has_gone_gets_time_for_a_successor(monkeypatch: pytest.MonkeyPatch) -> None:
    at = TopicPartition("market.book", 0)
    consumer = Leaderless(3)
    monkeypatch.setattr(topics, "open_consumer", lambda _: consumer)
    monkeypatch.setattr(topics, "partitions_of", lambda *_: [at])
    monkeypatch.setattr(topics, "LEADER_POLL_S", 0.0)
    assert topics.offset_ranges("a:1", ["market.book"]) == {at: (3, 9)}
    assert consumer.asked == 4
    monkeypatch.setattr(topics, "LEADER_S", 0.0)
    consumer.asked = 0
    with pytest.raises(Unreachable, match=r"Kafka at a:1: .*ECONNREFUSED"):
        topics.offset_ranges("a:1", ["market.book"])
