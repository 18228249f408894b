"""The other feeds as processes: suppliers and Deribit from the simulator into a real broker."""

import json
import subprocess
import sys
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from include.bus import Consumer, ensure_topics, offset_ranges
from include.local import worlds
from include.market import wire
from include.market.events import Message, Quote
from include.settings import load
from tests.conftest import make_environment
from tests.support.services import eventually, running

TOPICS = ("market.quotes", "market.book", "market.trades", "market.ledger", "market.rejects")


@pytest.fixture
def env(kafka_broker: str, tmp_path: Path) -> dict[str, str]:
    found = make_environment(tmp_path / "var", KAFKA_BOOTSTRAP=kafka_broker)
    found["TICKHOUSE_VENUES_QUOTE_POLL_S"] = "1"
    return found | worlds.simulated_addresses(load(found))


def test_four_suppliers_and_deribit_reach_kafka(
    kafka_broker: str, env: dict[str, str], tmp_path: Path
) -> None:
    ensure_topics(kafka_broker)
    ends = {place: end for place, (_, end) in offset_ranges(kafka_broker, TOPICS).items()}
    consumer = Consumer(kafka_broker, topics=TOPICS, offsets=ends)
    messages: list[Message] = []

    def of(venue: str, kind: str) -> list[Message]:
        messages.extend(wire.decode(record.value) for record in consumer.poll(0.2))
        return [one for one in messages if (one.venue, one.kind) == (venue, kind)]

    def enough_quotes(venue: str) -> bool:
        return len(of(venue, "quote")) > 3

    python, log = sys.executable, tmp_path / "log"
    with ExitStack() as stack:
        stack.enter_context(running([python, "-m", "streaming.simulator"], log=log, env=env))
        for name in ("quotes", "deribit"):
            command = [python, "-m", "streaming.feeds", name]
            stack.enter_context(running(command, log=log, env=env))
        for venue in ("coinbase", "bitstamp", "kraken", "gemini"):
            eventually(partial(enough_quotes, venue), what=venue)
        eventually(lambda: len(of("deribit", "book")) > 20, what="deribit's book")
        eventually(lambda: len(of("deribit", "trade")) > 2, what="deribit's trades")
    consumer.close()
    quotes = [one for message in messages for one in message.events if isinstance(one, Quote)]
    assert {quote.currency for quote in quotes} == {"USD", "EUR"}
    assert not [one for one in messages if one.kind == "reject"]
    assert all(one.top for one in messages if one.kind == "book")
    assert "supplier left out venue=cryptocompare" in log.read_text()


def test_healing_an_empty_lake_has_nothing_to_do(env: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "streaming.feeds.heal_gaps"],
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout.splitlines()[-1]) == {"healed": 0, "refilled": 0, "open": []}
