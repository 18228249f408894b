"""Queries of the serving tables that write nothing and never keep the reader waiting for long."""

from collections.abc import Mapping, Sequence
from typing import Any

import psycopg2
from psycopg2.extras import RealDictCursor

from include.errors import Unreachable
from include.serving.connection import Dsn, Row, connect

Query = tuple[str, Sequence[Any]]
WORK_MEMORY = "64MB"  # of one query: the rows of some weeks are gathered without a file on disk


def query_read_only(
    dsn: Dsn, queries: Mapping[str, Query], *, timeout_s: float
) -> dict[str, list[Row]]:
    """The rows of each query by its name; one whose table does not exist yet has no entry.

    Everything is read-only, and the server gives each query up after `timeout_s`.

    Raises:
        Unreachable: the server does not answer, or not in time.
    """
    limits = (
        f"-c statement_timeout={int(timeout_s * 1000)} -c default_transaction_read_only=on"
        f" -c work_mem={WORK_MEMORY}"
    )
    connection = connect({**dsn, "options": limits, "connect_timeout": max(1, int(timeout_s))})
    try:
        connection.autocommit = True
        rows_by_query: dict[str, list[Row]] = {}
        with connection.cursor(cursor_factory=RealDictCursor) as cursor:
            for name, (statement, bindings) in queries.items():
                try:
                    cursor.execute(statement, bindings)
                except psycopg2.errors.UndefinedTable:
                    continue
                rows_by_query[name] = list(cursor.fetchall())
        return rows_by_query
    except (psycopg2.OperationalError, psycopg2.InterfaceError) as error:
        raise Unreachable(f"Postgres did not answer in time: {error}") from error
    finally:
        connection.close()
