"""Readers' positions are shown as consumer groups, and nobody waits for the broker to show them."""

import time
from contextlib import closing

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from include.bus import GroupPositions, TopicPartition, ensure_topics
from include.market.wire import Topic
from include.settings import Settings
from tests.support.services import eventually, free_ports

TRADES, BOOK = TopicPartition(Topic.TRADES, 0), TopicPartition(Topic.BOOK, 0)


def positions_of(bootstrap: str, group: str) -> dict[TopicPartition, int]:
    with closing(KafkaAdminClient(bootstrap_servers=bootstrap)) as admin:
        try:
            offsets = admin.list_group_offsets({group: None})[group]
        except KafkaError:  # no group was ever shown, so the broker has no coordinator yet
            return {}
    return {TopicPartition(*at): found.offset for at, found in offsets.items()}


def test_the_newest_positions_of_a_reader_are_its_groups(
    kafka_broker: str, service_settings: Settings
) -> None:
    ensure_topics(kafka_broker, service_settings.kafka)
    positions = GroupPositions(kafka_broker, world="w", reader="trader", every_s=0.2)
    positions.show({TRADES: 3, BOOK: 4})
    eventually(lambda: positions_of(kafka_broker, "tickhouse-w-trader") == {TRADES: 3, BOOK: 4})
    positions.show({TRADES: 9, BOOK: 4})
    eventually(lambda: positions_of(kafka_broker, "tickhouse-w-trader") == {TRADES: 9, BOOK: 4})
    positions.show({TRADES: 12, BOOK: 5})
    positions.close()
    assert positions_of(kafka_broker, "tickhouse-w-trader") == {TRADES: 12, BOOK: 5}


def test_a_broker_that_is_away_costs_the_reader_nothing() -> None:
    (port,) = free_ports(1)
    positions = GroupPositions(f"127.0.0.1:{port}", world="w", reader="minutes", every_s=0.1)
    began_s = time.monotonic()
    for offset in range(1000):
        positions.show({TRADES: offset})
    assert time.monotonic() - began_s < 0.5
    positions.close()
    assert time.monotonic() - began_s < 3
