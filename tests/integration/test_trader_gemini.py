"""Orders at the simulated Gemini: none lost, none doubled, and the position is the venue's."""

import http.client
import os
import signal
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal as D
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from include.errors import OrderRefused
from include.serving.journal import Journal
from include.settings.env import Secret
from streaming.trader.brokers.gemini_rest import GeminiRest
from tests.support.services import eventually, free_ports, running
from tests.support.trader_world import World, make_world

KEY, SECRET = "account-for-tests", "SECRET-for-tests-only"
NEW, STATUS = "/v1/order/new", "/v1/order/status"
WINDOWS = range(3, 6)  # buy, already in, sell


class FaultyRoad(ThreadingHTTPServer):
    """Stands between trader and venue; `faults` are (path, fault), each used once, in order."""

    daemon_threads = True

    def __init__(self, venue_port: int) -> None:
        super().__init__(("127.0.0.1", 0), _Road)
        self.venue_port = venue_port
        self.faults: list[tuple[str, str]] = []
        self.held = threading.Event()
        self.seen: list[str] = []


class _Road(BaseHTTPRequestHandler):
    server: FaultyRoad

    def do_GET(self) -> None:
        url = f"http://127.0.0.1:{self.server.venue_port}{self.path}"
        with urllib.request.urlopen(url, timeout=10) as reply:
            self._answer(str(reply.status), reply.read())

    def do_POST(self) -> None:
        self.server.seen.append(self.path)
        fault = ""
        if self.server.faults and self.server.faults[0][0] == self.path:
            fault = self.server.faults.pop(0)[1]
        if fault.startswith("not made"):
            return self._answer(fault, b"<html>trouble</html>")
        link = http.client.HTTPConnection("127.0.0.1", self.server.venue_port, timeout=10)
        headers = {k: v for k, v in self.headers.items() if k.upper().startswith("X-GEMINI")}
        link.request("POST", self.path, body=b"", headers=headers)
        reply = link.getresponse()
        body = reply.read()
        if fault == "held":
            self.server.held.set()
            time.sleep(5)
        if fault:
            return self._answer(fault, b"not a json")
        self._send(reply.status, body)

    def _answer(self, fault: str, body: bytes) -> None:
        status = fault.rpartition(" ")[2]
        if status.isdigit():
            self._send(int(status), body)
        self.close_connection = True

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        return


@pytest.fixture
def road(tmp_path: Path) -> Iterator[FaultyRoad]:
    """A fresh simulated venue with an account of 10,000 USD behind a road that can fail."""
    (port,) = free_ports(1)
    env = {
        "TICKHOUSE_VAR": str(tmp_path / "sim"),
        "TICKHOUSE_PORTS_SIMULATOR": str(port),
        "TICKHOUSE_VENUES_GEMINI_KEY": KEY,
        "TICKHOUSE_VENUES_GEMINI_SECRET": SECRET,
        "TICKHOUSE_SIMULATOR_HISTORY_DAYS": "1",
    }
    with running([sys.executable, "-m", "streaming.simulator"], log=tmp_path / "sim.log", env=env):
        eventually(lambda: _healthy(port), what="the simulator answers")
        server = FaultyRoad(port)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()
        server.server_close()


def _healthy(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2) as reply:
            return bool(reply.status == 200)
    except OSError:
        return False


@pytest.fixture
def world(
    kafka_broker: str, postgres_dsn: dict[str, Any], road: FaultyRoad, tmp_path: Path
) -> World:
    """Tops far around the simulated price, so that an order's limit is always met."""
    found = make_world(
        kafka_broker,
        postgres_dsn,
        tmp_path,
        TRADER_BROKER="gemini",
        VENUES_GEMINI_KEY=KEY,
        VENUES_GEMINI_SECRET=SECRET,
        VENUES_GEMINI_ORDERS=f"http://127.0.0.1:{road.server_port}",
    )
    return replace(found, spread=(D(0), D(200_000)))


def venue(road: FaultyRoad) -> GeminiRest:
    """The venue itself, asked past the road."""
    return GeminiRest(
        f"http://127.0.0.1:{road.venue_port}",
        key=Secret(KEY),
        secret=Secret(SECRET),
        next_nonce=lambda: time.time_ns() // 1000,
    )


def assert_agreement(world: World, road: FaultyRoad, *, placed: int) -> None:
    """The venue has what the journal has: orders by client id, executions, balances."""
    rest = venue(road)
    orders = world.rows("SELECT order_id, side, executed, status FROM orders")
    trades = rest.call("/v1/mytrades", symbol="btcusd")
    assert {one["client_order_id"] for one in trades} == {o[0] for o in orders if o[2]}
    for order_id, side, executed, status in orders:
        try:
            (at_venue,) = rest.call(STATUS, client_order_id=order_id)
        except OrderRefused:
            assert (executed, status) == (0, "cancelled")
            continue
        assert (at_venue["side"], D(at_venue["executed_amount"])) == (side, executed)
        assert executed > 0
    assert sum(1 for one in orders if one[2]) == placed
    fills = world.rows("SELECT fill_id FROM fills")
    assert sorted(fills) == sorted((str(one["tid"]),) for one in trades)
    held = dict(world.rows("SELECT currency, amount FROM balances"))
    truth = {one["currency"]: D(one["amount"]) for one in rest.call("/v1/balances")}
    assert held["BTC"] == truth["BTC"]
    assert abs(held["USD"] - truth["USD"]) < D("0.0000001")
    for kind in ("decision", "order", "fill"):
        ids = [getattr(one, f"{kind}_id") for one in world.told(kind)]
        assert len(ids) == len(set(ids))
        assert sorted(ids) == sorted(r[0] for r in world.rows(f"SELECT {kind}_id FROM {kind}s"))
    assert SECRET not in world.log.read_text()
    assert KEY not in world.log.read_text()


def test_a_round_trip_at_the_venue(world: World, road: FaultyRoad) -> None:
    world.produce(WINDOWS)
    with world.trader():
        world.until_decided(3)
    assert [one.reasons for one in world.told("decision")] == ["buy", "already_in", "sell"]
    assert_agreement(world, road, placed=2)
    assert world.rows("SELECT amount FROM balances WHERE currency = 'BTC'") == [(D(0),)]


@pytest.mark.parametrize(
    ("point", "count", "placed"),
    [
        ("before intent", "1", 2),
        ("after intent", "1", 2),
        ("before commit", "3", 2),
        ("after commit", "3", 2),
        ("before commit", "6", 2),
    ],
)
def test_a_kill_loses_and_doubles_no_order(
    world: World, road: FaultyRoad, point: str, count: str, placed: int
) -> None:
    world.produce(WINDOWS)
    with world.trader(point, count) as process:
        assert process.wait(30) == -signal.SIGKILL
    with world.trader():
        world.until_decided(3)
    assert_agreement(world, road, placed=placed)


def test_a_kill_between_sending_and_the_answer(world: World, road: FaultyRoad) -> None:
    road.faults = [(NEW, "held")]
    world.produce(WINDOWS)
    with world.trader() as process:
        assert road.held.wait(30)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    with world.trader():
        world.until_decided(3)
    assert road.seen.count(NEW) == 2
    assert_agreement(world, road, placed=2)


@pytest.mark.parametrize(
    ("faults", "tries"),
    [
        ([(NEW, "made, reply lost")], 2),
        ([(NEW, "made, then 500")], 2),
        ([(NEW, "made, junk 200"), (STATUS, "not made 502"), (STATUS, "not made")], 2),
        ([(NEW, "not made")], 3),
        ([(NEW, "not made 429")], 3),
        ([(NEW, "not made 503"), (STATUS, "not made 500")], 3),
    ],
)
def test_an_unknown_outcome_is_found_out(
    world: World, road: FaultyRoad, faults: list[tuple[str, str]], tries: int
) -> None:
    road.faults = list(faults)
    world.produce(WINDOWS)
    with world.trader():
        world.until_decided(3)
    assert not road.faults
    assert road.seen.count(NEW) == tries
    assert_agreement(world, road, placed=2)


def test_a_trader_whose_position_is_not_the_venues_refuses_to_trade(
    world: World, road: FaultyRoad
) -> None:
    world.produce(range(3, 4))
    with world.trader():
        world.until_decided(1)
    venue(road).call(
        NEW,
        symbol="btcusd",
        amount="0.001",
        price="1.00",
        side="sell",
        type="exchange limit",
        options=["immediate-or-cancel"],
    )
    with world.trader() as process:
        assert process.wait(30) != 0
    assert "position_differs" in world.log.read_text()


def test_nonces_rise_over_restarts_and_clock_steps(world: World) -> None:
    told = []
    for clock in (1000, 1000, 5, 2000):
        journal = Journal(world.settings.dsn())
        told += [journal.next_nonce(clock), journal.next_nonce(clock)]
        journal.close()
    assert told == [1000, 1001, 1002, 1003, 1004, 1005, 2000, 2001]
