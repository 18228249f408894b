"""Postgres is filled from the lake again, and made to equal it."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from include.lake.audit.agreement import check_agreement
from include.lake.audit.landed_minutes import COMPARED
from include.serving.connection import fetch_rows, transaction
from include.serving.rebuild import fill_empty, rebuild
from include.serving.trade_minutes import refresh, served_minutes
from include.settings import Settings
from tests.support.lake_of_rows import at, put
from tests.support.landed_rows import AT, land, trade

TABLES = "signals, feed_health, decisions, orders, fills, balances, scores, outbox"
MINUTES = "trade_minutes, reader_offsets"


@pytest.fixture
def world(service_settings: Settings, postgres_dsn: Any) -> Settings:
    execute(service_settings, f"TRUNCATE {TABLES}, {MINUTES}")
    lake = service_settings.lake
    old, new = at("10:00:00", day=1), at("10:00:00")
    signal = {"venue": "gemini", "symbol": "BTC-USD", "type": "price_volume", "value": 2}
    put(lake, "signals", [signal | {"window_start": old, "timestamp": old}], mode="overwrite")
    put(lake, "signals", [signal | {"window_start": new, "timestamp": new}])
    put(
        lake,
        "feed_ledger",
        [
            {"venue": "gemini", "entry": "connect", "cause": "start", "received_time": old},
            {"venue": "gemini", "entry": "gap", "cause": "missing", "received_time": new},
        ],
        mode="overwrite",
    )
    order = {"order_id": "o1", "decision_id": "d1", "status": "intended", "received_time": old}
    filled = order | {"status": "filled", "received_time": new}
    put(lake, "orders", [order, filled], mode="overwrite")
    put(lake, "decisions", [{"decision_id": "d1", "action": "buy"}], mode="overwrite")
    return service_settings


def execute(settings: Settings, statement: str) -> None:
    with transaction(settings.dsn()) as connection, connection.cursor() as cursor:
        cursor.execute(statement)


def rows(settings: Settings, columns: str) -> list[tuple[Any, ...]]:
    table = columns.rpartition(" FROM ")[2]
    statement = f"SELECT {columns} ORDER BY 1"
    assert table
    return [tuple(row.values()) for row in fetch_rows(settings.dsn(), statement)]


def test_a_database_that_lost_its_rows_gets_the_lakes(world: Settings) -> None:
    filled = fill_empty(world.dsn(), world.lake, keep_days=10)
    assert filled == {"signals": 1, "feed_health": 1, "decisions": 1, "orders": 1}
    assert rows(world, "window_start FROM signals") == [(at("10:00:00"),)]
    assert rows(world, "venue, state, cause FROM feed_health") == [("gemini", "gap", "missing")]
    assert rows(world, "order_id, status FROM orders") == [("o1", "filled")]
    assert fill_empty(world.dsn(), world.lake, keep_days=10) == {}


def test_a_signal_of_2099_makes_no_other_one_old(world: Settings) -> None:
    future = at("10:00:00").replace(year=2099)
    key = {"venue": "gemini", "symbol": "BTC-USD", "type": "price_volume"}
    put(world.lake, "signals", [key | {"window_start": future, "timestamp": future, "value": 3}])
    rebuild(world.dsn(), world.lake, keep_days=10)
    assert rows(world, "window_start FROM signals") == [(at("10:00:00"),), (future,)]


def test_a_table_with_rows_is_left_by_up(world: Settings) -> None:
    fill_empty(world.dsn(), world.lake, keep_days=10)
    execute(world, "UPDATE orders SET status = 'changed'")
    assert fill_empty(world.dsn(), world.lake, keep_days=10) == {}
    assert rows(world, "status FROM orders") == [("changed",)]


def test_doctor_makes_changed_rows_equal_the_lake(world: Settings) -> None:
    fill_empty(world.dsn(), world.lake, keep_days=10)
    execute(world, "UPDATE orders SET status = 'changed'; UPDATE signals SET value = 9")
    execute(world, "DELETE FROM decisions; UPDATE feed_health SET state = 'live'")
    rebuild(world.dsn(), world.lake, keep_days=10)
    assert rows(world, "status FROM orders") == [("filled",)]
    assert rows(world, "value FROM signals") == [(2,)]
    assert rows(world, "decision_id FROM decisions") == [("d1",)]
    assert rows(world, "state FROM feed_health") == [("gap",)]


def test_what_the_trader_has_yet_to_deliver_stays(world: Settings) -> None:
    fill_empty(world.dsn(), world.lake, keep_days=10)
    execute(world, "UPDATE orders SET status = 'newer'")
    value = '{"events": [{"type": "order", "order_id": "o1", "status": "newer"}]}'
    execute(
        world, f"INSERT INTO outbox (topic, key, value) VALUES ('trading.orders', 'k', '{value}')"
    )
    rebuild(world.dsn(), world.lake, keep_days=10)
    assert rows(world, "status FROM orders") == [("newer",)]


def test_minutes_that_differ_are_counted_again_and_others_stay(world: Settings) -> None:
    land(
        Path(world.lake),
        "trades",
        [trade(0, "1", "buy", "10", "1"), trade(1, "2", "buy", "20", "1", s=60)],
    )
    refresh(world, now=AT + timedelta(hours=1))
    rebuild(world.dsn(), world.lake, keep_days=10)
    assert served_minutes(world.dsn(), COMPARED)[1].num_rows >= 2
    execute(world, "UPDATE trade_minutes SET total_count_buy = 77")
    rebuild(world.dsn(), world.lake, keep_days=10)
    offsets, served = served_minutes(world.dsn(), COMPARED)
    assert (offsets, served.num_rows) == ({}, 0)
    refresh(world, now=AT + timedelta(hours=1))
    offsets, served = served_minutes(world.dsn(), COMPARED)
    assert check_agreement(world.lake, offsets=offsets, served=served).ok
