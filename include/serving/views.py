"""What Postgres has beside the tables: comments and views.

The comments are those of the lake's tables, so that a program that lists tables shows them.
"""

from collections.abc import Iterable
from typing import Any

from psycopg2.sql import SQL, Composable, Identifier, Literal

from include.lake.columns import Table
from include.lake.tables import MINUTE_TOTALS, MINUTE_TOTALS_COLUMNS, TRADE_MINUTES
from include.serving.anchored_points import ANCHORED_POINTS


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
