"""Time travel: a Delta table as it was at a moment, or at a version."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from include.errors import QueryError
from include.market.time import parse_iso_time

AsOf = datetime | int | None


def parse_as_of(text: str) -> AsOf:
    """A version number or an ISO time (UTC where it has no zone); null if it is empty.

    Raises:
        QueryError: it is neither.
    """
    if not text or (text.isascii() and text.isdecimal()):
        return int(text) if text else None
    return parse_time(text)


def parse_time(text: str) -> datetime:
    """An ISO time such as 2026-11-21T08:00 as aware UTC.

    Raises:
        QueryError: it is none.
    """
    try:
        return parse_iso_time(text)
    except ValueError as error:
        raise QueryError(f"{text!r} is not an ISO time such as 2026-11-21T08:00:00Z") from error


def load_as_of(table: DeltaTable, as_of: AsOf) -> DeltaTable | None:
    """The table as it was; null if it was made later.

    Raises:
        QueryError: the table's log no longer reaches back so far, or has no such version.
    """
    if as_of is None:
        return table
    newest = table.version()
    try:
        table.load_as_version(as_of)
        return None if isinstance(as_of, datetime) and _is_younger(table, newest, as_of) else table
    except (DeltaError, OverflowError) as error:  # no version has more than 64 bits
        raise QueryError(f"{_name(table)} cannot be read as of {as_of}: {error}") from error


def _is_younger(table: DeltaTable, newest: int, as_of: datetime) -> bool:
    """Whether the table was made after that time: delta-rs gives its oldest version for any such.

    Only a table at its newest version gives its history correctly.
    """
    history = DeltaTable(table.table_uri).history(newest - table.version() + 1)
    made_at = datetime.fromtimestamp(history[-1]["timestamp"] / 1000, UTC)
    if made_at > as_of and table.version() > 0:
        raise QueryError(
            f"{_name(table)} cannot be read as of {as_of.isoformat()}: its log begins at "
            f"{made_at.isoformat()}"
        )
    return made_at > as_of


def missing_files(paths: Sequence[str]) -> list[str]:
    """Local files of a version that are gone: a clean-up removed them."""
    return [path for path in paths if "://" not in path and not Path(path).exists()]


def _name(table: DeltaTable) -> str:
    return f"table {table.table_uri.rstrip('/').rpartition('/')[2]}"
