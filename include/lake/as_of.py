"""Time travel: a Delta table as it was at a moment, or at a version."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from include.errors import QueryError
from include.market.numerals import parse_whole
from include.market.time import parse_iso_time

AsOf = datetime | int | None


def parse_as_of(text: str) -> AsOf:
    """A version number or an ISO time (UTC where it has no zone); null if it is empty.

    Raises:
        QueryError: it is neither.
    """
    if not text:
        return None
    version = parse_whole(text)
    return parse_time(text) if version is None else version


def parse_time(text: str) -> datetime:
    """An ISO time such as 2026-11-21T08:00 as aware UTC.

    Raises:
        QueryError: it is none, or outside `include.market.time.ALL_TIME`.
    """
    try:
        return parse_iso_time(text)
    except ValueError as error:
        raise QueryError(str(error)) from error


def load_as_of(table: DeltaTable, as_of: AsOf) -> DeltaTable | None:
    """The table as it was; null if it was made later.

    Raises:
        QueryError: the table's log no longer reaches back so far, or has no such version.
    """
    if as_of is None:
        return table
    try:
        version = as_of if isinstance(as_of, int) else _version_at(table, as_of)
        if version is not None:
            table.load_as_version(version)
    except (DeltaError, OverflowError) as error:  # no version has more than 64 bits
        raise QueryError(f"{_name(table)} cannot be read as of {as_of}: {error}") from error
    return None if version is None else table


def _version_at(table: DeltaTable, as_of: datetime) -> int | None:
    """The version that was the newest at a moment, by the times in the commits; null: none yet.

    delta-rs goes by the files' times, which a copy of the lake has new: its answer is a first
    guess, so that as a rule few commits are read.
    """
    newest = table.version()
    probe = DeltaTable(table.table_uri)
    probe.load_as_version(as_of)
    guess = probe.version()
    for limit in (newest - guess + 2, None):
        commits = {
            int(commit["version"]): _committed_at(commit)
            for commit in DeltaTable(table.table_uri).history(limit)
            if int(commit["version"]) <= newest
        }
        earlier = [version for version, at in commits.items() if at <= as_of]
        if earlier:
            return max(earlier)
        if 0 in commits:
            return None
    begin = min(commits.values())
    raise QueryError(
        f"{_name(table)} cannot be read as of {as_of.isoformat()}: its log begins at "
        f"{begin.isoformat()}"
    )


def _committed_at(commit: Mapping[str, Any]) -> datetime:
    at_ms = commit.get("inCommitTimestamp") or commit["timestamp"]
    return datetime.fromtimestamp(at_ms / 1000, UTC)


def missing_files(paths: Sequence[str]) -> list[str]:
    """Local files of a version that are gone: a clean-up removed them."""
    return [path for path in paths if "://" not in path and not Path(path).exists()]


def _name(table: DeltaTable) -> str:
    return f"table {table.table_uri.rstrip('/').rpartition('/')[2]}"
