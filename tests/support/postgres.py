"""Rows of Postgres as tuples, for tests that write down what they expect."""

from collections.abc import Sequence
from typing import Any

from include.serving.connection import Dsn, transaction


def fetch_tuples(dsn: Dsn, statement: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    with transaction(dsn) as connection, connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return list(cursor.fetchall())
