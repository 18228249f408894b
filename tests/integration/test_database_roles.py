"""Postgres' roles: each does what its process needs, and nothing of what the others do."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import psycopg2
import pytest

from include.errors import Unreachable
from include.lake.tables import TRADE_MINUTES
from include.local.airflow import generate_secrets
from include.local.postgres import create_databases
from include.serving.annotations import add_annotation, remove_annotation
from include.serving.connection import fetch_rows, transaction
from include.serving.preparation import create_serving_database
from include.serving.retention import prune
from include.serving.tables import create_tables, upsert
from include.settings import Settings, override
from include.settings.groups import DatabaseRole
from tests.support.minute_rows import minute_rows

R = DatabaseRole
NOW = datetime(2026, 11, 26, tzinfo=UTC)
ROLES = [role for role in DatabaseRole if role is not R.OWNER]
WRITERS = {  # who may insert into a table; the owner may all
    "trade_minutes": {R.STREAM},
    "signals": {R.STREAM},
    "reader_offsets": {R.STREAM},
    "forecast_points": {R.STREAM},
    "forecast_anchors": {R.STREAM},
    "stream_lag": {R.STREAM},
    "feed_health": {R.STREAM},
    "contract_minutes": {R.STREAM},
    "auctions": {R.STREAM},
    "decisions": {R.TRADER},
    "orders": {R.TRADER},
    "fills": {R.TRADER},
    "balances": {R.TRADER},
    "scores": {R.TRADER},
    "trader_state": {R.TRADER},
    "outbox": {R.TRADER},
    "annotations": {R.DASHBOARD},
}
INSERTED = "SELECT has_table_privilege(%s, %s, 'INSERT') AS may"
TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"


@pytest.fixture(scope="module")
def settings(service_settings: Settings, postgres_dsn: Any) -> Settings:
    """The server with every role, made twice: a second time changes nothing."""
    del postgres_dsn
    secrets = {name: text for name, text in generate_secrets().items() if "_POSTGRES_" in name}
    del secrets["TICKHOUSE_POSTGRES_PASSWORD"]
    settings = override(service_settings, secrets)
    for _ in range(2):
        create_databases(settings)
        create_serving_database(settings)
    return settings


@contextmanager
def refused() -> Iterator[None]:
    with pytest.raises(psycopg2.Error, match=r"permission denied|must be owner|read-only"):
        yield


def execute(dsn: Any, statement: str) -> None:
    with transaction(dsn) as connection, connection.cursor() as cursor:
        cursor.execute(statement)


def test_only_the_process_of_a_table_writes_it(settings: Settings) -> None:
    tables = {row["tablename"] for row in fetch_rows(settings.dsn(), TABLES)}
    assert tables == WRITERS.keys() | {"schema_version"}
    for table in sorted(tables):
        may = {
            role
            for role in ROLES
            if fetch_rows(settings.dsn(), INSERTED, (settings.postgres.login(role)[0], table))
            == [{"may": True}]
        }
        assert may == WRITERS.get(table, set()), table


@pytest.mark.parametrize("role", [R.STREAM, R.TRADER, R.DASHBOARD, R.READER])
def test_every_role_reads_all_and_makes_nothing(settings: Settings, role: DatabaseRole) -> None:
    dsn = settings.dsn(role)
    assert dsn["user"] != settings.postgres.user
    for table in (*WRITERS, "minute_totals", "schema_version"):
        fetch_rows(dsn, f"SELECT * FROM {table} LIMIT 1")
    create_tables(dsn)  # all are there
    for statement in ("CREATE TABLE mine (a integer)", "DROP TABLE scores", "TRUNCATE orders"):
        with refused():
            execute(dsn, statement)
    with refused():
        execute(dsn, "UPDATE schema_version SET version = 0")
    with pytest.raises(Unreachable, match="permission denied for database"):
        fetch_rows(settings.dsn(role, database=settings.postgres.airflow_database), "SELECT 1")


def test_a_table_that_is_made_later_is_read_too(settings: Settings) -> None:
    execute(settings.dsn(), "CREATE TABLE made_later (a integer)")
    try:
        assert fetch_rows(settings.dsn(R.READER), "SELECT * FROM made_later") == []
        with refused():  # of the role's own will it could write: the right is what it lacks
            execute(
                settings.dsn(R.READER),
                "SET default_transaction_read_only = off; DELETE FROM made_later",
            )
    finally:
        execute(settings.dsn(), "DROP TABLE made_later")


def test_the_dashboard_adds_and_removes_notes_alone(settings: Settings) -> None:
    dsn = settings.dsn(R.DASHBOARD)
    added = add_annotation(dsn, "BTC-USD", 1_790_000_000, "a note", now=NOW)
    remove_annotation(dsn, added.annotation_id)
    for statement in ("UPDATE annotations SET note = ''", "DELETE FROM orders"):
        with refused():
            execute(dsn, statement)


def test_the_stream_lets_old_decisions_go_and_writes_none(settings: Settings) -> None:
    execute(settings.dsn(R.STREAM), "DELETE FROM decisions")
    with refused():
        execute(settings.dsn(R.STREAM), "INSERT INTO decisions DEFAULT VALUES")


def test_airflow_owns_its_database_and_reaches_no_other(settings: Settings) -> None:
    database = settings.postgres.airflow_database
    own = settings.dsn(R.AIRFLOW, database=database)
    execute(own, "CREATE TABLE made (id serial); INSERT INTO made DEFAULT VALUES; DROP TABLE made")
    with pytest.raises(Unreachable, match="permission denied for database"):
        fetch_rows(settings.dsn(R.AIRFLOW), "SELECT 1")


def test_what_the_owner_made_for_airflow_earlier_is_airflows_now(settings: Settings) -> None:
    database = settings.postgres.airflow_database
    made = (
        "CREATE TABLE dag_run (id serial); CREATE SEQUENCE numbers; "
        "CREATE TYPE state AS ENUM ('a', 'b')"
    )
    execute(settings.dsn(database=database), made)
    create_databases(settings)
    own = settings.dsn(R.AIRFLOW, database=database)
    execute(own, "ALTER TABLE dag_run ADD COLUMN note text; ALTER TYPE state ADD VALUE 'c'")
    execute(own, "DROP TABLE dag_run; DROP SEQUENCE numbers; DROP TYPE state")


def test_a_table_that_is_missing_is_named_to_who_may_not_make_it(settings: Settings) -> None:
    execute(settings.dsn(), "ALTER TABLE stream_lag RENAME TO elsewhere")
    try:
        with pytest.raises(Unreachable, match="lacks the tables stream_lag: up or prepare"):
            create_tables(settings.dsn(R.STREAM))
    finally:
        execute(settings.dsn(), "ALTER TABLE elsewhere RENAME TO stream_lag")


def test_a_new_password_is_taken_at_the_next_start(settings: Settings) -> None:
    changed = override(settings, {"TICKHOUSE_POSTGRES_TRADER_PASSWORD": "an'other \\ one"})
    with pytest.raises(Unreachable, match=r"password authentication failed.*correct this role"):
        fetch_rows(changed.dsn(R.TRADER), "SELECT 1")
    create_serving_database(changed)
    fetch_rows(changed.dsn(R.TRADER), "SELECT 1")
    create_serving_database(settings)


def test_who_writes_minutes_adds_and_drops_their_days_and_nobody_else(settings: Settings) -> None:
    stream = settings.dsn(R.STREAM)
    rows = minute_rows(range(0, 3 * 1440, 1440)).to_pylist()
    upsert(stream, TRADE_MINUTES, rows)
    assert prune(stream, keep_days=1)["trade_minutes"] == 4
    for role in ROLES:
        if role not in {R.STREAM, R.AIRFLOW}:
            with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                fetch_rows(settings.dsn(role), "SELECT partitions.add_days_of_trade_minutes('{}')")
