"""A column is defined once: events, Postgres and empty views follow from the tables' definition."""

from dataclasses import replace
from decimal import Decimal
from types import NoneType
from typing import Literal, get_args, get_origin, get_type_hints

import duckdb
import msgspec
import pytest

from include.lake.columns import ENVELOPE, Column, Table, event_columns, money
from include.lake.reading import create_empty_view
from include.lake.tables import TABLE_OF_TOPIC, TABLES
from include.lake.writing import arrow_schema
from include.market import events
from include.market.auction import Auction
from include.market.wire import TOPIC_OF_KIND
from include.serving.tables import POSTGRES_ONLY, SERVED, postgres_ddl, served_table, upsert_sql

EVENT_OF_KIND: dict[str, type[msgspec.Struct]] = {
    "trade": events.Trade,
    "ticker": events.Ticker,
    "book": events.BookChange,
    "auction": Auction,
    "quote": events.Quote,
    "ledger": events.LedgerEntry,
    "decision": events.Decision,
    "order": events.Order,
    "fill": events.Fill,
    "balance": events.Balance,
    "score": events.Score,
}
SPARK_TYPES = {str: {"string"}, int: {"int", "bigint", "timestamp"}}


def type_of(annotation: object) -> tuple[type, bool]:
    """The Python type of a field and whether it may be null."""
    kinds = [kind for kind in get_args(annotation) if kind is not NoneType]
    optional = NoneType in get_args(annotation)
    if get_origin(annotation) is Literal:
        return str, False
    if optional:
        return type_of(kinds[0])[0], True
    assert isinstance(annotation, type)
    return annotation, False


def assert_columns_hold(struct: type[msgspec.Struct], columns: tuple[Column, ...]) -> None:
    hints = get_type_hints(struct)
    assert [column.name for column in columns] == list(struct.__struct_fields__)
    for column in columns:
        kind, optional = type_of(hints[column.name])
        if kind is Decimal:
            assert column.type.startswith("decimal("), column
        else:
            assert column.type in SPARK_TYPES[kind], column
        may_be_null = optional or column.default is not None  # in rows from before the column
        assert column.required is not may_be_null, column


@pytest.mark.parametrize("kind", EVENT_OF_KIND)
def test_the_fields_of_an_event_are_its_tables_own_columns(kind: str) -> None:
    table = TABLE_OF_TOPIC[TOPIC_OF_KIND[kind]]
    columns = tuple(c for c in event_columns(table) if not c.name.startswith("top_"))
    assert_columns_hold(EVENT_OF_KIND[kind], columns)


def test_every_landed_table_has_an_event() -> None:
    assert {TOPIC_OF_KIND[kind] for kind in EVENT_OF_KIND} == set(TABLE_OF_TOPIC)


def test_the_top_of_the_book_is_the_tables_top_columns() -> None:
    columns = [c for c in event_columns(TABLES["book_changes"]) if c.name.startswith("top_")]
    names = [column.name.removeprefix("top_") for column in columns]
    assert names == list(events.Top.__struct_fields__)


def test_the_fields_of_a_message_are_the_envelope() -> None:
    of_message = [name for name in events.Message.__struct_fields__ if name != "seq"]
    of_envelope = [c.name for c in ENVELOPE if not c.name.startswith("seq_")]
    assert sorted(of_envelope) == sorted(set(of_message) - {"events", "top"})


def with_column(table: Table, column: Column) -> Table:
    """The landed table with one more column of its own."""
    return replace(table, columns=(*table.columns[:-1], column, table.columns[-1]))


def test_one_more_column_of_scores_is_in_all_that_is_made_from_the_table() -> None:
    changed = with_column(TABLES["scores"], money("fees", "paid for both orders", required=True))
    served = served_table(changed)
    assert postgres_ddl(served) == postgres_ddl(SERVED["scores"]).replace(
        "DEFAULT 'main', ", "DEFAULT 'main', \"fees\" numeric NOT NULL, "
    )
    assert '"fees" = EXCLUDED."fees"' in upsert_sql(served)
    assert upsert_sql(served).startswith('INSERT INTO "scores" ("order_id", "buy_order_id"')
    connection = duckdb.connect()
    create_empty_view(connection, changed)
    described = {row[0]: row[1] for row in connection.execute("DESCRIBE scores").fetchall()}
    assert described["fees"] == "DECIMAL(20,8)"
    assert set(described) == set(changed.names)
    assert str(arrow_schema(changed).field("fees").type) == "decimal128(20, 8)"


def test_postgres_has_the_scores_by_their_order() -> None:
    assert postgres_ddl(SERVED["scores"]) == (
        'CREATE TABLE IF NOT EXISTS "scores" ("order_id" text NOT NULL,'
        ' "buy_order_id" text NOT NULL, "profit" numeric NOT NULL,'
        ' "cumulative_profit" numeric NOT NULL, "buy_price" numeric NOT NULL,'
        ' "sell_price" numeric NOT NULL, "quantity" numeric NOT NULL, "hold_profit" numeric,'
        " \"account\" text NOT NULL DEFAULT 'main',"
        ' PRIMARY KEY ("order_id"))'
    )


def test_each_table_of_postgres_has_its_key_among_its_columns() -> None:
    tables = (*SERVED.values(), *POSTGRES_ONLY)
    assert len({table.name for table in tables}) == len(tables)
    for table in tables:
        assert table.key and set(table.key) <= set(table.names), table.name
