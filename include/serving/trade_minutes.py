"""Trade minutes in Delta and Postgres, with the offsets of the trades that they are made from.

Postgres has the open minute at once; Delta gets a minute when it is closed, and again when a late
trade changes it. Delta is merged before the transaction of Postgres, which has the new offsets, is
committed: a kill at any point means that the same minutes are computed again.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc
from psycopg2.extensions import connection as Connection
from psycopg2.extras import RealDictCursor

from include.lake.closed_minutes import closed_until, closing_watermarks, merge_closed
from include.lake.minutes import ChangedMinutes, changed_minutes
from include.lake.recounted_minutes import minutes_between
from include.lake.tables import TRADE_MINUTES
from include.lake.writing import arrow_rows, arrow_schema
from include.serving.bulk import copy_arrow
from include.serving.connection import TRANSACTION_LOCK, Dsn, transaction
from include.serving.tables import READER_OFFSETS, upsert_with
from include.settings import Settings
from include.settings.groups import DatabaseRole

READER, LEDGER_READER = "trade_minutes", "trade_minutes_ledger"
# Most trades of a minute have landed by then, so that Delta is written once a minute.
CLOSED_AFTER = timedelta(seconds=15)
CLOSED = "minute >= %s AND minute < %s"


@dataclass
class CountedFiles:
    """The files of trades in which a reader at these offsets finds nothing new."""

    offsets: dict[int, int] = field(default_factory=dict)
    files: frozenset[str] = frozenset()

    def select_skipped(self, offsets: dict[int, int]) -> frozenset[str]:
        """The files to leave out from these offsets on: none if the reader was set back."""
        return self.files if offsets == self.offsets else frozenset()


OFFSETS = 'SELECT "partition", next_offset FROM reader_offsets WHERE reader = %s'


def served_minutes(dsn: Dsn, column_names: Sequence[str]) -> tuple[dict[int, int], pa.Table]:
    """Next offset of market.trades by partition, and every minute: both of one moment.

    Raises:
        Unreachable: Postgres does not answer.
    """
    with transaction(dsn) as connection, _row_cursor(connection) as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        offsets = _read_offsets(cursor)
        schema = pa.schema([arrow_schema(TRADE_MINUTES).field(name) for name in column_names])
        return offsets, copy_arrow(cursor, TRADE_MINUTES.name, schema)


@contextmanager
def locked_minutes(dsn: Dsn) -> Iterator[tuple[RealDictCursor, dict[int, int]]]:
    """A transaction in which nobody else writes trade minutes, and the offsets reached.

    Raises:
        Unreachable: Postgres does not answer.
    """
    with transaction(dsn) as connection, _row_cursor(connection) as cursor:
        cursor.execute(TRANSACTION_LOCK, (READER,))
        yield cursor, _read_offsets(cursor)


def _row_cursor(connection: Connection) -> RealDictCursor:
    cursor: RealDictCursor = connection.cursor(cursor_factory=RealDictCursor)
    return cursor


def _read_offsets(cursor: RealDictCursor, reader: str = READER) -> dict[int, int]:
    cursor.execute(OFFSETS, (reader,))
    return {row["partition"]: row["next_offset"] for row in cursor.fetchall()}


def refresh(settings: Settings, *, now: datetime, counted: CountedFiles | None = None) -> int:
    """Bring both tables up to the landed trades; gives how many minutes were recomputed.

    Minutes that have ended `CLOSED_AFTER` before `now` are closed. A process that refreshes again
    and again keeps `counted`, which spares it the files that it has read.

    Raises:
        Unreachable: Postgres does not answer.
    """
    counted = counted or CountedFiles()
    with locked_minutes(settings.dsn(DatabaseRole.STREAM)) as (cursor, before):
        new = changed_minutes(
            settings.lake,
            before,
            ledger_offsets=_read_offsets(cursor, LEDGER_READER),
            counted_files=counted.select_skipped(before),
        )
        upsert_with(cursor, TRADE_MINUTES, new.minutes.to_pylist())
        _close(settings.lake, cursor, new, now=now)
        reader_offsets = [
            {"reader": reader, "partition": partition, "next_offset": offset}
            for reader, offsets in ((READER, new.offsets), (LEDGER_READER, new.ledger_offsets))
            for partition, offset in offsets.items()
        ]
        upsert_with(cursor, READER_OFFSETS, reader_offsets)
    counted.offsets, counted.files = new.offsets, new.counted_files
    return int(new.minutes.num_rows)


def restate(settings: Settings, start_at: datetime, end_at: datetime) -> int:
    """Recompute the minutes from `start_at` to before `end_at`; gives how many.

    For what `refresh` cannot see: trades that came back from quarantine, a feed ledger that has
    more entries by now. Minutes that are equal already stay equal; those that Delta does not have
    yet, since they are not closed, are written to Postgres alone.

    Raises:
        Unreachable: Postgres does not answer.
    """
    with locked_minutes(settings.dsn(DatabaseRole.STREAM)) as (cursor, offsets):
        minutes = minutes_between(settings.lake, start_at, end_at, offsets=offsets)
        upsert_with(cursor, TRADE_MINUTES, minutes.to_pylist())
        merge_closed(settings.lake, _select_before(minutes, closed_until(settings.lake)))
    return int(minutes.num_rows)


def closing_time(now: datetime) -> datetime:
    """The minute before which minutes are closed at a time of the clock."""
    return (now - CLOSED_AFTER).replace(second=0, microsecond=0)


def _close(lake: str, cursor: RealDictCursor, new: ChangedMinutes, *, now: datetime) -> None:
    """Bring Delta the changed minutes of those that it has, and the minutes closed since then."""
    since = closed_until(lake)
    until = max(since, closing_time(now))
    names = ", ".join(TRADE_MINUTES.names)
    cursor.execute(f"SELECT {names} FROM trade_minutes WHERE {CLOSED}", (since, until))
    closed = arrow_rows(TRADE_MINUTES, cursor.fetchall())
    new_minutes = pa.concat_tables([_select_before(new.minutes, since), closed])
    merge_closed(lake, new_minutes, watermarks=closing_watermarks(new.offsets, until))


def _select_before(new_minutes: pa.Table, end_at: datetime) -> pa.Table:
    return new_minutes.filter(pc.less(new_minutes["minute"], end_at))
