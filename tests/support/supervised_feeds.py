"""Feeds of simulated venues under a real supervisord, and what they publish."""

import os
import sys
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from include.bus import Consumer, ensure_topics
from include.local import supervisor, worlds
from include.local.programs import list_bridges, list_programs
from include.local.rolling import await_ready
from include.local.supervisor import SupervisorClient
from include.market import wire
from include.market.events import LedgerEntry, Message
from include.settings import Settings, load
from tests.support.services import eventually, running

TOPICS = ("market.trades", "market.ledger", "market.book")


class SupervisedFeeds:
    """What the feeds publish of a symbol, as Kafka has it, and their processes."""

    def __init__(self, settings: Settings, client: SupervisorClient) -> None:
        self.settings, self.client = settings, client
        self.consumer = Consumer(settings.bootstrap, topics=TOPICS)
        self._messages: list[Message] = []

    def messages(self, symbol: str) -> list[Message]:
        self._messages += [wire.decode(record.value) for record in self.consumer.poll(0.2)]
        return [one for one in self._messages if one.symbol == symbol]

    def numbers(self, symbol: str) -> list[int]:
        return [one.seq[0] for one in self.messages(symbol) if one.kind == "trade" and one.seq]

    def entries(self, symbol: str, *kinds: str) -> list[LedgerEntry]:
        events = [one for message in self.messages(symbol) for one in message.events]
        return [one for one in events if isinstance(one, LedgerEntry) and one.entry in kinds]

    def missing(self, symbol: str) -> set[int]:
        """Every number that a gap of the ledger covers."""
        return {
            number
            for gap in self.entries(symbol, "gap")
            for number in range(gap.first_seq or 0, (gap.last_seq or 0) + 1)
        }

    def require_accounted(self, symbol: str) -> None:
        """Each number is published once or in a gap, never both, never neither."""
        numbers, missing = self.numbers(symbol), self.missing(symbol)
        assert len(numbers) == len(set(numbers)) and not missing & set(numbers)
        assert set(numbers) | missing == set(range(min(numbers), max(numbers) + 1))

    def await_trades(self, symbol: str, count: int) -> None:
        aim = len(self.numbers(symbol)) + count
        eventually(lambda: len(self.numbers(symbol)) >= aim, what=f"{count} trades of {symbol}")

    def pid(self, name: str) -> int | None:
        return next((p.pid for p in self.client.processes() if p.name == name), None)


@contextmanager
def supervised_feeds(
    env: dict[str, str], names: Collection[str], log: Path
) -> Iterator[SupervisedFeeds]:
    """The simulator, and these feeds' processes and bridges under supervisord."""
    env = env | worlds.simulated_addresses(load(env))
    settings = load(env)
    ensure_topics(settings.bootstrap)
    programs = [program for program in list_programs(settings) if program.name in names]
    client = SupervisorClient(settings)
    with ExitStack() as stack:
        stack.enter_context(
            running([sys.executable, "-m", "streaming.simulator"], log=log, env=env)
        )
        configured = [*programs, *list_bridges(settings)]
        configuration = supervisor.write_configuration(settings, configured)
        supervisor.start(settings, configuration, {**os.environ, **env})
        stack.callback(lambda: eventually(lambda: not client.is_running(), what="its end"))
        stack.callback(client.shutdown)
        for program in programs:
            client.start(program.name)
        for program in programs:
            await_ready(settings, client, program)
        feeds = SupervisedFeeds(settings, client)
        stack.callback(feeds.consumer.close)
        yield feeds
