"""Digests of landed rows that do not depend on which files hold them.

A row's hash is of all its values; a digest is the number of rows, the sum of their hashes modulo
2^64, and their exclusive or. Both add up over files, so what was digested once need not be read
again as long as its file is the same (size and time of change; Delta never changes a data file).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deltalake import DeltaTable

from include.errors import PlatformError, first_line
from include.lake.audit.listing import list_offsets, sql_source
from include.lake.columns import Table
from include.lake.reading import DUCK_TYPES
from include.market.wire import OffsetHoles, Offsets, TopicPartition

if TYPE_CHECKING:
    import duckdb

MODULUS = 2**64
SQL = """
WITH rows AS (
    SELECT filename, topic, "partition" AS part, "offset" AS off, {row_hash} AS digest
    FROM {source})
SELECT filename, topic, part,
       coalesce(off < until, true) AS is_settled, coalesce(off < sealed_until, false) AS is_sealed,
       moved.first IS NOT NULL AS is_moved,
       count(*), (sum(digest) % 18446744073709551616)::UBIGINT, bit_xor(digest)
FROM rows LEFT JOIN bounds USING (topic, part)
LEFT JOIN moved ON moved.topic = rows.topic AND moved.part = rows.part
    AND off BETWEEN moved.first AND moved.last
WHERE off >= coalesce(since, 0)
GROUP BY ALL
"""


@dataclass(frozen=True)
class Digest:
    """A number of rows, and what their hashes come to."""

    rows: int = 0
    total: int = 0
    mixed: int = 0

    def __add__(self, other: "Digest") -> "Digest":
        total = (self.total + other.total) % MODULUS
        return Digest(self.rows + other.rows, total, self.mixed ^ other.mixed)


Digests = Mapping[TopicPartition, Digest]


@dataclass(frozen=True)
class FileDigest:
    """A data file as it was when its rows were digested; all of them are sealed."""

    size: int
    changed_ns: int
    digests: Digests


@dataclass
class TableDigest:
    """A table's rows by partition: those below the seal, all that are audited, and those of files.

    `sealed` leaves out the rows of messages that came back from quarantine since.
    """

    sealed: dict[TopicPartition, Digest] = field(default_factory=lambda: defaultdict(Digest))
    audited: dict[TopicPartition, Digest] = field(default_factory=lambda: defaultdict(Digest))
    files: dict[str, FileDigest] = field(default_factory=dict)


def digest_table(
    table: DeltaTable,
    definition: Table,
    *,
    ends: Offsets,
    sealed_ends: Offsets,
    quarantined: OffsetHoles,
    sealed_files: Mapping[str, FileDigest],
    floors: Offsets,
) -> TableDigest:
    """The digests of a version of a table; files that `sealed_files` knows are not read.

    Rows count from their partition's floor to before its end; `quarantined` offsets were in
    quarantine when sealed.

    Raises:
        PlatformError: a data file is gone or does not hold what its log entry states.
    """
    table_digest, unread = TableDigest(), []
    for uri in list_offsets(table):
        known_file = sealed_files.get(_file_name(uri))
        if known_file is None or (known_file.size, known_file.changed_ns) != _read_file_state(uri):
            unread.append(uri)
            continue
        table_digest.files[_file_name(uri)] = known_file
        for part, digest in known_file.digests.items():
            table_digest.audited[part] += digest
            table_digest.sealed[part] += digest
    if unread:
        digest_rows = _digest_files(
            unread,
            definition,
            ends=ends,
            sealed_ends=sealed_ends,
            quarantined=quarantined,
            floors=floors,
        )
        _add_rows(table_digest, digest_rows)
    return table_digest


def digest_files(
    uris: Sequence[str], definition: Table, *, floors: Offsets, ends: Offsets
) -> dict[TopicPartition, Digest]:
    """The digests of the rows in these files from each partition's floor to before its end.

    Raises:
        PlatformError: as above.
    """
    digests: dict[TopicPartition, Digest] = defaultdict(Digest)
    if uris:
        digest_rows = _digest_files(
            uris, definition, ends=ends, sealed_ends=ends, quarantined={}, floors=floors
        )
        for _, topic, number, _, is_below, _, *parts in digest_rows:
            if is_below:
                digests[TopicPartition(topic, number)] += Digest(*parts)
    return digests


def _add_rows(table_digest: TableDigest, digest_rows: Iterable[tuple[Any, ...]]) -> None:
    by_file: dict[str, dict[TopicPartition, Digest]] = defaultdict(lambda: defaultdict(Digest))
    open_files = set()
    for uri, topic, number, is_settled, is_sealed, is_moved, *parts in digest_rows:
        part, digest = TopicPartition(topic, number), Digest(*parts)
        if not is_settled:
            open_files.add(uri)
            continue
        table_digest.audited[part] += digest
        by_file[uri][part] += digest
        if is_sealed and not is_moved:
            table_digest.sealed[part] += digest
    for uri, digests in by_file.items():
        if uri not in open_files:
            table_digest.files[_file_name(uri)] = FileDigest(*_read_file_state(uri), dict(digests))


def _digest_files(
    uris: Sequence[str],
    definition: Table,
    *,
    ends: Offsets,
    sealed_ends: Offsets,
    quarantined: OffsetHoles,
    floors: Offsets,
) -> list[tuple[Any, ...]]:
    import duckdb  # noqa: PLC0415 - late: see include/lake/reading.py

    connection = duckdb.connect()
    try:
        connection.execute("SET TimeZone = 'UTC'")
        _create_bounds(connection, ends, sealed_ends, floors)
        _create_moves(connection, quarantined)
        source = sql_source(connection, uris, reading_options=", filename = true")
        described = connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
        row_hash = hash_of_row(definition, {row[0] for row in described})
        return connection.execute(SQL.format(row_hash=row_hash, source=source)).fetchall()
    except duckdb.Error as error:
        raise PlatformError(
            f"a data file of {definition.name} cannot be read: {first_line(error)}; "
            "`./tickhouse doctor` reports what is lost"
        ) from error
    finally:
        connection.close()


def hash_of_row(definition: Table, present: set[str]) -> str:
    """A row's hash: those of its values with their columns' names; a null adds nothing to it.

    So a column that a later version adds leaves the hashes of earlier rows as they were. A hash is
    hashed once more: DuckDB's of two values is linear, and two values could change their columns.
    """
    hashes = [
        f"CASE WHEN \"{column.name}\" IS NULL THEN 0::UBIGINT ELSE hash(hash('{column.name}', "
        f'CAST("{column.name}" AS {DUCK_TYPES.get(column.type, column.type)}))) END'
        for column in definition.columns
        if column.name in present
    ]
    return reduce("xor({}, {})".format, hashes)


def _create_bounds(
    connection: "duckdb.DuckDBPyConnection",
    ends: Offsets,
    sealed_ends: Offsets,
    floors: Offsets,
) -> None:
    connection.execute(
        "CREATE TABLE bounds "
        "(topic TEXT, part INTEGER, until BIGINT, sealed_until BIGINT, since BIGINT)"
    )
    for part in {*ends, *sealed_ends, *floors}:
        bounds = [*part, ends.get(part), sealed_ends.get(part), floors.get(part)]
        connection.execute("INSERT INTO bounds VALUES (?, ?, ?, ?, ?)", bounds)


def _create_moves(connection: "duckdb.DuckDBPyConnection", quarantined: OffsetHoles) -> None:
    connection.execute("CREATE TABLE moved (topic TEXT, part INTEGER, first BIGINT, last BIGINT)")
    for part, spans in quarantined.items():
        for first, last in spans:
            connection.execute("INSERT INTO moved VALUES (?, ?, ?, ?)", [*part, first, last])


def _file_name(uri: str) -> str:
    """A data file's own name, which no other of its table has."""
    return uri.rpartition("/")[2]


def _read_file_state(uri: str) -> tuple[int, int]:
    """Size and time of change of a file; of one elsewhere neither, its name is its state."""
    if "://" in uri:
        return 0, 0
    try:
        status = Path(uri).stat()
    except FileNotFoundError as error:
        raise PlatformError(
            f"{uri} is in the table's log and gone from the disk; `./tickhouse doctor` reports "
            "what is lost"
        ) from error
    return status.st_size, status.st_mtime_ns
