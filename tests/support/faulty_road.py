"""The simulated Gemini behind a road that can fail, and a trader's world that orders there."""

import http.client
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
