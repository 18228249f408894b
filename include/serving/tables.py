"""The serving tables of Postgres, and the upsert that makes repeating a write change nothing."""

from collections.abc import Mapping, Sequence
from typing import Any

from psycopg2 import sql
from psycopg2.extras import execute_values

from include.serving.connection import Dsn, transaction

SCHEMA = """
CREATE TABLE IF NOT EXISTS signals (
    venue text, symbol text, type text, window_start timestamptz, "timestamp" timestamptz NOT NULL,
    value numeric NOT NULL, PRIMARY KEY (venue, symbol, type, window_start));
CREATE TABLE IF NOT EXISTS trade_minutes (
    venue text, symbol text, minute timestamptz, total_count_buy bigint NOT NULL,
    total_count_sell bigint NOT NULL, total_base_buy numeric NOT NULL,
    total_base_sell numeric NOT NULL, total_quote_buy numeric NOT NULL,
    total_quote_sell numeric NOT NULL, open numeric NOT NULL, high numeric NOT NULL,
    low numeric NOT NULL, close numeric NOT NULL, vwap double precision NOT NULL,
    complete boolean, PRIMARY KEY (venue, symbol, minute));
CREATE TABLE IF NOT EXISTS positions (
    reader text, "partition" int, next_offset bigint NOT NULL, PRIMARY KEY (reader, "partition"));
CREATE TABLE IF NOT EXISTS forecast_points (
    symbol text, ds timestamptz, yhat double precision NOT NULL, yhat_lower double precision,
    yhat_upper double precision, made_at timestamptz NOT NULL, model text,
    PRIMARY KEY (symbol, model, ds));
CREATE TABLE IF NOT EXISTS decisions (
    decision_id text PRIMARY KEY, rule text NOT NULL, action text NOT NULL, reasons text NOT NULL,
    window_start timestamptz NOT NULL, ratio numeric, side_next text, bid numeric, ask numeric,
    quantity numeric, price numeric, forecast_id text, inputs text NOT NULL);
CREATE TABLE IF NOT EXISTS orders (
    order_id text PRIMARY KEY, decision_id text NOT NULL, broker text NOT NULL, side text NOT NULL,
    price numeric NOT NULL, quantity numeric NOT NULL, executed numeric NOT NULL,
    status text NOT NULL, reason text);
CREATE TABLE IF NOT EXISTS fills (
    fill_id text PRIMARY KEY, order_id text NOT NULL, side text NOT NULL, price numeric NOT NULL,
    quantity numeric NOT NULL, fee numeric NOT NULL);
CREATE TABLE IF NOT EXISTS balances (
    currency text PRIMARY KEY, amount numeric NOT NULL, order_id text);
CREATE TABLE IF NOT EXISTS scores (
    order_id text PRIMARY KEY, buy_order_id text NOT NULL, profit numeric NOT NULL,
    cumulative_profit numeric NOT NULL, buy_price numeric NOT NULL, sell_price numeric NOT NULL,
    quantity numeric NOT NULL, hold_profit numeric);
ALTER TABLE scores ADD COLUMN IF NOT EXISTS hold_profit numeric;
CREATE TABLE IF NOT EXISTS trader_state (
    name text PRIMARY KEY, value text NOT NULL);
CREATE TABLE IF NOT EXISTS outbox (
    id bigserial PRIMARY KEY, topic text NOT NULL, key bytea NOT NULL, value bytea NOT NULL);
CREATE TABLE IF NOT EXISTS stream_lag (
    query text, topic text, "partition" int, behind bigint NOT NULL, waiting_s double precision,
    seen_at timestamptz NOT NULL, PRIMARY KEY (query, topic, "partition"));
CREATE TABLE IF NOT EXISTS feed_health (
    venue text PRIMARY KEY, state text NOT NULL, since timestamptz NOT NULL, cause text);
"""
KEYS: dict[str, tuple[str, ...]] = {
    "trade_minutes": ("venue", "symbol", "minute"),
    "positions": ("reader", "partition"),
    "signals": ("venue", "symbol", "type", "window_start"),
    "forecast_points": ("symbol", "model", "ds"),
    "decisions": ("decision_id",),
    "orders": ("order_id",),
    "fills": ("fill_id",),
    "balances": ("currency",),
    "scores": ("order_id",),
    "trader_state": ("name",),
    "feed_health": ("venue",),
    "stream_lag": ("query", "topic", "partition"),
}


def create_tables(dsn: Dsn) -> None:
    """Make every serving table that is not there."""
    with transaction(dsn) as link, link.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(7413)")
        cursor.execute(SCHEMA)


def upsert(dsn: Dsn, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows, or overwrite those with the same key; all of them or none."""
    if rows:
        with transaction(dsn) as link, link.cursor() as cursor:
            upsert_with(cursor, table, rows)


def upsert_with(cursor: Any, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """The same within a transaction of the caller's."""
    columns = list(rows[0])
    keys = KEYS[table]
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    rest = [name for name in columns if name not in keys]
    changes = sql.SQL(", ").join(
        sql.SQL("{0} = EXCLUDED.{0}").format(sql.Identifier(name)) for name in rest
    )
    statement = sql.SQL("INSERT INTO {} ({}) VALUES %s ON CONFLICT ({}) DO {}").format(
        sql.Identifier(table),
        names,
        sql.SQL(", ").join(map(sql.Identifier, keys)),
        sql.SQL("UPDATE SET {}").format(changes) if rest else sql.SQL("NOTHING"),
    )
    values = [tuple(row[name] for name in columns) for row in rows]
    execute_values(cursor, statement, values, page_size=1000)
