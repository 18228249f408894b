"""The audit of the contracts and auctions that Postgres serves: the rows of the lake's version."""

from datetime import datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable

from include.checks import Check
from include.clock import utc_now
from include.errors import QueryError, UnreadableTable
from include.lake.audit.differences import check_served_rows
from include.lake.believed_times import newest_in_column
from include.lake.columns import Table
from include.lake.floors import whole_minutes_from
from include.lake.reading import connect, open_table
from include.market.time import ALL_TIME
from include.serving.added_files import read_served
from include.serving.connection import Dsn
from include.serving.market_rows import LANDED_IN, find_oldest, read_since
from include.serving.market_tables import MARKET_TABLES, TIME_OF


def check_market_tables(dsn: Dsn, lake: str, *, keep_days: int) -> list[Check]:
    """Whether Postgres has the contracts and auctions of the versions that it was served from.

    Raises:
        Unreachable: the server does not answer, or a table is not made yet.
    """
    return [_check_served(dsn, lake, table, keep_days) for table in MARKET_TABLES]


def _check_served(dsn: Dsn, lake: str, table: Table, keep_days: int) -> Check:
    next_version, served = read_served(dsn, table)
    return check_market_table(lake, table, served, next_version=next_version, keep_days=keep_days)


def check_market_table(
    lake: str, table: Table, served: pa.Table, *, next_version: int, keep_days: int
) -> Check:
    """Whether these are the rows of the lake before its table's `next_version`.

    Older than `keep_days` before the newest, and from where retention dropped what they are made
    of, they are left out: Postgres lets them go when it has time, the lake has them no more.
    """
    lake_rows = served.slice(0, 0)
    if delta := _open_version(lake, LANDED_IN[table.name], next_version):
        keep = timedelta(days=keep_days)
        since_at = max(
            find_oldest(delta, keep),
            _oldest_due(served, TIME_OF[table.name], keep),
            whole_minutes_from(lake, LANDED_IN[table.name]),
        )
        lake_rows = _read_landed(lake, table, delta, since_at)
        served = served.filter(pc.field(TIME_OF[table.name]) >= since_at)
    with connect("", ()) as connection:
        connection.register("served", served)
        connection.register("landed", lake_rows)
        return check_served_rows(connection, table, count=served.num_rows)


def _open_version(lake: str, name: str, next_version: int) -> DeltaTable | None:
    """The version before the next one, or the newest where that is gone; null before the first."""
    if not next_version:
        return None
    try:
        return open_table(lake, name, version=next_version - 1)
    except UnreadableTable:  # its log was cleaned up since
        return open_table(lake, name)


def _read_landed(lake: str, table: Table, delta: DeltaTable, since_at: datetime) -> pa.Table:
    try:
        return read_since(table, delta, since_at)
    except QueryError:  # its files were deleted since: a compaction joined them
        newest = open_table(lake, LANDED_IN[table.name])
        return read_since(table, newest or delta, since_at)


def _oldest_due(served: pa.Table, column: str, keep: timedelta) -> datetime:
    """Before which Postgres may have let rows go; one of the future makes no other one old."""
    newest = newest_in_column(served[column], now=utc_now())
    return ALL_TIME[0] if newest is None else newest - keep
