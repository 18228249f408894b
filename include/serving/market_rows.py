"""Postgres' rows of contracts and auctions, served from the lake's landed tables.

A minute of a contract may land in several versions, and an auction's row again: each is computed
from all its rows each time.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from deltalake import DeltaTable

from include.clock import utc_now
from include.lake.believed_times import newest_in
from include.lake.columns import Table
from include.lake.file_selection import (
    LATEST,
    TimeSpan,
    files_in_spans,
    files_not_in,
    list_files,
    list_uris,
)
from include.lake.reading import connect, create_view
from include.lake.views import create_views
from include.lake.writing import arrow_schema
from include.market.time import MINUTE
from include.serving.added_files import serve_added
from include.serving.connection import Dsn
from include.serving.market_tables import AUCTIONS, CONTRACT_MINUTES, MARKET_TABLES

if TYPE_CHECKING:
    import duckdb

ROWS_AT_ONCE = 10_000
RESOLUTION = timedelta(microseconds=1)
NEW_MINUTES = "SELECT DISTINCT minute FROM contract_minutes WHERE minute >= $since ORDER BY minute"
CONTRACT_ROWS = f"""
SELECT {", ".join(CONTRACT_MINUTES.names)} FROM contract_minutes
WHERE minute IN (SELECT unnest($minutes))"""
CONTRACTS_SINCE = f"""
SELECT {", ".join(CONTRACT_MINUTES.names)} FROM contract_minutes WHERE minute >= $since"""
AUCTION_KEY = ", ".join(AUCTIONS.key)
NEW_AUCTIONS = "SELECT min(published_at), max(published_at) FROM added WHERE event_index >= 0"
IN_ADDED = f"({AUCTION_KEY}) IN (SELECT ({AUCTION_KEY}) FROM added)"
AUCTIONS_SINCE = f"""
SELECT DISTINCT ON ({AUCTION_KEY}) {", ".join(AUCTIONS.names)} FROM auctions
WHERE event_index >= 0 AND published_at >= $since AND {{chosen}}
ORDER BY {AUCTION_KEY}, "offset" DESC, event_index DESC"""
LANDED_IN = {CONTRACT_MINUTES.name: "tickers", AUCTIONS.name: "auctions"}


def serve_market_tables(dsn: Dsn, lake: str, *, keep_days: int) -> dict[str, int]:
    """Bring both tables up to Delta's newest versions; gives rows written by table.

    Raises:
        Unreachable: Postgres does not answer; the table at hand was not served.
    """
    readers = zip(MARKET_TABLES, (_read_contracts, _read_auctions), strict=True)
    return {
        table.name: serve_added(
            dsn, lake, LANDED_IN[table.name], table=table, read_rows=read_rows, keep_days=keep_days
        )
        for table, read_rows in readers
    }


def read_since(table: Table, delta: DeltaTable, since_at: datetime) -> pa.Table:
    """All rows that a version of the landed table gives one of both, from a moment on.

    Raises:
        QueryError: the version's files are deleted.
    """
    files, statement = list_files(delta), AUCTIONS_SINCE.format(chosen=True)
    if table is CONTRACT_MINUTES:
        files, statement = _files_of(files, [(since_at, LATEST)]), CONTRACTS_SINCE
    with closing(_open_views(delta, list_uris(files), statement)) as connection:
        rows = connection.sql(statement, params={"since": since_at}).to_arrow_table()
    return rows.cast(arrow_schema(table))


def _read_contracts(
    table: DeltaTable, files: list[str], keep: timedelta
) -> Iterator[list[dict[str, Any]]]:
    since = find_oldest(table, keep)
    recent = set(list_uris(_files_of(list_files(table), [(since, LATEST)])))
    with closing(
        _open_views(table, [uri for uri in files if uri in recent], NEW_MINUTES)
    ) as connection:
        minute_rows = connection.execute(NEW_MINUTES, {"since": since}).fetchall()
    minutes = [minute for (minute,) in minute_rows]
    spans = [(minute, minute + MINUTE) for minute in minutes]
    chosen = list_uris(_files_of(list_files(table), spans))
    with closing(_open_views(table, chosen, CONTRACT_ROWS)) as connection:
        cursor = connection.execute(CONTRACT_ROWS, {"minutes": minutes})
        while rows := cursor.fetchmany(ROWS_AT_ONCE):
            yield [dict(zip(CONTRACT_MINUTES.names, row, strict=True)) for row in rows]


def _read_auctions(
    table: DeltaTable, files: list[str], keep: timedelta
) -> Iterator[list[dict[str, Any]]]:
    with closing(connect("", ())) as connection:
        create_view(connection, "added", table, files=files)
        first_at, last_at = connection.execute(NEW_AUCTIONS).fetchall()[0]
        if first_at is None:
            return
        spans = [(first_at, last_at + RESOLUTION)]
        chosen = files_in_spans(list_files(table), "published_at", spans)
        create_view(connection, AUCTIONS.name, table, files=list_uris(chosen))
        statement = AUCTIONS_SINCE.format(chosen=IN_ADDED)
        cursor = connection.execute(statement, {"since": find_oldest(table, keep)})
        while rows := cursor.fetchmany(ROWS_AT_ONCE):
            yield [dict(zip(AUCTIONS.names, row, strict=True)) for row in rows]


def find_oldest(table: DeltaTable, keep: timedelta) -> datetime:
    """Before which landed rows are left out; one of the future makes no other one old."""
    now = utc_now()
    return (newest_in(table, "received_time", now=now) or now) - keep


def _files_of(files: pa.Table, spans: Sequence[TimeSpan]) -> pa.Table:
    """The files that may hold rows of the spans: by the venue's time, by receipt where it is none.

    A file is taken by either, since it may hold rows with and without the venue's time.
    """
    by_venue = files_in_spans(files, "venue_time", spans)
    by_receipt = files_in_spans(files, "received_time", spans)
    return pa.concat_tables([by_venue, files_not_in(by_receipt, list_uris(by_venue))])


def _open_views(table: DeltaTable, files: list[str], statement: str) -> "duckdb.DuckDBPyConnection":
    connection = connect("", ())
    create_view(connection, PurePosixPath(table.table_uri).name, table, files=files)
    create_views(connection, statement)
    return connection
