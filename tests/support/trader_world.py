"""A trader's world for tests: a venue, a database and processes on the shared broker and server."""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal as D
from pathlib import Path
from typing import Any

from include.bus import Consumer, Producer, ensure_topics, offset_ranges
from include.market import wire
from include.market.events import BookChange, Message, Top
from include.serving.connection import create_database, transaction
from include.serving.tables import create_tables
from include.settings import Settings, load
from tests.support.services import eventually, running
from tests.support.trader_venues import make_venue_name

MINUTE = 60_000_000
START = 1_524_546_000_000_000  # 2018-04-24 05:00 UTC, a whole minute
# window n ends at minute n and is decided by the side of minute n + 1
SIDES = "....bbss"


@dataclass
class World:
    """One isolated trader: what it is fed, what Postgres and Kafka have of it."""

    settings: Settings
    env: dict[str, str]
    venue: str
    log: Path
    spread: tuple[D, D] = field(default=(D(0), D(10)))

    def trader(self, *kill: str) -> Any:
        command = [sys.executable, "-m", "tests.support.trader_child", str(START), SIDES]
        return running([*command, *kill], log=self.log, env=self.env)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with transaction(self.settings.dsn()) as link, link.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall()

    def until_decided(self, count: int) -> None:
        """Wait for so many decisions and no open intent, all sent to Kafka."""
        sql = """SELECT (SELECT count(*) FROM decisions),
                 (SELECT count(*) FROM outbox WHERE "offset" IS NULL),
                 (SELECT count(*) FROM trader_state WHERE name LIKE '%intent' AND value <> '')"""
        try:
            eventually(lambda: self.rows(sql) == [(count, 0, 0)], what="decisions, all sent")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log.read_text()}") from error

    def events(self, kind: str, account: str = "main") -> list[Any]:
        """Every event of that kind that Kafka has of an account of this world."""
        topic = wire.TOPIC_OF_KIND[kind]
        ends = {at: end for at, (_, end) in offset_ranges(self.settings.bootstrap, [topic]).items()}
        consumer = Consumer(self.settings.bootstrap, topics=[topic])
        found: list[Any] = []
        while any(consumer.offsets[at] < end for at, end in ends.items()):
            messages = [wire.decode(record.value) for record in consumer.poll(0.5)]
            found += [e for m in messages if m.venue == self.venue for e in m.events]
        consumer.close()
        return [one for one in found if one.account == account]

    def produce(self, windows: range, *, symbol: str = "BTC-USD") -> None:
        """Three tops a window (the one that counts at 9000 + 100 n), then its signals."""
        producer = Producer(self.settings.bootstrap, client_id="test")
        for topic, value in self._market(windows, symbol):
            producer.send(topic, f"{self.venue}|{symbol}".encode(), value)
        producer.close()

    def _market(self, windows: range, symbol: str) -> Iterator[tuple[str, bytes]]:
        under, over = self.spread
        for number in windows:
            end = START + number * MINUTE
            for time, bid in ((end - 40_000_000, 1), (end - 1, 9000 + 100 * number), (end + 1, 2)):
                top = Top(bid=bid - under, bid_quantity=D(5), ask=bid + over, ask_quantity=D(5))
                changes = (
                    BookChange("bid", bid - under, D(5), reason="place"),
                    BookChange("ask", bid + over, D(5), reason="place"),
                )
                book = Message(self.venue, symbol, "book", "c", None, time, time, changes, top)
                yield "market.book", wire.encode(book)
            for kind in ("bid", "ask", "price_volume"):
                body = {
                    "v": 1,
                    "venue": self.venue,
                    "symbol": symbol,
                    "type": kind,
                    "value": "1",
                    "timestamp": end,
                    "window_start": end - MINUTE,
                }
                yield "market.signals", json.dumps(body).encode()


def make_world(kafka: str, dsn: dict[str, Any], folder: Path, **more: str) -> World:
    """A new world; `more` are further TICKHOUSE_ settings."""
    name = make_venue_name()
    create_database(dsn, name=name)
    ensure_topics(kafka)
    env = {
        "TICKHOUSE_VAR": str(folder / "var"),
        "TICKHOUSE_KAFKA_BOOTSTRAP": kafka,
        "TICKHOUSE_PORTS_POSTGRES": str(dsn["port"]),
        "TICKHOUSE_POSTGRES_PASSWORD": str(dsn["password"]),
        "TICKHOUSE_POSTGRES_DATABASE": name,
        "TICKHOUSE_TRADER_VENUE": name,
        "TICKHOUSE_TRADER_LAG_S": "0",
        "TICKHOUSE_TRADER_SKEW_S": "0",  # its market is of 2018
        **{f"TICKHOUSE_{key}": value for key, value in more.items()},
    }
    settings = load(env)
    create_tables(settings.dsn())
    return World(settings, env, name, folder / "trader.log")
