"""Connections to Postgres, and whether it answers."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import ISOLATION_LEVEL_AUTOCOMMIT
from psycopg2.extensions import connection as Connection
from psycopg2.extras import RealDictCursor

from include.errors import Unreachable, first_line

Dsn = Mapping[str, Any]
Row = dict[str, Any]
REMEDIES = {
    "password authentication failed": "; correct this role's password, TICKHOUSE_POSTGRES_…",
    "certificate verify failed": "; renew the server's, or correct TICKHOUSE_POSTGRES_CA",
    "does not match host name": "; correct TICKHOUSE_POSTGRES_HOST, or the server's certificate",
}
TRANSACTION_LOCK = "SELECT pg_advisory_xact_lock(hashtext(%s))"
RowCursor = RealDictCursor  # each row a dictionary by the columns' names


@contextmanager
def transaction(dsn: Dsn) -> Iterator[Connection]:
    """A connection whose work is committed at the end, or rolled back on an error.

    Raises:
        Unreachable: the server does not answer.
    """
    connection = connect(dsn)
    try:
        with connection:
            yield connection
    finally:
        connection.close()


def connect(dsn: Dsn) -> Connection:
    """A new connection.

    Raises:
        Unreachable: the server does not answer.
    """
    try:
        connection: Connection = psycopg2.connect(**dsn)
    except psycopg2.OperationalError as error:
        cause = first_line(error)
        remedy = next((remedy for mark, remedy in REMEDIES.items() if mark in str(error)), "")
        raise Unreachable(f"Postgres at {dsn['host']}:{dsn['port']}: {cause}{remedy}") from error
    return connection


def is_reachable(dsn: Dsn) -> bool:
    """Whether the server takes a log-in."""
    try:
        connect(dsn).close()
    except Unreachable:
        return False
    return True


def create_database(dsn: Dsn, *, name: str) -> None:
    """Make a database of that name if there is none."""
    connection = connect(dsn)
    try:
        connection.set_isolation_level(ISOLATION_LEVEL_AUTOCOMMIT)
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
            if cursor.fetchone() is None:
                cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    finally:
        connection.close()


@contextmanager
def row_cursor(dsn: Dsn) -> Iterator[RowCursor]:
    """A transaction's cursor whose rows are dictionaries.

    Raises:
        Unreachable: the server does not answer.
    """
    with transaction(dsn) as connection, connection.cursor(cursor_factory=RowCursor) as cursor:
        yield cursor


def fetch_rows(dsn: Dsn, statement: str, bindings: Sequence[Any] = ()) -> list[Row]:
    """The rows of one query, each by its columns' names.

    Raises:
        Unreachable: the server does not answer, or the tables are not made yet.
    """
    try:
        with row_cursor(dsn) as cursor:
            cursor.execute(statement, bindings)
            return list(cursor.fetchall())
    except psycopg2.errors.UndefinedTable as error:
        raise Unreachable(f"Postgres lacks a table: {error}") from error
