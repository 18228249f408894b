"""Connections to Postgres, and whether it is there."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import ISOLATION_LEVEL_AUTOCOMMIT, connection

from include.errors import Unreachable

Dsn = Mapping[str, Any]


@contextmanager
def transaction(dsn: Dsn) -> Iterator[connection]:
    """A connection whose work is committed at the end, or rolled back on an error.

    Raises:
        Unreachable: the server does not answer.
    """
    link = connect(dsn)
    try:
        with link:
            yield link
    finally:
        link.close()


def connect(dsn: Dsn) -> connection:
    """A new connection.

    Raises:
        Unreachable: the server does not answer.
    """
    try:
        link: connection = psycopg2.connect(**dsn)
    except psycopg2.OperationalError as error:
        said = str(error).strip().splitlines()[0]
        raise Unreachable(f"Postgres at {dsn['host']}:{dsn['port']}: {said}") from error
    return link


def reachable(dsn: Dsn) -> bool:
    """Whether the server takes a log-in."""
    try:
        connect(dsn).close()
    except Unreachable:
        return False
    return True


def create_database(dsn: Dsn, *, name: str) -> None:
    """Make a database of that name if there is none."""
    link = connect(dsn)
    try:
        link.set_isolation_level(ISOLATION_LEVEL_AUTOCOMMIT)
        with link.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
            if cursor.fetchone() is None:
                cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    finally:
        link.close()


def rows(dsn: Dsn, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """The rows of one query.

    Raises:
        Unreachable: the server does not answer, or the tables are not made yet.
    """
    try:
        with transaction(dsn) as link, link.cursor() as cursor:
            cursor.execute(statement, values)
            return list(cursor.fetchall())
    except psycopg2.errors.UndefinedTable as error:
        raise Unreachable(f"Postgres lacks a table: {error}") from error
