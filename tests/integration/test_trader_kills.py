"""The trader on a real broker and Postgres: each signal decided once, whatever kills it where."""

import json
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pytest

from include.market import wire
from include.market.events import Message, Top
from include.serving.connection import create_database, transaction
from include.serving.tables import create_tables
from include.settings import Settings, load
from streaming.bus import Consumer, Producer, ensure_topics, offsets
from tests.services import eventually, running

MINUTE = 60_000_000
START = 1_524_546_000_000_000  # 2018-04-24 05:00 UTC, a whole minute
TRADING = tuple(topic for topic in wire.TOPICS if topic.startswith("trading."))
# window n ends at minute n and is decided by the side of minute n + 1
SIDES, RATIOS = "....bbss", ("1", "1", "1", "1", "1", "5")
REASONS = ["forecast_silent", "forecast_silent", "buy", "already_in", "sell", "nothing_to_sell"]


@dataclass
class World:
    """A venue, a database and processes of their own on the shared broker and server."""

    settings: Settings
    env: dict[str, str]
    venue: str
    log: Path

    def trader(self, *kill: str) -> Any:
        command = [sys.executable, "-m", "tests.integration.trader_child", str(START), SIDES]
        return running([*command, *kill], log=self.log, env=self.env)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with transaction(self.settings.dsn()) as link, link.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall()

    def until_decided(self, count: int) -> None:
        """Wait for so many decisions, all told to Kafka."""
        sql = "SELECT (SELECT count(*) FROM decisions), (SELECT count(*) FROM outbox)"
        try:
            eventually(lambda: self.rows(sql) == [(count, 0)], what="decisions, all told")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log.read_text()}") from error

    def told(self, kind: str) -> list[Any]:
        """Every event of that kind that Kafka has of this world."""
        topic = wire.TOPIC_OF_KIND[kind]
        ends = {at: end for at, (_, end) in offsets(self.settings.bootstrap, [topic]).items()}
        consumer = Consumer(self.settings.bootstrap, topics=[topic])
        found: list[Any] = []
        while any(consumer.positions[at] < end for at, end in ends.items()):
            messages = [wire.decode(record.value) for record in consumer.poll(0.5)]
            found += [e for m in messages if m.venue == self.venue for e in m.events]
        consumer.close()
        return found


@pytest.fixture
def world(
    service_settings: Settings, kafka_broker: str, postgres_dsn: dict[str, Any], tmp_path: Path
) -> World:
    name = f"t{os.urandom(5).hex()}"
    create_database(postgres_dsn, name=name)
    ensure_topics(kafka_broker)
    env = {
        "TICKHOUSE_VAR": str(tmp_path / "var"), "TICKHOUSE_KAFKA_BOOTSTRAP": kafka_broker,
        "TICKHOUSE_PORTS_POSTGRES": str(postgres_dsn["port"]),
        "TICKHOUSE_POSTGRES_PASSWORD": str(postgres_dsn["password"]),
        "TICKHOUSE_POSTGRES_DATABASE": name, "TICKHOUSE_TRADER_VENUE": name,
    }  # fmt: skip
    settings = load(env)
    create_tables(settings.dsn())
    return World(settings, env, name, tmp_path / "trader.log")


def market(venue: str, windows: range) -> Iterator[tuple[str, bytes, bytes]]:
    """Tops twice a window at 9000 + 100 n, then the signals of the window."""
    key = f"{venue}|BTC-USD".encode()
    for number in windows:
        end = START + number * MINUTE
        for time, bid in ((end - 40_000_000, 1), (end - 1, 9000 + 100 * number), (end + 1, 2)):
            top = Top(bid=D(bid), bid_quantity=D(5), ask=D(bid + 10), ask_quantity=D(5))
            book = Message(venue, "BTC-USD", "book", "c", None, time, time, (), top)
            yield "market.book", key, wire.encode(book)
        for kind, value in (("bid", "7"), ("ask", "7"), ("price_volume", RATIOS[number - 1])):
            body = {"v": 1, "venue": venue, "symbol": "BTC-USD", "type": kind, "value": value,
                    "timestamp": end, "window_start": end - MINUTE}  # fmt: skip
            yield "market.signals", key, json.dumps(body).encode()


def produce(world: World, windows: range) -> None:
    producer = Producer(world.settings.bootstrap, client_id="test")
    for topic, key, value in market(world.venue, windows):
        producer.send(topic, key, value)
    producer.close()


def assert_all_done_once(world: World) -> None:
    """Hand-worked: buy at 9310 for 9000 USD, sell at 9500; fees 0.4 %.

    0.9 * 10000 / 9310 = 0.96670247; cost 8999.9999957 -> 8999.99999570, fee 35.99999999 (rounded
    up); proceeds 9183.673465, fee 36.73469386.
    """
    decisions = world.told("decision")
    assert [one.reasons for one in decisions] == REASONS
    assert len({one.decision_id for one in decisions}) == 6
    kept = world.rows("SELECT decision_id, reasons, inputs FROM decisions ORDER BY window_start")
    assert kept == [(one.decision_id, one.reasons, one.inputs) for one in decisions]
    assert [(o.side, o.price, o.executed, o.status) for o in world.told("order")] == [
        ("buy", D(9310), D("0.96670247"), "filled"), ("sell", D(9500), D("0.96670247"), "filled"),
    ]  # fmt: skip
    assert [fill.fee for fill in world.told("fill")] == [D("35.99999999"), D("36.73469386")]
    (score,) = world.told("score")
    assert score.profit == D("110.93877545") == score.cumulative_profit
    assert world.rows("SELECT currency, amount FROM balances ORDER BY currency") == [
        ("BTC", D(0)), ("USD", D("10110.93877545")),
    ]  # fmt: skip
    assert [(b.currency, b.amount) for b in world.told("balance")] == [
        ("USD", D(10000)), ("BTC", D(0)), ("USD", D("964.00000431")), ("BTC", D("0.96670247")),
        ("USD", D("10110.93877545")), ("BTC", D(0)),
    ]  # fmt: skip


def test_each_signal_is_decided_once(world: World) -> None:
    produce(world, range(1, 7))
    with world.trader() as process:
        world.until_decided(6)
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(5) == 0
    assert_all_done_once(world)


@pytest.mark.parametrize("count", ["1", "4"])
@pytest.mark.parametrize("point", ["before commit", "after commit", "sent"])
def test_a_kill_loses_and_doubles_nothing(world: World, point: str, count: str) -> None:
    produce(world, range(1, 7))
    with world.trader(point, count) as process:
        assert process.wait(30) == -signal.SIGKILL
    with world.trader():
        world.until_decided(6)
    assert_all_done_once(world)


def test_repeated_signals_and_a_halt_make_no_order(world: World) -> None:
    from include.serving.journal import halt, halted, resume

    with world.trader():
        produce(world, range(1, 3))
        produce(world, range(1, 3))
        world.until_decided(2)
        halt(world.settings.dsn(), "by hand")
        produce(world, range(3, 4))
        world.until_decided(3)
        assert halted(world.settings.dsn()) == "by hand"
        resume(world.settings.dsn())
        produce(world, range(4, 5))
        world.until_decided(4)
    reasons = [one.reasons for one in world.told("decision")]
    assert reasons == ["forecast_silent", "forecast_silent", "halted", "buy"]
