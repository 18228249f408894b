"""Postgres' `signals`, served from Delta's."""

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from typing import Any

from deltalake import DeltaTable

from include.lake.believed_times import newest_sql
from include.lake.reading import connect, create_view
from include.lake.tables import SIGNALS
from include.serving.added_files import serve_added
from include.serving.connection import Dsn

ROWS = f"""
SELECT {", ".join(SIGNALS.names)} FROM signals
WHERE "timestamp" >= {newest_sql('"timestamp"', "newest")} - $keep
"""
ROWS_AT_ONCE = 10_000


def serve_signals(dsn: Dsn, lake: str, *, keep_days: int) -> int:
    """Bring Postgres up to Delta's newest version; gives how many rows were written.

    Raises:
        Unreachable: Postgres does not answer; nothing was served.
    """
    return serve_added(
        dsn, lake, SIGNALS.name, table=SIGNALS, read_rows=_read_rows, keep_days=keep_days
    )


def _read_rows(
    table: DeltaTable, files: list[str], keep: timedelta
) -> Iterator[list[dict[str, Any]]]:
    with closing(connect("", ())) as connection:
        create_view(connection, SIGNALS.name, table, files=files)
        create_view(connection, "newest", table)
        cursor = connection.execute(ROWS, {"keep": keep})
        while rows := cursor.fetchmany(ROWS_AT_ONCE):
            yield [dict(zip(SIGNALS.names, row, strict=True)) for row in rows]
