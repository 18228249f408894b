"""What people wrote beside the market: a text at a moment of a symbol. Postgres alone has them."""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from include.errors import QueryError
from include.lake.columns import Column, Table, text
from include.serving.connection import Dsn, Row, fetch_rows, transaction
from include.serving.read_only_query import Query

MAX_TEXT = 280
MAX_ANNOTATIONS = 5000
ANNOTATIONS = Table(
    "annotations",
    "What people wrote on the dashboard at a moment of a symbol",
    (
        text("annotation_id", "its id", required=True),
        text("symbol", "BASE-QUOTE", required=True),
        Column("noted_at", "timestamp", "the moment that it is about (market time)", required=True),
        text("note", f"the text, {MAX_TEXT} characters at most", required=True),
        Column("written_at", "timestamp", "when it was written", required=True),
    ),
    key=("annotation_id",),
)
_COLUMNS = "annotation_id, symbol, noted_at, note"
_NEWEST = 200
NEWEST_ANNOTATIONS: Query = (
    f"SELECT {_COLUMNS} FROM annotations ORDER BY noted_at DESC LIMIT {_NEWEST}",
    (),
)
_ADD = """
INSERT INTO annotations SELECT %s, %s, %s, %s, %s
WHERE (SELECT count(*) FROM annotations) < %s"""


_PUT_BACK = """
INSERT INTO annotations VALUES (%s, %s, %s, %s, %s) ON CONFLICT (annotation_id) DO NOTHING"""
NOTES = "annotations.json"  # of a backup: the lake has none of them


@dataclass(frozen=True)
class Annotation:
    """A text at a second (market time) of a symbol."""

    annotation_id: str
    symbol: str
    at_s: int
    note: str


def read_annotation(row: Row) -> Annotation:
    """The annotation of a row."""
    second = int(row["noted_at"].timestamp())
    return Annotation(row["annotation_id"], row["symbol"], second, row["note"])


def annotations_between(start_s: int, end_s: int) -> Query:
    """The query of the newest annotations at these seconds, both included."""
    first_at, last_at = (datetime.fromtimestamp(second, UTC) for second in (start_s, end_s))
    statement = (
        f"SELECT {_COLUMNS} FROM annotations WHERE noted_at BETWEEN %s AND %s"
        f" ORDER BY noted_at DESC LIMIT {_NEWEST}"
    )
    return statement, (first_at, last_at)


def add_annotation(dsn: Dsn, symbol: str, at_s: int, note: str, *, now: datetime) -> Annotation:
    """Write a text at a second (market time) of a symbol.

    Raises:
        QueryError: it is empty or too long, or there are too many.
        Unreachable: Postgres does not answer.
    """
    content = " ".join(note.replace("\0", " ").split())
    if not content:
        raise QueryError("an annotation needs a text")
    if len(content) > MAX_TEXT:
        raise QueryError(
            f"an annotation has {MAX_TEXT} characters at most, this one has {len(content)}"
        )
    added = Annotation(uuid.uuid4().hex, symbol, at_s, content)
    noted_at = datetime.fromtimestamp(at_s, UTC)
    with transaction(dsn) as connection, connection.cursor() as cursor:
        bindings = (added.annotation_id, symbol, noted_at, content, now, MAX_ANNOTATIONS)
        cursor.execute(_ADD, bindings)
        if not cursor.rowcount:
            raise QueryError(f"there are {MAX_ANNOTATIONS} annotations already: remove some first")
    return added


def remove_annotation(dsn: Dsn, annotation_id: str) -> None:
    """Remove an annotation; one that is not there is none.

    Raises:
        Unreachable: Postgres does not answer.
    """
    with transaction(dsn) as connection, connection.cursor() as cursor:
        cursor.execute("DELETE FROM annotations WHERE annotation_id = %s", (annotation_id,))


class _StoredNote(msgspec.Struct, frozen=True):
    annotation_id: str
    symbol: str
    noted_at: datetime
    note: str
    written_at: datetime


def read_notes(dsn: Dsn) -> bytes:
    """All annotations as a backup keeps them, in JSON.

    Raises:
        Unreachable: Postgres does not answer.
    """
    rows = fetch_rows(dsn, "SELECT * FROM annotations ORDER BY written_at, annotation_id")
    return msgspec.json.encode(msgspec.convert(rows, list[_StoredNote]))


def restore_notes(dsn: Dsn, path: Path) -> int:
    """Put the annotations of a backup into Postgres; gives how many, 0 without the file.

    Those that are there stay. The file is gone then: a note that is removed later stays removed.

    Raises:
        Unreachable: Postgres does not answer.
    """
    if not path.exists():
        return 0
    notes = msgspec.json.decode(path.read_bytes(), type=list[_StoredNote])
    with transaction(dsn) as connection, connection.cursor() as cursor:
        cursor.executemany(_PUT_BACK, [msgspec.structs.astuple(note) for note in notes])
    path.unlink()
    return len(notes)
