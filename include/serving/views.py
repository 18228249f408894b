"""What Postgres has beside the tables: comments, views, a role that reads.

The comments are those of the lake's tables, so that a program that lists tables shows them.
"""

from collections.abc import Iterable
from typing import Any

from psycopg2.sql import SQL, Composable, Identifier, Literal

from include.lake.columns import Table
from include.lake.tables import MINUTE_TOTALS, MINUTE_TOTALS_COLUMNS, TRADE_MINUTES
from include.serving.anchored_points import ANCHORED_POINTS
from include.serving.connection import Dsn, transaction

READ_ONLY = (
    "GRANT USAGE ON SCHEMA public TO {role}",
    "GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}",
    "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO {role}",
    "ALTER ROLE {role} SET default_transaction_read_only = on",
)


def create_views(cursor: Any, tables: Iterable[Table]) -> None:
    """Make the views, and comment on every table and column."""
    columns = SQL(", ").join(
        SQL("{} AS {}").format(Identifier(column), Identifier(name))
        for name, column in MINUTE_TOTALS_COLUMNS.items()
    )
    cursor.execute(
        SQL("CREATE OR REPLACE VIEW {} AS SELECT {} FROM {}").format(
            Identifier(MINUTE_TOTALS), columns, Identifier(TRADE_MINUTES.name)
        )
    )
    cursor.execute(ANCHORED_POINTS)
    cursor.execute(SQL("; ").join(list(_comments(tables))))


def _comments(tables: Iterable[Table]) -> Iterable[Composable]:
    for table in tables:
        name = Identifier(table.name)
        yield SQL("COMMENT ON TABLE {} IS {}").format(name, Literal(table.comment))
        for column in table.columns:
            column_name = Identifier(table.name, column.name)
            yield SQL("COMMENT ON COLUMN {} IS {}").format(column_name, Literal(column.comment))


def create_reader(dsn: Dsn, *, name: str, password: str) -> None:
    """Make a role that logs in and only reads, or give it this password; none without a password.

    Raises:
        Unreachable: the server does not answer.
    """
    if not password:
        return
    role = Identifier(name)
    with transaction(dsn) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (name,))
        verb = SQL("ALTER" if cursor.fetchone() else "CREATE")
        cursor.execute(SQL("{} ROLE {} LOGIN PASSWORD {}").format(verb, role, Literal(password)))
        for statement in READ_ONLY:
            cursor.execute(SQL(statement).format(role=role))
