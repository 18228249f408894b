"""Postgres' `signals`, served from Delta: what its versions added since the one that was served.

Delta is the only source, so that both hold the same rows whenever Postgres comes back from an
outage, however long, or from the loss of its databases.
"""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from deltalake import DeltaTable

from include.lake.delta_log import find_log
from include.lake.reading import connect, create_view, open_table
from include.lake.tables import SIGNALS
from include.serving.connection import TRANSACTION_LOCK, Dsn, transaction
from include.serving.tables import READER_OFFSETS, upsert_with

READER = "signals"  # its `next_offset` is the next version of the table
SERVED = 'SELECT next_offset FROM reader_offsets WHERE reader = %s AND "partition" = 0'
ROWS = f"""
SELECT {", ".join(SIGNALS.names)} FROM signals
WHERE "timestamp" >= coalesce(
    (SELECT max("timestamp") FROM newest WHERE "timestamp" <= now() + INTERVAL 1 DAY) - $keep,
    '-infinity')
"""
ROWS_AT_ONCE = 10_000


def serve_signals(dsn: Dsn, lake: str, *, keep_days: int) -> int:
    """Bring Postgres up to Delta's newest version; gives how many rows were written.

    Rows more than `keep_days` before the newest are left out: Postgres lets them go.

    Raises:
        Unreachable: Postgres does not answer; nothing was served.
    """
    table = open_table(lake, SIGNALS.name)
    if table is None:
        return 0
    row_count, version = 0, table.version()
    with transaction(dsn) as connection, connection.cursor() as cursor:
        cursor.execute(TRANSACTION_LOCK, (READER,))
        cursor.execute(SERVED, (READER,))
        (served,) = cursor.fetchone() or (0,)
        if served == version + 1:
            return 0
        for rows in _rows(table, _new_files(table, served), keep_days):
            upsert_with(cursor, SIGNALS, rows)
            row_count += len(rows)
        bookmark = {"reader": READER, "partition": 0, "next_offset": version + 1}
        upsert_with(cursor, READER_OFFSETS, [bookmark])
    return row_count


def _new_files(table: DeltaTable, served: int) -> list[str]:
    """The files that hold the rows of versions from `served` on; all, where that is not known."""
    everything = list(table.file_uris())
    log = find_log(table)
    if not 0 < served <= table.version():
        return everything
    added: set[str] = set()
    for version in range(served, table.version() + 1):
        commit = log / f"{version:020d}.json"
        if not commit.exists():
            return everything  # cleaned up since
        actions = map(json.loads, commit.read_text().splitlines())
        added |= {
            Path(unquote(action["add"]["path"])).name
            for action in actions
            if "add" in action and action["add"]["dataChange"]
        }
    return [uri for uri in everything if Path(unquote(uri)).name in added]


def _rows(table: DeltaTable, files: list[str], keep_days: int) -> Iterator[list[dict[str, Any]]]:
    if not files:
        return
    connection = connect("", ())
    try:
        create_view(connection, SIGNALS.name, table, files=files)
        create_view(connection, "newest", table)
        cursor = connection.execute(ROWS, {"keep": timedelta(days=keep_days)})
        while rows := cursor.fetchmany(ROWS_AT_ONCE):
            yield [dict(zip(SIGNALS.names, row, strict=True)) for row in rows]
    finally:
        connection.close()
