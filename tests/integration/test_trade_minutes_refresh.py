"""Postgres has the open minute, Delta the closed ones; killed between the two, both end equal."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from include.lake.audit.agreement import check_agreement, check_closed_minutes
from include.lake.audit.landed_minutes import COMPARED
from include.lake.closed_minutes import closed_until
from include.lake.columns import Table
from include.lake.reading import query
from include.lake.tables import TRADE_MINUTES
from include.serving import trade_minutes
from include.serving.connection import fetch_rows, transaction
from include.serving.retention import prune
from include.serving.tables import SERVED, upsert
from include.serving.trade_minutes import refresh, restate, served_minutes
from include.settings import Settings
from tests.support.landed_rows import AT, land, trade
from tests.support.minute_rows import minute_rows
from tests.support.postgres import fetch_tuples

MINUTE = timedelta(minutes=1)
ROW = minute_rows([0]).to_pylist()[0]
COUNTS = "SELECT minute, total_count_buy FROM trade_minutes ORDER BY minute"


@pytest.fixture
def world(service_settings: Settings, postgres_dsn: Any) -> Settings:
    for table in ("trade_minutes", "reader_offsets"):
        with transaction(postgres_dsn) as connection, connection.cursor() as cursor:
            cursor.execute(f"TRUNCATE {table}")
    return service_settings


def in_delta(world: Settings) -> list[tuple[Any, ...]]:
    return query(world.lake, COUNTS, all_tables=True)[1]


def in_postgres(world: Settings) -> list[tuple[Any, ...]]:
    return fetch_tuples(world.dsn(), COUNTS)


def assert_agreement(world: Settings) -> None:
    offsets, minutes = served_minutes(world.dsn(), COMPARED)
    for check in (
        check_agreement(world.lake, offsets=offsets, served=minutes),
        check_closed_minutes(world.lake, partition_count=1),
    ):
        assert check.ok, check


def test_delta_gets_a_minute_when_it_is_closed(
    world: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = Path(world.lake)
    land(lake, "trades", [trade(0, "1", "buy", "10", "1"), trade(1, "2", "buy", "10", "1", s=61)])
    assert refresh(world, now=AT + timedelta(seconds=62)) == 2
    assert (in_postgres(world), in_delta(world)) == ([(AT, 1), (AT + MINUTE, 1)], [])
    refresh(world, now=AT + timedelta(seconds=75))  # no trade, but the first minute is closed
    assert in_delta(world) == [(AT, 1)]
    assert_agreement(world)
    version = query(world.lake, COUNTS)[1]
    land(lake, "trades", [trade(2, "3", "buy", "10", "1", s=65)])
    assert refresh(world, now=AT + timedelta(seconds=80)) == 1
    assert in_delta(world) == version
    assert restate(world, AT, AT + 5 * MINUTE) == 2
    assert in_delta(world) == version
    late = trade(3, "4", "buy", "10", "1", s=30)
    land(lake, "trades", [late])

    class Killed(BaseException):
        pass

    def die(*_: Any) -> None:
        raise Killed

    with monkeypatch.context() as patched:  # after Delta's commit, before that of Postgres
        merge = trade_minutes.merge_closed
        patched.setattr(trade_minutes, "merge_closed", lambda *a, **k: [merge(*a, **k), die()])
        with pytest.raises(Killed):
            refresh(world, now=AT + timedelta(seconds=140))
    assert in_delta(world) == [(AT, 2), (AT + MINUTE, 2)]
    assert in_postgres(world) == [(AT, 1), (AT + MINUTE, 2)]
    assert_agreement(world)
    land(lake, "trades", [trade(4, "5", "buy", "10", "1", s=61)])
    refresh(world, now=AT + timedelta(seconds=150))
    assert in_delta(world) == in_postgres(world) == [(AT, 2), (AT + MINUTE, 3)]
    assert closed_until(world.lake) == AT + 2 * MINUTE
    assert_agreement(world)
    assert refresh(world, now=AT + timedelta(seconds=170)) == 0


def test_a_lost_delta_table_is_written_again_from_postgres(world: Settings) -> None:
    land(Path(world.lake), "trades", [trade(9, "9", "buy", "10", "1", s=3600)])
    refresh(world, now=AT + 70 * MINUTE)
    before = in_delta(world)
    assert len(before) >= 1
    folder = Path(world.lake, "trade_minutes")
    folder.rename(folder.with_name("lost"))
    refresh(world, now=AT + 71 * MINUTE)
    assert in_delta(world) == before == in_postgres(world)
    assert_agreement(world)


def test_old_minutes_leave_postgres_some_at_a_time(world: Settings) -> None:
    days = [{**ROW, "minute": AT + timedelta(days=number)} for number in range(7)]
    upsert(world.dsn(), TRADE_MINUTES, days)
    tables = ("trade_minutes", "signals", "decisions", "contract_minutes", "auctions")
    none = dict.fromkeys(tables, 0)
    assert prune(world.dsn(), keep_days=2, rows_a_delete=3) == none | {"trade_minutes": 4}
    assert [minute for minute, _ in in_postgres(world)] == [row["minute"] for row in days[4:]]
    assert prune(world.dsn(), keep_days=2) == none
    upsert(world.dsn(), TRADE_MINUTES, [{**ROW, "minute": AT.replace(year=2099)}])
    assert prune(world.dsn(), keep_days=2) == none  # it makes no other one old


def test_old_decisions_leave_postgres_with_their_orders_fills_and_scores(world: Settings) -> None:
    names = ("decisions", "orders", "fills", "scores")
    with transaction(world.dsn()) as connection, connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {', '.join(names)}")
    for day in range(5):
        rows = {
            "decisions": {"decision_id": f"d{day}", "window_start": AT + timedelta(days=day)},
            "orders": {"decision_id": f"d{day}", "order_id": f"o{day}"},
            "fills": {"order_id": f"o{day}", "fill_id": f"f{day}"},
            "scores": {"order_id": f"o{day}", "buy_order_id": f"o{day}"},
        }
        for name in names:
            upsert(world.dsn(), SERVED[name], [plain_row(SERVED[name]) | rows[name]])
    assert prune(world.dsn(), keep_days=1, rows_a_delete=2)["decisions"] == 3
    kept = {name: fetch_rows(world.dsn(), f"SELECT * FROM {name}") for name in names}
    assert {row["decision_id"] for row in kept["decisions"]} == {"d3", "d4"}
    assert {row["order_id"] for row in kept["orders"]} == {"o3", "o4"}
    assert {row["fill_id"] for row in kept["fills"]} == {"f3", "f4"}
    assert {row["order_id"] for row in kept["scores"]} == {"o3", "o4"}


def plain_row(table: Table) -> dict[str, Any]:
    plain = {"string": "", "timestamp": AT, "boolean": True}
    return {column.name: plain.get(column.type, 1) for column in table.columns}
