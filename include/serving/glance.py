"""A quick look at the serving tables that never makes the database wait for the reader."""

from collections.abc import Mapping, Sequence
from typing import Any

import psycopg2

from include.errors import Unreachable
from include.serving.connection import Dsn, connect

Query = tuple[str, Sequence[Any]]


def glance(
    dsn: Dsn, queries: Mapping[str, Query], *, timeout_s: float
) -> dict[str, list[tuple[Any, ...]]]:
    """The rows of each query by its name; one whose table is not there yet has no entry.

    Everything is read-only, and the server gives each query up after `timeout_s`.

    Raises:
        Unreachable: the server does not answer, or not in time.
    """
    limits = f"-c statement_timeout={int(timeout_s * 1000)} -c default_transaction_read_only=on"
    link = connect({**dsn, "options": limits, "connect_timeout": max(1, int(timeout_s))})
    try:
        link.autocommit = True
        found: dict[str, list[tuple[Any, ...]]] = {}
        with link.cursor() as cursor:
            for name, (statement, values) in queries.items():
                try:
                    cursor.execute(statement, values)
                except psycopg2.errors.UndefinedTable:
                    continue
                found[name] = list(cursor.fetchall())
        return found
    except (psycopg2.OperationalError, psycopg2.InterfaceError) as error:
        raise Unreachable(f"Postgres did not answer in time: {error}") from error
    finally:
        link.close()
