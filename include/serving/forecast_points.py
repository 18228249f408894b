"""The forecasts that Postgres serves: upserted, and cleared of what nobody reads any more."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from include.serving.connection import Dsn, RowCursor, transaction
from include.serving.tables import FORECAST_POINTS, create_tables, upsert_with

# Every row stays in Delta `forecasts`; deleted here are those that are past, and those that a newer
# forecast covers.
DELETE_PAST = "DELETE FROM forecast_points WHERE ds < %s"
DELETE_COVERED = """
DELETE FROM forecast_points AS old USING forecast_points AS newer
WHERE newer.symbol = old.symbol AND newer.ds = old.ds AND newer.made_at > old.made_at
    AND (newer.model = 'short-term') = (old.model = 'short-term')"""

# Of a symbol's published forecast, in place of all others: it is the one in use, newest or not.
DELETE_OTHERS = """
DELETE FROM forecast_points
WHERE symbol = %(symbol)s AND ds >= %(first)s AND model NOT IN (%(model)s, 'short-term')"""
IS_SERVED = """
SELECT EXISTS (SELECT FROM forecast_points
    WHERE symbol = %(symbol)s AND model = %(model)s AND ds = %(last)s)
AND NOT EXISTS (SELECT FROM forecast_points
    WHERE symbol = %(symbol)s AND ds >= %(first)s AND model NOT IN (%(model)s, 'short-term')
) AS is_served"""


def is_served(
    cursor: RowCursor, *, symbol: str, model: str, first_at: datetime, last_at: datetime
) -> bool:
    """Whether a symbol's forecast in use has its rows there, and no other from its first minute."""
    names = {"symbol": symbol, "model": model, "first": first_at, "last": last_at}
    cursor.execute(IS_SERVED, names)
    answer = cursor.fetchone()
    return bool(answer and answer["is_served"])


def serve_published(
    cursor: RowCursor, points: Sequence[Mapping[str, Any]], *, keep_days: int
) -> None:
    """Put a symbol's forecast in use (its rows in order) in place of others from its first minute.

    Rows of minutes more than `keep_days` before that are deleted.
    """
    first = points[0]
    names = {"symbol": first["symbol"], "model": first["model"], "first": first["ds"]}
    cursor.execute(DELETE_OTHERS, names)
    upsert_with(cursor, FORECAST_POINTS, points)
    cursor.execute(DELETE_PAST, (first["ds"] - timedelta(days=keep_days),))


def serve_forecast(
    dsn: Dsn, points: Sequence[Mapping[str, Any]], *, market_at: datetime, keep_days: int
) -> None:
    """Put a forecast's rows in `forecast_points`; repeating it changes nothing.

    The same transaction deletes rows of minutes more than `keep_days` before `market_at`, and
    rows of minutes that a forecast made later has too.

    Raises:
        Unreachable: the server does not answer.
    """
    create_tables(dsn)
    with transaction(dsn) as connection, connection.cursor() as cursor:
        upsert_with(cursor, FORECAST_POINTS, points)
        cursor.execute(DELETE_PAST, (market_at - timedelta(days=keep_days),))
        cursor.execute(DELETE_COVERED)
