"""The dashboard's process: it starts without Kafka and Postgres, finds them, and ends in time."""

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from bokeh.util.token import generate_jwt_token, generate_session_id

from bench.page_viewers import open_viewers
from include.bus import Producer, ensure_topics
from include.errors import Unreachable
from include.lake.tables import SIGNALS, TRADE_MINUTES
from include.market.events import Message, Trade
from include.serving.read_only_query import query_read_only
from include.serving.tables import create_tables, upsert
from include.settings import Settings
from streaming.dashboard.minute_flows import TradeFlow
from streaming.dashboard.panels import PANELS
from streaming.dashboard.sources.kafka import follow_kafka
from streaming.dashboard.sources.postgres import apply_answers
from streaming.dashboard.sources.postgres_queries import infrequent_queries
from streaming.dashboard.state import DashboardState
from streaming.dashboard.view import KEEP_S, Views
from tests.conftest import make_environment
from tests.support.services import eventually, free_ports, running

PROGRAM = [sys.executable, "-m", "streaming.dashboard"]


EVIL = "http://evil.test"


def handshake_status(port: int, origin: str) -> int:
    """The status that a websocket's handshake from a page of this origin gets."""
    token = generate_jwt_token(generate_session_id())
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request(
        "GET",
        "/ws",
        headers={
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Origin": origin,
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Protocol": f"bokeh, {token}",
        },
    )
    status = connection.getresponse().status
    connection.close()
    return status


def get(url: str) -> str:
    try:
        with urllib.request.urlopen(url, timeout=5) as reply:
            return str(reply.read().decode())
    except OSError:
        return ""


def test_it_serves_without_kafka_and_postgres_and_ends_within_five_seconds(tmp_path: Path) -> None:
    env = make_environment(tmp_path / "var")
    url = f"http://127.0.0.1:{env['TICKHOUSE_PORTS_DASHBOARD']}/"
    with running(PROGRAM, log=tmp_path / "log", env=env) as process:
        eventually(lambda: get(f"{url}healthz"), what="it serves")
        assert json.loads(get(f"{url}healthz")) == {"ok": True}
        page = get(url)
        assert "<title>Tickhouse</title>" in page
        sources = [part.split('"')[0] for part in page.split('src="')[1:]]
        assert sources and all(src.startswith("/static/js/bokeh") for src in sources), "no CDN"
        log = tmp_path / "log"
        eventually(lambda: "postgres is unreachable" in log.read_text(), what="it says so")
        began = time.monotonic()
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(10) == 0
        assert time.monotonic() - began < 5
    assert f"dashboard serves port={env['TICKHOUSE_PORTS_DASHBOARD']}" in log.read_text()


def test_viewers_without_a_browser_get_the_pages_changes(tmp_path: Path) -> None:
    (metrics,) = free_ports(1)
    env = make_environment(tmp_path / "var") | {"TICKHOUSE_METRICS_DASHBOARD": str(metrics)}
    url = f"http://127.0.0.1:{env['TICKHOUSE_PORTS_DASHBOARD']}/"
    with pytest.raises(Unreachable, match="cannot be opened"), open_viewers(url, 1):
        pass
    with running(PROGRAM, log=tmp_path / "log", env=env):
        eventually(lambda: get(f"{url}healthz"), what="it serves")
        with open_viewers(url, 3) as pages:
            eventually(lambda: min(page.updates for page in pages) > 2, what="all see changes")
            assert metric_of(env, "tickhouse_dashboard_viewers") == 3
        assert min(page.received_bytes for page in pages) > 10_000, "the whole page came first"


def metric_of(env: dict[str, str], name: str) -> float:
    lines = get(f"http://127.0.0.1:{env['TICKHOUSE_METRICS_DASHBOARD']}/metrics").splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(f"{name} "))


def test_a_taken_port_is_one_sentence(tmp_path: Path) -> None:
    env = make_environment(tmp_path / "var")
    with running(PROGRAM, log=tmp_path / "log", env=env):
        url = f"http://127.0.0.1:{env['TICKHOUSE_PORTS_DASHBOARD']}/healthz"
        eventually(lambda: get(url), what="the first serves")
        second = subprocess.run(
            PROGRAM, env=os.environ | env, capture_output=True, text=True, timeout=60, check=False
        )
    assert second.returncode == 1
    assert "cannot be served" in second.stderr and "Traceback" not in second.stderr


def test_a_page_of_another_address_is_refused_its_socket(tmp_path: Path) -> None:
    env = make_environment(tmp_path / "var")
    port = env["TICKHOUSE_PORTS_DASHBOARD"]
    with running(PROGRAM, log=tmp_path / "log", env=env):
        eventually(lambda: get(f"http://127.0.0.1:{port}/healthz"), what="it serves")
        own = [f"http://127.0.0.1:{port}", f"http://localhost:{port}"]
        codes = {origin: handshake_status(int(port), origin) for origin in (*own, EVIL)}
        assert codes == {own[0]: 101, own[1]: 101, EVIL: 403}


def test_a_table_that_is_not_there_has_no_entry(postgres_dsn: dict[str, Any]) -> None:
    queries = {"none": ("SELECT 1 FROM trade_hours", ()), "one": ("SELECT %s AS number", (7,))}
    assert query_read_only(postgres_dsn, queries, timeout_s=2) == {"one": [{"number": 7}]}


def test_a_slow_query_is_given_up_and_nothing_can_be_written(postgres_dsn: dict[str, Any]) -> None:
    began = time.monotonic()
    with pytest.raises(Unreachable, match="timeout"):
        query_read_only(postgres_dsn, {"slow": ("SELECT pg_sleep(30)", ())}, timeout_s=0.5)
    assert time.monotonic() - began < 5
    with pytest.raises(psycopg2.errors.ReadOnlySqlTransaction):
        query_read_only(postgres_dsn, {"bad": ("CREATE TABLE x (a int)", ())}, timeout_s=2)


def test_the_reader_waits_for_the_broker_and_fills_the_past(
    service_settings: Settings, kafka_broker: str
) -> None:
    ensure_topics(kafka_broker)
    producer = Producer(kafka_broker, client_id="t")
    for number in range(50):
        at = 1_700_000_000 + number
        producer.publish(
            Message(
                venue="bitstamp",
                symbol="LTC-USD",
                kind="trade",
                conn="c",
                seq=None,
                venue_time=at * 1_000_000,
                received_time=at * 1_000_000,
                events=(
                    Trade(str(number), Decimal(number + 1), Decimal(1), "buy", at * 1_000_000),
                ),
            )
        )
    producer.close()
    state, stop = DashboardState(KEEP_S), threading.Event()
    thread = threading.Thread(target=follow_kafka, args=(kafka_broker, state, stop, 20))
    thread.start()
    try:
        series = state.series_of("bitstamp", "LTC-USD")
        eventually(lambda: series.price == 50.0, what="the last trade is read")
        assert [price for _, price in series.prices.select(0, 2**40)] == [
            float(price) for price in range(31, 51)
        ], "the twenty records before the end, no more"
        assert Views(service_settings, state, PANELS).symbols() == ["BTC-USD", "LTC-USD"]
    finally:
        stop.set()
        thread.join(20)
    assert not thread.is_alive()


def polled(dsn: dict[str, Any], clock_us: int) -> DashboardState:
    """The state after one poll of what changes by the minute."""
    queries = infrequent_queries(clock_us=clock_us, keep_s=7200)
    state = DashboardState(7200)
    apply_answers(
        state, query_read_only(dsn, queries, timeout_s=5), seen_s=time.time(), window_s=60
    )
    return state


def test_the_minutes_of_postgres_reach_the_panel(postgres_dsn: dict[str, Any]) -> None:
    create_tables(postgres_dsn)
    minute = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
    row = (
        dict.fromkeys(("open", "high", "low", "close", "vwap"), 10)
        | {
            "venue": "gemini",
            "symbol": "BTC-USD",
            "minute": minute,
            "complete": None,
            "total_count_buy": 3,
            "total_count_sell": 1,
            "total_base_buy": Decimal("1.5"),
            "total_base_sell": Decimal("0.25"),
            "total_quote_buy": 15,
            "total_quote_sell": 2,
        }
        | dict.fromkeys(("liquidation_count", "liquidated_base_buy", "liquidated_base_sell"), 0)
    )
    upsert(postgres_dsn, TRADE_MINUTES, [row, row | {"minute": minute - timedelta(hours=3)}])
    clock_us = int(minute.timestamp() + 90) * 1_000_000
    state = polled(postgres_dsn, clock_us)
    assert list(state.series) == [("gemini", "BTC-USD")]
    assert state.series["gemini", "BTC-USD"].minutes.flows == {
        int(minute.timestamp()) // 60: TradeFlow(
            3, 1, Decimal("1.5"), Decimal("0.25"), Decimal(15), Decimal(2)
        )
    }


def test_the_ratios_of_before_the_start_come_from_postgres(postgres_dsn: dict[str, Any]) -> None:
    create_tables(postgres_dsn)
    start = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
    end = start + timedelta(minutes=1)
    row = {
        "venue": "gemini",
        "symbol": "BTC-USD",
        "type": "price_volume",
        "window_start": start,
        "timestamp": end,
        "value": Decimal("1.25"),
    }
    upsert(
        postgres_dsn,
        SIGNALS,
        [
            row,
            row | {"type": "bid"},
            row
            | {
                "window_start": start - timedelta(hours=3),
                "timestamp": end - timedelta(hours=3),
            },
        ],
    )
    clock_us = int(end.timestamp() + 30) * 1_000_000
    series = polled(postgres_dsn, clock_us).series["gemini", "BTC-USD"]
    assert series.ratios.select(0, 2**40) == [(int(end.timestamp()), 1.25)]
