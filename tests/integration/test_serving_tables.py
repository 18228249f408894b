"""Postgres takes the tables as they are defined; an upsert overwrites the row of the same key."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from include.lake.columns import Column
from include.serving.connection import fetch_rows, transaction
from include.serving.tables import (
    POSTGRES_ONLY,
    SERVED,
    TRADER_STATE,
    create_tables,
    postgres_ddl,
    upsert,
)


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
        assert nullable == {column.name: not column.required for column in table.columns}


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


def test_a_column_that_an_older_version_did_not_have_is_added(postgres_dsn: dict[str, Any]) -> None:
    create_tables(postgres_dsn)
    with transaction(postgres_dsn) as connection, connection.cursor() as cursor:
        cursor.execute('ALTER TABLE "decisions" DROP COLUMN "side_now"')
    create_tables(postgres_dsn)
    (column,) = fetch_rows(
        postgres_dsn,
        "SELECT data_type FROM information_schema.columns"
        " WHERE table_name = 'decisions' AND column_name = 'side_now'",
        (),
    )
    assert column == {"data_type": "text"}
