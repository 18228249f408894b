"""Trade minutes in Delta and Postgres, with the offsets of the trades that they are made from.

Delta is merged first; Postgres gets the rows and the new offsets in one transaction, so a kill at
any point means that the same minutes are computed again.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

import pyarrow as pa
from psycopg2.extensions import connection as Connection
from psycopg2.extras import RealDictCursor

from include.lake.minutes import changed_minutes, minutes_between
from include.lake.tables import TRADE_MINUTES
from include.lake.writing import merge_rows
from include.serving.connection import Dsn, Row, transaction
from include.serving.tables import READER_OFFSETS, upsert_with
from include.settings import Settings

READER = "trade_minutes"
OFFSETS = 'SELECT "partition", next_offset FROM reader_offsets WHERE reader = %s'
LOCK = "SELECT pg_advisory_xact_lock(hashtext(%s))"


def served_minutes(dsn: Dsn, column_names: Sequence[str]) -> tuple[dict[int, int], list[Row]]:
    """Next offset of market.trades by partition, and every minute: both of one moment.

    Raises:
        Unreachable: Postgres does not answer.
    """
    with transaction(dsn) as connection, _row_cursor(connection) as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        offsets = _read_offsets(cursor)
        cursor.execute(f"SELECT {', '.join(column_names)} FROM trade_minutes")
        return offsets, list(cursor.fetchall())


@contextmanager
def locked_minutes(dsn: Dsn) -> Iterator[tuple[RealDictCursor, dict[int, int]]]:
    """A transaction in which nobody else writes trade minutes, and the offsets reached.

    Raises:
        Unreachable: Postgres does not answer.
    """
    with transaction(dsn) as connection, _row_cursor(connection) as cursor:
        cursor.execute(LOCK, (READER,))
        yield cursor, _read_offsets(cursor)


def _row_cursor(connection: Connection) -> RealDictCursor:
    cursor: RealDictCursor = connection.cursor(cursor_factory=RealDictCursor)
    return cursor


def _read_offsets(cursor: RealDictCursor) -> dict[int, int]:
    cursor.execute(OFFSETS, (READER,))
    return {row["partition"]: row["next_offset"] for row in cursor.fetchall()}


def refresh(settings: Settings) -> int:
    """Bring both tables up to the landed trades; gives how many minutes were written.

    Raises:
        Unreachable: Postgres does not answer.
    """
    with locked_minutes(settings.dsn()) as (cursor, before):
        minutes, after = changed_minutes(settings.lake, before)
        if after == before:
            return 0
        _write(settings, cursor, minutes)
        reached = [
            {"reader": READER, "partition": partition, "next_offset": offset}
            for partition, offset in after.items()
        ]
        upsert_with(cursor, READER_OFFSETS, reached)
    return int(minutes.num_rows)


def restate(settings: Settings, first: datetime, until: datetime) -> int:
    """Write the minutes from `first` to before `until` anew from the landed trades; their number.

    For what `refresh` cannot see: trades that came back from quarantine, a feed ledger that has
    more entries by now. Minutes that are equal already stay equal.

    Raises:
        Unreachable: Postgres does not answer.
    """
    with locked_minutes(settings.dsn()) as (cursor, offsets):
        minutes = minutes_between(settings.lake, first, until, offsets=offsets)
        _write(settings, cursor, minutes)
    return int(minutes.num_rows)


def _write(settings: Settings, cursor: RealDictCursor, new_minutes: pa.Table) -> None:
    if new_minutes.num_rows:
        merge_rows(settings.lake, TRADE_MINUTES, new_minutes)
        upsert_with(cursor, TRADE_MINUTES, new_minutes.to_pylist())
