"""Trade minutes in Delta and Postgres, with the offsets of the trades that they are made from.

Delta is merged first; Postgres gets the rows and the new offsets in one transaction, so a kill at
any point means that the same minutes are computed again.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pyarrow as pa
from psycopg2.extensions import cursor

from include.lake.minutes import changed_minutes, minutes_between
from include.lake.tables import TRADE_MINUTES
from include.lake.writing import merge_rows
from include.serving.connection import Dsn, transaction
from include.serving.tables import upsert_with
from include.settings import Settings

READER = "trade_minutes"
POSITIONS = 'SELECT "partition", next_offset FROM positions WHERE reader = %s'
LOCK = "SELECT pg_advisory_xact_lock(hashtext(%s))"


def served_minutes(
    dsn: Dsn, columns: Sequence[str]
) -> tuple[dict[int, int], list[tuple[Any, ...]]]:
    """Next offset of market.trades by partition, and every minute: both of one moment.

    Raises:
        Unreachable: Postgres does not answer.
    """
    with transaction(dsn) as link, link.cursor() as own:
        own.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        own.execute(POSITIONS, (READER,))
        positions = dict(own.fetchall())
        own.execute(f"SELECT {', '.join(columns)} FROM trade_minutes")
        return positions, own.fetchall()


@contextmanager
def alone(dsn: Dsn) -> Iterator[tuple[cursor, dict[int, int]]]:
    """A transaction in which nobody else writes trade minutes, and the positions reached.

    Raises:
        Unreachable: Postgres does not answer.
    """
    with transaction(dsn) as link, link.cursor() as own:
        own.execute(LOCK, (READER,))
        own.execute(POSITIONS, (READER,))
        yield own, dict(own.fetchall())


def refresh(settings: Settings) -> int:
    """Bring both tables up to the landed trades; gives how many minutes were written.

    Raises:
        Unreachable: Postgres does not answer.
    """
    with alone(settings.dsn()) as (cursor, before):
        minutes, after = changed_minutes(settings.lake, before)
        if after == before:
            return 0
        _write(settings, cursor, minutes)
        places = [
            {"reader": READER, "partition": partition, "next_offset": offset}
            for partition, offset in after.items()
        ]
        upsert_with(cursor, "positions", places)
    return int(minutes.num_rows)


def restate(settings: Settings, first: datetime, until: datetime) -> int:
    """Write the minutes from `first` to before `until` anew from the landed trades; their number.

    For what `refresh` cannot see: trades that came back from quarantine, a feed ledger that tells
    more by now. Minutes that are equal already stay equal.

    Raises:
        Unreachable: Postgres does not answer.
    """
    with alone(settings.dsn()) as (cursor, positions):
        minutes = minutes_between(settings.lake, first, until, positions=positions)
        _write(settings, cursor, minutes)
    return int(minutes.num_rows)


def _write(settings: Settings, cursor: Any, minutes: pa.Table) -> None:
    if minutes.num_rows:
        merge_rows(settings.lake, TRADE_MINUTES, minutes)
        upsert_with(cursor, "trade_minutes", minutes.to_pylist())
