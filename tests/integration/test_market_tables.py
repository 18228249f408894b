"""Postgres' contracts and auctions are the lake's, version by version, compacted or not."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from deltalake import DeltaTable

from include.clock import utc_now
from include.lake.floors import Floor, write_floors
from include.market.wire import Topic, TopicPartition
from include.serving.audited_market import check_market_tables
from include.serving.audited_signals import audit_signals
from include.serving.connection import transaction
from include.serving.market_rows import serve_market_tables
from include.serving.rebuild import fill_empty, rebuild
from include.serving.retention import prune
from include.serving.signals import serve_signals
from include.settings import Settings
from tests.support.lake_of_rows import at, put
from tests.support.postgres import fetch_tuples

PERPETUAL = {"venue": "deribit", "symbol": "BTC-PERPETUAL"}
GEMINI = {"venue": "gemini", "symbol": "BTC-USD"}
ROWS = "SELECT symbol, minute, mark_price, funding_8h, open_interest FROM contract_minutes"


def contract(clock: str, mark: int, **values: Any) -> dict[str, Any]:
    landed_at = at(clock)
    return PERPETUAL | {
        "venue_time": landed_at,
        "received_time": landed_at,
        "mark_price": Decimal(mark),
        **{name: Decimal(value) for name, value in values.items()},
    }


@pytest.fixture
def world(service_settings: Settings, postgres_dsn: Any) -> Settings:
    tables = "contract_minutes, auctions, signals, trade_minutes, decisions, reader_offsets"
    execute(service_settings, f"TRUNCATE {tables}")
    rows = [
        contract("10:00:01", 100, funding_8h="0.01", open_interest=7),
        contract("10:00:09", 101),
        GEMINI | {"received_time": at("10:00:10"), "last": Decimal(5)},
    ]
    put(service_settings.lake, "tickers", rows, mode="overwrite")
    auction = GEMINI | {"published_at": at("10:00"), "received_time": at("10:00:01")}
    events = [
        auction | {"phase": "result", "price": Decimal(99), "quantity": Decimal(2)},
        auction | {"phase": "result", "price": Decimal(99), "quantity": Decimal(2)},
        auction | {"phase": "indicative", "price": Decimal(98)},
        auction | {"phase": "", "event_index": -1},
    ]
    put(service_settings.lake, "auctions", events, mode="overwrite")
    return service_settings


def execute(settings: Settings, statement: str) -> None:
    with transaction(settings.dsn()) as connection, connection.cursor() as cursor:
        cursor.execute(statement)


def serve(settings: Settings) -> dict[str, int]:
    return serve_market_tables(settings.dsn(), settings.lake, keep_days=10)


def marks(settings: Settings) -> list[tuple[Any, ...]]:
    return fetch_tuples(
        settings.dsn(), "SELECT minute, mark_price FROM contract_minutes ORDER BY minute"
    )


def test_a_minute_has_the_last_value_of_each_column_and_an_auction_each_event_once(
    world: Settings,
) -> None:
    assert serve(world) == {"contract_minutes": 1, "auctions": 2}
    (row,) = fetch_tuples(world.dsn(), ROWS)
    assert row == ("BTC-PERPETUAL", at("10:00"), Decimal(101), Decimal("0.01"), Decimal(7))
    auctions = fetch_tuples(world.dsn(), "SELECT phase, price, quantity FROM auctions ORDER BY 1")
    assert auctions == [("indicative", Decimal(98), None), ("result", Decimal(99), Decimal(2))]
    assert serve(world) == {"contract_minutes": 0, "auctions": 0}


def test_a_minute_that_lands_in_two_versions_is_that_of_all_its_rows(world: Settings) -> None:
    serve(world)
    put(world.lake, "tickers", [contract("10:00:30", 102), contract("10:01:00", 103)])
    put(world.lake, "tickers", [contract("10:00:20", 90)])  # landed late: it is not the last
    assert serve(world)["contract_minutes"] == 2
    assert marks(world) == [(at("10:00"), Decimal(102)), (at("10:01"), Decimal(103))]
    (row,) = fetch_tuples(world.dsn(), f"{ROWS} WHERE minute = '{at('10:00')}'")
    assert row[3:] == (Decimal("0.01"), Decimal(7))


def test_rows_that_a_compaction_joined_before_they_were_served_are_served(world: Settings) -> None:
    signal = GEMINI | {"type": "price_volume", "value": Decimal(2)}
    times = [{"window_start": at(clock), "timestamp": at(clock)} for clock in ("9:00", "9:01")]
    put(world.lake, "signals", [signal | times[0]], mode="overwrite")
    serve(world)
    serve_signals(world.dsn(), world.lake, keep_days=10)
    put(world.lake, "tickers", [contract("10:01:00", 103)])
    put(world.lake, "signals", [signal | times[1]])
    for name in ("tickers", "signals"):
        DeltaTable(f"{world.lake}/{name}").optimize.compact()
    serve(world)
    serve_signals(world.dsn(), world.lake, keep_days=10)
    assert marks(world) == [(at("10:00"), Decimal(101)), (at("10:01"), Decimal(103))]
    assert audit_signals(world.dsn(), world.lake, keep_days=10).detail.startswith("2 signals are")


def test_an_auction_that_lands_again_later_is_what_was_said_last(world: Settings) -> None:
    """Requeued records have older offsets than what has landed meanwhile."""
    result = GEMINI | {"published_at": at("10:10"), "phase": "result"}
    put(world.lake, "auctions", [result | {"offset": 9, "price": Decimal(50)}])
    serve(world)
    put(world.lake, "auctions", [result | {"offset": 8, "price": Decimal(40)}])
    assert serve(world)["auctions"] == 1
    prices = fetch_tuples(
        world.dsn(), f"SELECT price FROM auctions WHERE published_at > '{at('10:00')}'"
    )
    assert prices == [(Decimal(50),)]


AGREED = {
    "I3 contract_minutes": "3 contract_minutes are the same in Postgres and Delta",
    "I3 auctions": "2 auctions are the same in Postgres and Delta",
}
ALTERED = [
    ("DELETE FROM contract_minutes WHERE minute = '{t}'", "10:00 is only in Delta"),
    ("UPDATE contract_minutes SET funding_8h = 1 WHERE minute = '{t}'", "10:00: funding_8h 1."),
    (
        "INSERT INTO contract_minutes (venue, symbol, minute) VALUES ('deribit', 'X', '{t}')",
        "deribit X 2026-11-20 10:00 is only in Postgres",
    ),
    ("TRUNCATE contract_minutes", "4 contract_minutes differ"),
    ("DELETE FROM auctions WHERE phase = 'result'", "10:00 result is only in Delta"),
    ("UPDATE auctions SET price = NULL WHERE phase = 'result'", "result: price None in Postgres"),
    (
        "INSERT INTO auctions (venue, symbol, published_at, phase) VALUES ('', '', '{t}', 'open')",
        "2026-11-20 10:00 open is only in Postgres",
    ),
]


def audit_served(settings: Settings) -> dict[str, str]:
    checks = check_market_tables(settings.dsn(), settings.lake, keep_days=10)
    return {check.name: check.detail for check in checks}


def test_the_audit_names_each_row_in_which_postgres_and_delta_differ(world: Settings) -> None:
    assert {*audit_served(world).values()} == {
        "0 contract_minutes are the same in Postgres and Delta",
        "0 auctions are the same in Postgres and Delta",
    }
    put(world.lake, "tickers", [contract("10:01:00", 102), contract("10:02:59", 103)])
    serve(world)
    assert audit_served(world) == AGREED
    put(world.lake, "tickers", [contract("10:02:59.5", 104), contract("10:03:00", 105)])
    assert audit_served(world) == AGREED  # what landed since will be served in its turn
    for statement, fault in ALTERED:
        execute(world, statement.format(t=at("10:00")))
        details = audit_served(world)
        assert [*details.values()] != [*AGREED.values()], statement
        assert any(fault in detail for detail in details.values()), (statement, details)
        rebuild(world.dsn(), world.lake, keep_days=10)
        assert "4 contract_minutes are the same" in audit_served(world)["I3 contract_minutes"]
        assert audit_served(world)["I3 auctions"] == AGREED["I3 auctions"]


def test_the_audit_leaves_out_what_retention_let_go_and_versions_that_are_gone(
    world: Settings,
) -> None:
    put(world.lake, "tickers", [contract("10:02:00", 103)])
    serve(world)
    DeltaTable(f"{world.lake}/tickers").optimize.compact()
    DeltaTable(f"{world.lake}/tickers").vacuum(0, dry_run=False, enforce_retention_duration=False)
    assert audit_served(world)["I3 contract_minutes"].startswith("2 contract_minutes are the same")
    part = TopicPartition(Topic.TICKERS, 0)
    floor = Floor(part, 2, at("10:01:30"), 2, at("12:00"))
    write_floors(world.lake, [floor])
    execute(world, "DELETE FROM contract_minutes WHERE minute < '2026-11-20 10:01Z'")
    assert audit_served(world)["I3 contract_minutes"].startswith("1 contract_minutes are the same")


def test_up_and_doctor_bring_back_what_postgres_lost_or_changed(world: Settings) -> None:
    serve(world)
    execute(world, "TRUNCATE contract_minutes; UPDATE auctions SET price = 1")
    fill_empty(world.dsn(), world.lake, keep_days=10)
    assert serve(world) == {"contract_minutes": 1, "auctions": 0}
    rebuild(world.dsn(), world.lake, keep_days=10)
    prices = fetch_tuples(world.dsn(), "SELECT price FROM auctions WHERE phase = 'result'")
    assert prices == [(Decimal(99),)] and len(marks(world)) == 1


def test_old_rows_go_and_one_of_the_future_makes_no_other_one_old(world: Settings) -> None:
    serve(world)
    now, rows = utc_now(), dict[str, list[Any]]()
    for days in (-30, -1, 36_500):
        seen_at = now + timedelta(days=days)
        times = {"received_time": seen_at, "published_at": seen_at, "venue_time": seen_at}
        rows.setdefault("tickers", []).append(PERPETUAL | times | {"mark_price": Decimal(1)})
        rows.setdefault("auctions", []).append(GEMINI | times | {"phase": "open"})
    del rows["tickers"][-1]["published_at"]
    for name, of_table in rows.items():
        known = [{k: v for k, v in row.items() if k != "published_at"} for row in of_table]
        put(world.lake, name, of_table if name == "auctions" else known, mode="overwrite")
    execute(world, "TRUNCATE contract_minutes, auctions, reader_offsets")
    assert serve(world) == {"contract_minutes": 2, "auctions": 2}
    old = now - timedelta(days=30)
    execute(
        world,
        "INSERT INTO contract_minutes (venue, symbol, minute) VALUES"
        f" ('deribit', 'OLD', '{old}'); INSERT INTO auctions (venue, symbol, phase, published_at)"
        f" VALUES ('gemini', 'OLD', 'open', '{old}')",
    )
    pruned = prune(world.dsn(), keep_days=10)
    assert (pruned["contract_minutes"], pruned["auctions"]) == (1, 1)
    assert len(marks(world)) == 2
