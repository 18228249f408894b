"""Serving a table of the lake in Postgres: what Delta's versions added since the one last served.

Delta is the only source, so that both hold the same rows whenever Postgres comes back from an
outage, however long, or from the loss of its databases. The version to go on with is a row of
`reader_offsets`.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import msgspec
import psycopg2
import pyarrow as pa
from deltalake import DeltaTable

from include.errors import Unreachable
from include.lake.columns import Table
from include.lake.delta_log import find_log
from include.lake.reading import open_table
from include.lake.writing import arrow_schema
from include.log import event
from include.object_path import StorePath
from include.serving.bulk import copy_arrow
from include.serving.connection import TRANSACTION_LOCK, Dsn, transaction
from include.serving.tables import READER_OFFSETS, upsert_with

log = logging.getLogger("tickhouse.stream")

Rows = Sequence[Mapping[str, Any]]
ReadRows = Callable[[DeltaTable, list[str], timedelta], Iterable[Rows]]
"""The rows that follow from these files of a table's version, some thousands at a time."""

NEXT_VERSION = 'SELECT next_offset FROM reader_offsets WHERE reader = %s AND "partition" = 0'
FORGET = "DELETE FROM reader_offsets WHERE reader = %s"


def serve_added(
    dsn: Dsn, lake: str, source: str, *, table: Table, read_rows: ReadRows, keep_days: int
) -> int:
    """Bring Postgres' table up to the newest version of the lake's; gives how many rows came.

    Rows more than `keep_days` before the newest are left out: Postgres lets them go.

    Raises:
        Unreachable: Postgres does not answer; nothing was served.
    """
    opened = open_table(lake, source)
    if opened is None:
        return 0
    row_count, version = 0, opened.version()
    with transaction(dsn) as connection, connection.cursor() as cursor:
        cursor.execute(TRANSACTION_LOCK, (table.name,))
        served = read_next_version(cursor, table)
        if served == version + 1:
            return 0
        if files := find_added_files(opened, served):
            for rows in read_rows(opened, files, timedelta(days=keep_days)):
                upsert_with(cursor, table, rows)
                row_count += len(rows)
        bookmark = {"reader": table.name, "partition": 0, "next_offset": version + 1}
        upsert_with(cursor, READER_OFFSETS, [bookmark])
    return row_count


def read_served(dsn: Dsn, table: Table) -> tuple[int, pa.Table]:
    """The first version of the lake's table that is not served yet, and all that Postgres has.

    Raises:
        Unreachable: the server does not answer, or the table is not made yet.
    """
    try:
        with transaction(dsn) as connection, connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            next_version = read_next_version(cursor, table)
            return next_version, copy_arrow(cursor, table.name, arrow_schema(table))
    except psycopg2.errors.UndefinedTable as error:
        raise Unreachable(f"Postgres lacks a table: {error}") from error


def read_next_version(cursor: Any, table: Table) -> int:
    """The first version of the lake's table that is not served yet."""
    cursor.execute(NEXT_VERSION, (table.name,))
    (version,) = cursor.fetchone() or (0,)
    return int(version)


def forget_version(cursor: Any, table: Table) -> None:
    """Let the next turn serve the table from its first version on."""
    cursor.execute(FORGET, (table.name,))


def find_added_files(table: DeltaTable, served: int) -> list[str]:
    """The files that hold the rows of versions from `served` on; all, where that is not known.

    A compaction in between joined rows that were not served yet with others that were.
    """
    everything, folder = list(table.file_uris()), find_log(table)
    if not 0 < served <= table.version():
        return everything
    added, compacted = set[str](), set[str]()
    for version in range(served, table.version() + 1):
        actions = _read_actions(folder / f"{version:020d}.json")
        if actions is None:
            return everything
        for action in actions:
            if "add" in action and action["add"]["dataChange"]:
                added.add(_file_name(action["add"]["path"]))
            if "remove" in action and not action["remove"]["dataChange"]:
                compacted.add(_file_name(action["remove"]["path"]))
    if added & compacted:
        return everything
    return [uri for uri in everything if _file_name(uri) in added]


def _read_actions(commit: StorePath) -> list[dict[str, Any]] | None:
    """The actions of a commit; null if it is cleaned up, or damaged below a checkpoint."""
    try:
        actions: list[dict[str, Any]] = msgspec.json.Decoder(dict[str, Any]).decode_lines(
            commit.read_bytes()
        )
    except FileNotFoundError:
        return None
    except (msgspec.MsgspecError, UnicodeDecodeError):
        actions = []
    if not actions:  # each commit has one
        log.warning(event("commit damaged: all of its table is served", path=commit))
        return None
    return actions


def _file_name(path: str) -> str:
    return Path(unquote(path)).name
