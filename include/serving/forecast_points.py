"""The forecasts that Postgres serves: upserted, and cleared of what nobody reads any more."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from include.serving.connection import Dsn, transaction
from include.serving.tables import create_tables, upsert_with

# The dashboard takes the newest forecast of each minute, short-term ones apart. Every row stays in
# Delta `forecasts`; here go those that are past, and those that a newer forecast has covered.
PAST = "DELETE FROM forecast_points WHERE ds < %s"
COVERED = """
DELETE FROM forecast_points AS old USING forecast_points AS newer
WHERE newer.symbol = old.symbol AND newer.ds = old.ds AND newer.made_at > old.made_at
    AND (newer.model = 'short-term') = (old.model = 'short-term')"""


def serve_forecast(
    dsn: Dsn, rows: Sequence[Mapping[str, Any]], *, clock: datetime, keep_days: int
) -> None:
    """Put a forecast's rows in `forecast_points`; repeating it changes nothing.

    Goes with them, in one transaction: rows of minutes more than `keep_days` before the market
    clock, and rows of minutes that a forecast made later has too.

    Raises:
        Unreachable: the server does not answer.
    """
    create_tables(dsn)
    with transaction(dsn) as link, link.cursor() as cursor:
        if rows:
            upsert_with(cursor, "forecast_points", rows)
        cursor.execute(PAST, (clock - timedelta(days=keep_days),))
        cursor.execute(COVERED)
