"""A feed restarted by the real supervisord during a flow of trades: each once, and no hole."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from include.bus import Consumer, ensure_topics
from include.local import supervisor, worlds
from include.local.lock import read_lock_holder
from include.local.programs import list_bridges, list_programs
from include.local.rolling import await_ready, restart_programs
from include.local.supervisor import SupervisorClient
from include.market import wire
from include.market.events import LedgerEntry, Message
from include.settings import Settings, load
from tests.conftest import make_environment
from tests.support.services import eventually, running

FEED, BRIDGE = "feed-binance", "feed-binance-bridge"
TOPICS = ("market.trades", "market.ledger", "market.book")


class Market:
    """What the feed publishes, as Kafka has it."""

    def __init__(self, settings: Settings, client: SupervisorClient) -> None:
        self.settings, self.client = settings, client
        self.consumer = Consumer(settings.bootstrap, topics=TOPICS)
        self.messages: list[Message] = []

    def poll(self) -> None:
        decoded = [wire.decode(record.value) for record in self.consumer.poll(0.2)]
        self.messages += [one for one in decoded if one.venue == "binance"]

    def numbers(self) -> list[int]:
        self.poll()
        return [one.seq[0] for one in self.messages if one.kind == "trade" and one.seq]

    def await_trades(self, count: int) -> None:
        aim = len(self.numbers()) + count
        eventually(lambda: len(self.numbers()) >= aim, what=f"{count} more trades")

    def entries(self, *kinds: str) -> list[LedgerEntry]:
        self.poll()
        events = [one for message in self.messages for one in message.events]
        return [one for one in events if isinstance(one, LedgerEntry) and one.entry in kinds]

    def pid(self, name: str = FEED) -> int | None:
        return next((p.pid for p in self.client.processes() if p.name == name), None)


@pytest.fixture(scope="module")
def market(kafka_broker: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    folder = tmp_path_factory.mktemp("handover")
    env = make_environment(
        folder / "var", KAFKA_BOOTSTRAP=kafka_broker, VENUES_BINANCE_SYMBOLS="BTC-USDT"
    )
    env |= worlds.simulated_addresses(load(env))
    settings, log = load(env), folder / "log"
    ensure_topics(kafka_broker)
    programs = [program for program in list_programs(settings) if program.name == FEED]
    bridges = [program for program in list_bridges(settings) if program.name == BRIDGE]
    client = SupervisorClient(settings)
    with ExitStack() as stack:
        stack.enter_context(
            running([sys.executable, "-m", "streaming.simulator"], log=log, env=env)
        )
        configuration = supervisor.write_configuration(settings, [*programs, *bridges])
        supervisor.start(settings, configuration, {**os.environ, **env})
        stack.callback(lambda: eventually(lambda: not client.is_running(), what="its end"))
        stack.callback(client.shutdown)
        client.start(FEED)
        await_ready(settings, client, programs[0])
        followed = Market(settings, client)
        stack.callback(followed.consumer.close)
        yield followed


def test_a_restart_leaves_no_hole_and_doubles_nothing(market: Market) -> None:
    market.await_trades(5)
    before, lines = market.pid(), list[str]()
    restart_programs(market.settings, market.client, [FEED], print_line=lines.append)
    assert market.pid() not in {None, before} and market.pid(BRIDGE) is None
    assert [line.partition(" (")[0] for line in lines] == [f"restarting {FEED}", f"ready: {FEED}"]
    market.await_trades(5)
    numbers = market.numbers()
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert market.entries("gap", "jump", "renumbered", "stale", "dropped") == []
    assert [one.cause for one in market.entries("connect")] == ["start", "handover", "handover"]


def test_a_bridge_that_is_killed_leaves_its_hole_and_the_feed_goes_on(market: Market) -> None:
    lock = market.settings.home / "feeds" / "binance.lock"
    feed = market.pid()
    assert feed is not None
    market.client.start(BRIDGE)
    eventually(lambda: market.pid(BRIDGE), what="the bridge")
    bridge = market.pid(BRIDGE)

    def publishes(pid: int | None) -> bool:
        holder = read_lock_holder(lock)
        return holder is not None and holder.pid == str(pid)

    eventually(lambda: publishes(bridge), what="the bridge publishes", every_s=0.02)
    assert bridge is not None
    os.kill(bridge, signal.SIGKILL)
    eventually(lambda: publishes(market.pid()), what="the feed publishes again")
    market.await_trades(5)
    numbers = market.numbers()
    missing = {
        number
        for gap in market.entries("gap")
        for number in range(gap.first_seq or 0, (gap.last_seq or 0) + 1)
    }
    assert len(numbers) == len(set(numbers)) and not missing & set(numbers)
    assert set(numbers) | missing == set(range(min(numbers), max(numbers) + 1))
    assert market.pid(BRIDGE) is None
