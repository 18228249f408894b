"""Postgres takes the tables as they are defined; an upsert overwrites the row of the same key."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from include.errors import PlatformError
from include.lake.columns import Column
from include.lake.tables import MINUTE_TOTALS_COLUMNS
from include.serving.connection import fetch_rows, transaction
from include.serving.market_tables import CONTRACT_MINUTES
from include.serving.preparation import create_serving_database
from include.serving.retention import STATEMENTS, prune
from include.serving.tables import (
    POSTGRES_ONLY,
    SERVED,
    TRADER_STATE,
    create_tables,
    postgres_ddl,
    upsert,
)
from include.settings import Settings
from include.versions import SCHEMA
from tests.support.minute_rows import minute_rows
from tests.support.postgres import fetch_tuples


def test_the_tables_have_their_columns_in_order(postgres_dsn: dict[str, Any]) -> None:
    create_tables(postgres_dsn)
    create_tables(postgres_dsn)
    for table in (*SERVED.values(), *POSTGRES_ONLY):
        rows = fetch_rows(
            postgres_dsn,
            "SELECT column_name, is_nullable FROM information_schema.columns"
            " WHERE table_name = %s AND table_schema = 'public' ORDER BY ordinal_position",
            (table.name,),
        )
        nullable = {row["column_name"]: row["is_nullable"] == "YES" for row in rows}
        assert nullable == {
            column.name: not column.required and column.default is None for column in table.columns
        }


def test_one_more_column_is_made_and_written(postgres_dsn: dict[str, Any]) -> None:
    scores = SERVED["scores"]
    table = replace(
        scores, name="scores_more", columns=(*scores.columns, Column("won", "boolean", "a sale"))
    )
    with transaction(postgres_dsn) as connection, connection.cursor() as cursor:
        cursor.execute(postgres_ddl(table))
    row = dict.fromkeys(table.names, Decimal("1.5")) | {
        "order_id": "o",
        "buy_order_id": "b",
        "won": True,
        "account": "main",
    }
    upsert(postgres_dsn, table, [row])
    upsert(postgres_dsn, table, [row | {"won": None, "profit": Decimal(7)}])
    (stored,) = fetch_rows(postgres_dsn, "SELECT * FROM scores_more")
    assert stored == row | {"won": None, "profit": Decimal(7)}


def test_rows_of_an_upsert_come_all_or_none(postgres_dsn: dict[str, Any]) -> None:
    create_tables(postgres_dsn)
    rows = [{"name": "whole", "value": "1"}, {"name": "broken", "value": None}]
    with pytest.raises(Exception, match="null value"):
        upsert(postgres_dsn, TRADER_STATE, rows)
    upsert(postgres_dsn, TRADER_STATE, [])
    statement = "SELECT name FROM trader_state WHERE name IN ('whole', 'broken')"
    assert fetch_rows(postgres_dsn, statement) == []


def test_a_table_of_an_earlier_version_gets_the_columns_that_it_lacks(
    postgres_dsn: dict[str, Any],
) -> None:
    create_tables(postgres_dsn)
    with transaction(postgres_dsn) as connection, connection.cursor() as cursor:
        cursor.execute("ALTER TABLE orders DROP COLUMN ordered_at, DROP COLUMN average_price")
    create_tables(postgres_dsn)
    names = SERVED["orders"].names
    assert fetch_rows(postgres_dsn, f"SELECT {', '.join(names)} FROM orders") == []


def test_balances_of_before_there_were_accounts_are_of_the_main_one(
    postgres_dsn: dict[str, Any],
) -> None:
    create_tables(postgres_dsn)
    with transaction(postgres_dsn) as connection, connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM balances; ALTER TABLE balances DROP COLUMN account, ADD PRIMARY KEY"
            " (currency); INSERT INTO balances (currency, amount) VALUES ('USD', 7)"
        )
    create_tables(postgres_dsn)
    create_tables(postgres_dsn)
    row = {"currency": "USD", "order_id": None, "available": None}
    for account, amount in (("main", 8), ("eth", 9)):
        upsert(postgres_dsn, SERVED["balances"], [row | {"account": account, "amount": amount}])
    rows = fetch_tuples(postgres_dsn, "SELECT account, amount FROM balances ORDER BY account")
    assert rows == [("eth", Decimal(9)), ("main", Decimal(8))]


def test_old_rows_are_found_by_an_index_on_their_time(postgres_dsn: dict[str, Any]) -> None:
    with transaction(postgres_dsn) as connection, connection.cursor() as cursor:
        cursor.execute('DROP INDEX "contract_minutes_by_minute"')  # as an earlier version had it
    create_tables(postgres_dsn)
    rows = minute_rows(range(1500)).to_pylist()
    blank = dict.fromkeys(CONTRACT_MINUTES.names)
    keys = [{name: row[name] for name in CONTRACT_MINUTES.key} for row in rows]
    upsert(postgres_dsn, CONTRACT_MINUTES, [blank | key for key in keys])
    with transaction(postgres_dsn) as connection, connection.cursor() as cursor:
        cursor.execute("ANALYZE contract_minutes")
    statement = STATEMENTS["contract_minutes"].replace("%s", "interval '1 day'", 1) % 10_000
    plan = fetch_tuples(postgres_dsn, f"EXPLAIN {statement}")
    assert not any("Seq Scan" in line for (line,) in plan), plan
    assert prune(postgres_dsn, keep_days=1)["contract_minutes"] == 59 * 4


def test_tables_and_columns_have_the_comments_of_the_lake(postgres_dsn: dict[str, Any]) -> None:
    create_tables(postgres_dsn)
    (found,) = fetch_rows(
        postgres_dsn,
        "SELECT obj_description('trade_minutes'::regclass) AS of_table,"
        " col_description('trade_minutes'::regclass, 1) AS of_column",
    )
    minutes = SERVED["trade_minutes"]
    assert found == {"of_table": minutes.comment, "of_column": minutes.columns[0].comment}


def test_a_minutes_totals_have_the_names_of_the_fifth_system(postgres_dsn: dict[str, Any]) -> None:
    create_tables(postgres_dsn)
    minutes = SERVED["trade_minutes"]
    row = dict.fromkeys(minutes.names, Decimal(0)) | {
        "venue": "binance",
        "symbol": "BTC-USDT",
        "minute": datetime(2026, 11, 26, 8, 0, tzinfo=UTC),
        "total_count_buy": 3,
        "total_count_sell": 2,
        "total_base_buy": Decimal("0.5"),
        "total_quote_sell": Decimal("7.25"),
        "complete": True,
    }
    upsert(postgres_dsn, minutes, [row])
    (totals,) = fetch_rows(
        postgres_dsn, "SELECT * FROM minute_totals WHERE \"SYMBOL\" = 'BTC-USDT'"
    )
    with transaction(postgres_dsn) as connection, connection.cursor() as cursor:
        cursor.execute("DELETE FROM trade_minutes")
    assert list(totals) == list(MINUTE_TOTALS_COLUMNS)
    assert (totals["TIME"], totals["TOTAL_COUNT_BUY"]) == (row["minute"], 3)
    assert (totals["TOTAL_BTC_BUY"], totals["TOTAL_USD_SELL"]) == (Decimal("0.5"), Decimal("7.25"))


def test_a_database_of_a_newer_version_is_refused_and_left_alone(
    service_settings: Settings, postgres_dsn: dict[str, Any]
) -> None:
    create_serving_database(service_settings)
    assert fetch_rows(postgres_dsn, "SELECT version FROM schema_version") == [{"version": SCHEMA}]
    with transaction(postgres_dsn) as connection, connection.cursor() as cursor:
        cursor.execute("UPDATE schema_version SET version = %s", (SCHEMA + 1,))
    with pytest.raises(PlatformError, match=rf"has the schema {SCHEMA + 1}, and this program"):
        create_serving_database(service_settings)
    (row,) = fetch_rows(postgres_dsn, "SELECT version FROM schema_version")
    assert row == {"version": SCHEMA + 1}
    with transaction(postgres_dsn) as connection, connection.cursor() as cursor:
        cursor.execute("UPDATE schema_version SET version = 0")
    create_serving_database(service_settings)
    assert fetch_rows(postgres_dsn, "SELECT version FROM schema_version") == [{"version": SCHEMA}]


@pytest.mark.parametrize(("version", "readers"), [(2, {"other"}), (3, {"other", "trade_minutes"})])
def test_the_minutes_of_a_database_before_schema_3_are_counted_again(
    service_settings: Settings, postgres_dsn: dict[str, Any], version: int, readers: set[str]
) -> None:
    create_serving_database(service_settings)
    with transaction(postgres_dsn) as connection, connection.cursor() as cursor:
        cursor.execute("UPDATE schema_version SET version = %s", (version,))
        cursor.execute(
            "DELETE FROM reader_offsets; INSERT INTO reader_offsets"
            " VALUES ('trade_minutes', 0, 7), ('other', 0, 7)"
        )
    create_serving_database(service_settings)
    rows = fetch_rows(postgres_dsn, "SELECT reader FROM reader_offsets")
    with transaction(postgres_dsn) as connection, connection.cursor() as cursor:
        cursor.execute("DELETE FROM reader_offsets")
    assert {row["reader"] for row in rows} == readers
