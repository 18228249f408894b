"""Signals of the running stream: on time whatever other venues, clocks and Postgres do."""

import json
import os
import signal
import time
from collections.abc import Iterator
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pytest

from include.bus import Producer, ensure_topics
from include.settings import Settings
from tests.conftest import make_environment
from tests.support.services import eventually
from tests.support.stream_world import (
    broker,
    caught_up,
    served,
    signals_in_lake,
    signals_in_postgres,
    signals_on_kafka,
    streaming,
)

T0 = 1_763_712_000  # a whole minute
GEMINI, DERIBIT = ("gemini", "BTC-USD"), ("deribit", "BTC-PERPETUAL")
World = tuple[Settings, dict[str, str], int]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    environ = make_environment(
        tmp_path / "var", STREAM_TRIGGER_S="0.2", STREAM_SIGNALS_TRIGGER_S="1"
    )
    with served(environ) as (settings, server):
        bus = broker(settings)
        try:
            ensure_topics(settings.bootstrap)
            yield settings, environ, server.pid
        finally:
            bus.kill()
            bus.wait(30)


class Market:
    """Sends book changes of a second of market time; all but odd ones were received then."""

    def __init__(self, settings: Settings) -> None:
        self._producer = Producer(settings.bootstrap, client_id="test")
        self._number = 0

    def send(
        self,
        second: float,
        side: str,
        remaining: int,
        *,
        book: tuple[str, str] = GEMINI,
        received: float | None = None,
    ) -> None:
        self._number += 1
        venue, symbol = book
        told: dict[str, Any] = {
            "v": 1,
            "venue": venue,
            "symbol": symbol,
            "kind": "book",
            "conn": f"{venue}-1",
            "seq": [self._number, self._number],
            "venue_time": int((T0 + second) * 1_000_000),
            "received_time": int((T0 + (second if received is None else received)) * 1_000_000),
            "events": [
                {"type": "change", "side": side, "price": "10", "remaining": str(remaining)}
            ],
            "top": None,
        }
        key = f"{venue}|{symbol}".encode()
        self._producer.send("market.book", key, json.dumps(told).encode())

    def minute(self, number: int) -> None:
        """A bid of 20 and an ask of 50 in a minute, at Deribit too, whose clock is 10 s ahead."""
        for second in (number * 60 + 5, number * 60 + 55):
            side, remaining = ("bid", 2) if second % 60 == 5 else ("ask", 5)
            self.send(second + 10, side, remaining, book=DERIBIT, received=second)
            self.send(second, side, remaining)
        self._producer.flush()


def told(settings: Settings, book: tuple[str, str], kind: str) -> dict[int, D]:
    """What Kafka has of a book and type: value by minute; fails if a window is there twice."""
    rows = [row for row in signals_on_kafka(settings) if row[:3] == (*book, kind)]
    assert len(rows) == len({row[3] for row in rows}), rows
    return {(start - T0) // 60: value for *_, start, value in rows}


@pytest.mark.timeout(400)
def test_signals_go_on_whatever_clocks_and_postgres_do(world: World) -> None:
    settings, environ, server = world
    market = Market(settings)
    with streaming(settings, environ):
        market.send(70, "ask", 0, received=20)  # it does not close the first minute
        for number in range(3):
            market.minute(number)
        for ahead in (61, 3600, 86_000, 2_300_000_000):  # the last is of 2098
            market.send(200 + ahead, "bid", 999, received=200)
        for number in range(3, 6):
            market.minute(number)
        ratio = {number: D("2.5") for number in range(5)}
        eventually(
            lambda: told(settings, GEMINI, "price_volume") == ratio, what="five ratios, on time"
        )
        # Deribit's sixth minute is over by its own clock, but not here
        assert told(settings, DERIBIT, "bid") == {number: D(20) for number in range(5)}

        os.killpg(server, signal.SIGSTOP)
        hung_at = time.monotonic()
        market.send(61, "ask", 1)  # late: the second minute is long closed
        market.minute(6)
        market.minute(7)
        ratio |= {5: D("2.5"), 6: D("2.5")}
        eventually(
            lambda: told(settings, GEMINI, "price_volume") == ratio, what="ratios without Postgres"
        )
        restated = (*GEMINI, "price_volume", T0 + 60, D(3))
        eventually(lambda: restated in signals_in_lake(settings), what="the late change in Delta")
        eventually(lambda: caught_up(settings), what="landing without Postgres")
        assert time.monotonic() - hung_at < 60
        os.killpg(server, signal.SIGCONT)
        eventually(
            lambda: signals_in_postgres(settings) == signals_in_lake(settings),
            what="Postgres has caught up",
        )
        assert restated in signals_in_postgres(settings)
        assert told(settings, GEMINI, "price_volume") == ratio, "nothing was sent again"
