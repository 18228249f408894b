"""The forecasts that Postgres serves: upserted, and cleared of what nobody reads any more."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from include.serving.connection import Dsn, transaction
from include.serving.tables import FORECAST_POINTS, create_tables, upsert_with

# The dashboard takes the newest forecast of each minute, short-term ones apart. Every row stays in
# Delta `forecasts`; deleted here are those that are past, and those that a newer forecast covers.
DELETE_PAST = "DELETE FROM forecast_points WHERE ds < %s"
DELETE_COVERED = """
DELETE FROM forecast_points AS old USING forecast_points AS newer
WHERE newer.symbol = old.symbol AND newer.ds = old.ds AND newer.made_at > old.made_at
    AND (newer.model = 'short-term') = (old.model = 'short-term')"""


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
