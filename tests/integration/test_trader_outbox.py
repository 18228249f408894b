"""The outbox on a real broker and Postgres: rows stay until the lake has them."""

from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pytest

from include.bus import Producer, TopicPartition
from include.market import wire
from include.market.events import Balance, Message
from include.serving.journal import Journal, PartitionOffset
from streaming.trader.kill_points import NoKillPoints
from streaming.trader.outbox import Publisher
from tests.support.trader_world import World, make_world


@pytest.fixture
def world(kafka_broker: str, postgres_dsn: dict[str, Any], tmp_path: Path) -> World:
    return make_world(kafka_broker, postgres_dsn, tmp_path)


class FakeLake:
    """Has landed as far as a test says."""

    def __init__(self) -> None:
        self.offsets: dict[TopicPartition, int] = {}

    def landed(self, _partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        return self.offsets


@contextmanager
def publisher(world: World, journal: Journal, lake: FakeLake) -> Iterator[Publisher]:
    with Publisher(
        world.settings.bootstrap,
        journal=journal,
        conn=world.venue,
        kill_points=NoKillPoints(),
        read_next_offsets=lake.landed,
    ) as one:
        yield one


def balance(world: World, amount: int) -> Message:
    event = Balance("USD", D(amount))
    return Message(world.venue, "BTC-USD", "balance", world.venue, None, 5, 5, (event,))


def amounts(world: World) -> list[int]:
    return [int(one.amount) for one in world.events("balance")]


def test_a_row_is_deleted_once_the_lake_has_it(world: World) -> None:
    lake = FakeLake()
    with closing(Journal(world.settings.dsn())) as journal:
        journal.commit([balance(world, 1), balance(world, 2)], state={})
        with publisher(world, journal, lake) as first:
            first.flush()
            first.flush()
        assert amounts(world) == [1, 2]
        places = [row.kafka_offset for row in journal.outbox()]
        assert all(places) and journal.outbox(unsent=True) == []
        lake.offsets = {TopicPartition("trading.balances", 0): places[1].offset}  # type: ignore[union-attr]
        with publisher(world, journal, lake):
            assert [row.kafka_offset for row in journal.outbox()] == places[1:]
        lake.offsets = {TopicPartition("trading.balances", 0): places[1].offset + 1}  # type: ignore[union-attr]
        with publisher(world, journal, lake):
            assert journal.outbox() == []
        assert amounts(world) == [1, 2]


def test_what_kafka_lost_after_its_acknowledgement_is_sent_again_and_nothing_else(
    world: World,
) -> None:
    lake = FakeLake()
    with closing(Journal(world.settings.dsn())) as journal:
        journal.commit([balance(world, 1)], state={})
        with publisher(world, journal, lake) as first:
            first.flush()
        journal.commit([balance(world, 2)], state={})
        (row,) = journal.outbox(unsent=True)
        journal.note_offsets({row.id: PartitionOffset(0, 10**9)})  # acknowledged, and lost
        with publisher(world, journal, lake) as second:
            second.flush()
        assert amounts(world) == [1, 2]


def test_what_was_sent_and_not_noted_is_not_sent_again(world: World) -> None:
    lake = FakeLake()
    with closing(Journal(world.settings.dsn())) as journal:
        journal.commit([balance(world, 1)], state={})
        (row,) = journal.outbox()
        producer = Producer(world.settings.bootstrap, client_id="test")
        producer.send(row.topic, row.key, row.value)
        producer.close()
        with publisher(world, journal, lake) as second:
            second.flush()
        assert amounts(world) == [1] and wire.TOPIC_OF_KIND["balance"] == row.topic
        assert journal.outbox()[0].kafka_offset is not None
