"""The tables of Postgres: those of the lake that it serves, and those that it alone has.

Their DDL and upserts are made from the same definitions as the Delta tables. Of a landed table
Postgres has the event's own columns, the newest row of each `event_key`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from psycopg2.extras import execute_values

from include.errors import Unreachable
from include.lake.columns import Column, Table, event_columns, money, text
from include.lake.tables import TABLES
from include.serving.annotations import ANNOTATIONS
from include.serving.connection import Dsn, transaction
from include.serving.day_partitions import (
    BY_DAY,
    add_days,
    create_partition_functions,
    partition_clause,
    partition_plain_table,
)
from include.serving.keys import replace_keys
from include.serving.market_tables import MARKET_TABLES
from include.serving.schema_version import read_database_schema
from include.serving.views import create_views

READER_OFFSETS = Table(
    "reader_offsets",
    "Kafka offsets that readers of market.trades have counted up to",
    (
        text("reader", "who reads", required=True),
        Column("partition", "int", "Kafka partition", required=True),
        Column("next_offset", "bigint", "first offset that is not counted yet", required=True),
    ),
    key=("reader", "partition"),
)
FORECAST_POINTS = Table(
    "forecast_points",
    "Forecast minutes of the published and of the short-term models",
    (
        text("symbol", "BASE-QUOTE", required=True),
        Column("ds", "timestamp", "minute that is forecast", required=True),
        Column("yhat", "double", "predicted price", required=True),
        Column("yhat_lower", "double", "lower bound (80 %)"),
        Column("yhat_upper", "double", "upper bound (80 %)"),
        Column("made_at", "timestamp", "when the forecast was made", required=True),
        text("model", "forecast file or `short-term`", required=True),
    ),
    key=("symbol", "model", "ds"),
)
FORECAST_ANCHORS = Table(
    "forecast_anchors",
    "Where each symbol's published forecast is put now: the last closed minute with a trade",
    (
        text("symbol", "BASE-QUOTE", required=True),
        text("forecast_id", "published forecast", required=True),
        text("model", "its model, as in `forecast_points`", required=True),
        Column("trained_until", "timestamp", "last minute the model saw", required=True),
        text("venue", "exchange whose trades count", required=True),
        Column("minute", "timestamp", "the last closed minute", required=True),
        money("price", "its last price", required=True),
        Column("level", "double", "published level at that minute", required=True),
        Column("volatility", "double", "log change per five minutes, last 24 hours", required=True),
        Column("published_volatility", "double", "that of the published band", required=True),
    ),
    key=("symbol",),
)
TRADER_STATE = Table(
    "trader_state",
    "The trader's state by name, its halt switch and nonce among them",
    (text("name", "name", required=True), text("value", "text", required=True)),
    key=("name",),
)
OUTBOX = Table(
    "outbox",
    "Messages of the trader that the lake does not have yet",
    (
        Column("id", "bigserial", "order of sending; `seq` of the message", required=True),
        text("topic", "Kafka topic", required=True),
        Column("key", "binary", "Kafka key", required=True),
        Column("value", "binary", "Kafka value", required=True),
        Column("partition", "int", "Kafka partition; null: not sent yet"),
        Column("offset", "bigint", "Kafka offset; null: not sent yet"),
    ),
    key=("id",),
)
STREAM_LAG = Table(
    "stream_lag",
    "How far the stream's queries are behind, as the watcher saw it last",
    (
        text("query", "query of the stream", required=True),
        text("topic", "Kafka topic", required=True),
        Column("partition", "int", "Kafka partition", required=True),
        Column("behind", "bigint", "offsets not read yet", required=True),
        Column("waiting_s", "double", "seconds that the oldest of them has waited"),
        Column("seen_at", "timestamp", "when", required=True),
    ),
    key=("query", "topic", "partition"),
)
FEED_HEALTH = Table(
    "feed_health",
    "State of each feed by the feed ledger: that of its worst symbol",
    (
        text("venue", "exchange or price supplier", required=True),
        text("state", "live, stale, gap or disconnected", required=True),
        Column("since", "timestamp", "since when it has been so", required=True),
        text("cause", "the symbol, and why"),
    ),
    key=("venue",),
)
POSTGRES_ONLY = (
    READER_OFFSETS,
    FORECAST_POINTS,
    FORECAST_ANCHORS,
    TRADER_STATE,
    OUTBOX,
    STREAM_LAG,
    FEED_HEALTH,
    ANNOTATIONS,
    *MARKET_TABLES,
)
POSTGRES_TYPES = {
    "string": "text",
    "int": "integer",
    "bigint": "bigint",
    "bigserial": "bigserial",
    "double": "double precision",
    "boolean": "boolean",
    "timestamp": "timestamptz",
    "binary": "bytea",
}
CREATION_LOCK = 7413
# Old rows are deleted by these times, and each refresh of the minutes looks for its span by them.
TIME_COLUMNS = {
    "trade_minutes": "minute",
    "signals": "timestamp",
    "decisions": "window_start",
    "contract_minutes": "minute",
    "auctions": "published_at",
}
INDEXES = "SELECT indexname FROM pg_indexes WHERE schemaname = current_schema()"
COLUMNS = """
SELECT table_name, column_name FROM information_schema.columns
WHERE table_schema = current_schema()"""


def served_table(table: Table) -> Table:
    """A lake's table as Postgres has it."""
    if table.topic is None:
        return table
    return replace(table, columns=event_columns(table), key=table.event_key)


SERVED = {table.name: served_table(table) for table in TABLES.values() if table.served}


def postgres_ddl(table: Table) -> str:
    """The statement that makes the table if it does not exist."""
    columns = [
        f'"{column.name}" {_postgres_type(column)}{" NOT NULL" if column.required else ""}'
        f"{_default_of(column)}"
        for column in table.columns
    ]
    key = f"PRIMARY KEY ({_quote_identifiers(table.key)})"
    body = ", ".join([*columns, key])
    return f'CREATE TABLE IF NOT EXISTS "{table.name}" ({body}){partition_clause(table.name)}'


def _default_of(column: Column) -> str:
    return "" if column.default is None else f" NOT NULL DEFAULT '{column.default}'"


def _postgres_type(column: Column) -> str:
    return "numeric" if column.type.startswith("decimal") else POSTGRES_TYPES[column.type]


def create_tables(dsn: Dsn) -> None:
    """Make every table and view of Postgres that does not exist.

    A role that may not make tables waits for the owner, who does so in `up` and `prepare`.

    Raises:
        Unreachable: the server does not answer, or tables are missing and the role is no owner.
        PlatformError: the database was used by a newer version; nothing was changed.
    """
    tables = (*SERVED.values(), *POSTGRES_ONLY)
    with transaction(dsn) as connection, connection.cursor() as cursor:
        read_database_schema(cursor)
        cursor.execute("SELECT has_schema_privilege('public', 'CREATE')")
        if cursor.fetchone() == (False,):
            _require_tables(cursor, [table.name for table in tables])
            return
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", (CREATION_LOCK,))
        cursor.execute("; ".join(map(postgres_ddl, tables)))
        _add_columns(cursor, tables)
        replace_keys(cursor, tables)
        create_partition_functions(cursor)
        for name in BY_DAY:
            ddl = postgres_ddl(SERVED[name])
            partition_plain_table(cursor, name, SERVED[name].names, ddl=ddl)
        _add_indexes(cursor)
        create_views(cursor, tables)


def _add_columns(cursor: Any, tables: Iterable[Table]) -> None:
    """Give tables of an earlier version the columns that they lack."""
    cursor.execute(COLUMNS)
    existing = set(cursor.fetchall())
    for table in tables:
        for column in table.columns:
            if (table.name, column.name) not in existing:
                added = f'"{column.name}" {_postgres_type(column)}{_default_of(column)}'
                cursor.execute(f'ALTER TABLE "{table.name}" ADD COLUMN {added}')


def _add_indexes(cursor: Any) -> None:
    """Make the indexes on times that are missing; one that is there costs writers no lock."""
    cursor.execute(INDEXES)
    existing = {name for (name,) in cursor.fetchall()}
    for table, column in TIME_COLUMNS.items():
        if (name := f"{table}_by_{column}") not in existing:
            cursor.execute(f'CREATE INDEX "{name}" ON "{table}" ("{column}")')


def _require_tables(cursor: Any, names: list[str]) -> None:
    cursor.execute("SELECT name FROM unnest(%s) AS name WHERE to_regclass(name) IS NULL", (names,))
    missing = ", ".join(name for (name,) in cursor.fetchall())
    if missing:
        raise Unreachable(f"Postgres lacks the tables {missing}: up or prepare makes them")


def upsert(dsn: Dsn, table: Table, new_rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows, or overwrite those with the same key; all of them or none.

    Raises:
        Unreachable: the server does not answer.
    """
    if new_rows:
        with transaction(dsn) as connection, connection.cursor() as cursor:
            upsert_with(cursor, table, new_rows)


def upsert_with(cursor: Any, table: Table, new_rows: Sequence[Mapping[str, Any]]) -> None:
    """Upsert within a transaction of the caller's."""
    if new_rows:
        if table.name in BY_DAY:
            add_days(cursor, table.name, (row[BY_DAY[table.name]] for row in new_rows))
        values = [tuple(row[name] for name in table.names) for row in new_rows]
        execute_values(cursor, upsert_sql(table), values, page_size=1000)


def upsert_sql(table: Table) -> str:
    """The statement that inserts rows (`%s`), or overwrites those with the same key."""
    changes = [f'"{name}" = EXCLUDED."{name}"' for name in table.names if name not in table.key]
    action = f"UPDATE SET {', '.join(changes)}" if changes else "NOTHING"
    return (
        f'INSERT INTO "{table.name}" ({_quote_identifiers(table.names)}) VALUES %s'
        f" ON CONFLICT ({_quote_identifiers(table.key)}) DO {action}"
    )


def _quote_identifiers(identifiers: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in identifiers)
