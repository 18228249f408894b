"""Seals: what a clean audit found, so that the next one reads what is new and misses nothing old.

Below its seal a partition must hold the same rows (`include/lake/audit/digests.py`). The seals are
a file with its checksum; a second file has their number, so that one that was lost, damaged or
replaced by an older one is reported.
"""

import hashlib
from collections.abc import Mapping
from datetime import date

import msgspec

from include.errors import PlatformError, StateError
from include.lake.audit.digests import Digest, FileDigest
from include.market.wire import TopicPartition
from include.object_path import StorePath
from include.state_files import read_checked_file, write_checked_file, write_state_file

SEALS_FOLDER = "seals"
SEALS, NEWEST = "seals.json", "newest_seal.json"
RESEAL = "`./tickhouse audit --reseal` audits everything and seals what is there now"


class DroppedRows(msgspec.Struct, frozen=True):
    """What a partition had below the offset `floor` before retention dropped it.

    `landed` is its number of offsets in the home table there.
    """

    floor: int = 0
    landed: int = 0
    home_rows: Digest = Digest()
    quarantine_rows: Digest = Digest()


NOTHING_DROPPED = DroppedRows()


class Seal(msgspec.Struct, frozen=True):
    """One partition below the offset `next`: its rows in its home table and in quarantine.

    `landed` is its number of offsets in the home table, `quarantined` spans of those elsewhere;
    `empty` are spans, each from its first offset to before its end, at which Kafka had no record.
    Rows that were dropped count too. `dropped` has what is below the floor, and while rows are
    being dropped what was below the one before.
    """

    topic: str
    partition: int
    topic_id: str
    first: int
    next: int
    landed: int
    quarantined: list[tuple[int, int]]
    home_rows: Digest
    quarantine_rows: Digest
    empty: list[tuple[int, int]] = []
    dropped: list[DroppedRows] = []

    def find_dropped(self, floor: int) -> DroppedRows | None:
        """What was dropped below a floor; null if the seal knows of no such floor."""
        return {rows.floor: rows for rows in self.dropped or [NOTHING_DROPPED]}.get(floor)

    def quarantined_below(self, floor: int) -> list[tuple[int, int]]:
        """Spans of offsets in quarantine below a floor."""
        return [(first, min(last, floor - 1)) for first, last in self.quarantined if first < floor]

    @property
    def topic_partition(self) -> TopicPartition:
        """The topic and the partition."""
        return TopicPartition(self.topic, self.partition)


class SealedFile(msgspec.Struct, frozen=True):
    """A data file of a table whose rows are all sealed, and the digests of its partitions."""

    size: int
    changed_ns: int
    digests: list[tuple[str, int, Digest]]


class SealedMinutes(msgspec.Struct, frozen=True):
    """What each day's minutes of trades come to, from the trades below `offsets` by partition."""

    offsets: dict[int, int]
    days: list[tuple[date, Digest]]


class Seals(msgspec.Struct, frozen=True):
    """All seals of one audit; `tables` has each table's id and version, `hashed_by` the program."""

    number: int
    hashed_by: str
    partitions: list[Seal]
    tables: dict[str, tuple[str, int]]
    columns: dict[str, list[str]]
    files: dict[str, dict[str, SealedFile]]
    minutes: SealedMinutes | None = None

    @property
    def by_partition(self) -> dict[TopicPartition, Seal]:
        """The seals by topic and partition."""
        return {seal.topic_partition: seal for seal in self.partitions}

    def files_of(self, table: str) -> dict[str, FileDigest]:
        """The sealed data files of a table."""
        return {
            uri: FileDigest(
                file.size,
                file.changed_ns,
                {TopicPartition(topic, part): digest for topic, part, digest in file.digests},
            )
            for uri, file in self.files.get(table, {}).items()
        }


class _Newest(msgspec.Struct, frozen=True):
    number: int
    sha256: str


class _Stored(msgspec.Struct, frozen=True):
    sha256: str
    seals: msgspec.Raw


def read_seals(folder: StorePath) -> Seals | None:
    """The newest seals; null if nothing was ever sealed here.

    Raises:
        PlatformError: they are lost, damaged, or older than the newest that were written.
    """
    newest = _read_newest(folder / NEWEST)
    try:
        content = (folder / SEALS).read_bytes()
    except FileNotFoundError:
        if newest is None:
            return None
        raise PlatformError(f"the seals (number {newest.number}) are missing; {RESEAL}") from None
    except OSError as error:
        raise PlatformError(f"{SEALS} cannot be read: {error}; {RESEAL}") from error
    try:
        stored = msgspec.json.decode(content, type=_Stored)
        seals = msgspec.json.decode(stored.seals, type=Seals)
    except msgspec.MsgspecError as error:
        raise PlatformError(f"{SEALS} is damaged: {error}; {RESEAL}") from error
    if stored.sha256 != _compute_checksum(bytes(stored.seals)):
        raise PlatformError(f"{SEALS} does not have its checksum; {RESEAL}")
    if newest is None and seals.number > 1:
        raise PlatformError(f"{NEWEST} is missing; {RESEAL}")
    if newest is not None and (
        seals.number not in {newest.number, newest.number + 1}
        or (seals.number == newest.number and stored.sha256 != newest.sha256)
    ):
        raise PlatformError(
            f"the seals are number {seals.number}, number {newest.number} was written; {RESEAL}"
        )
    return seals


def write_seals(folder: StorePath, seals: Seals) -> None:
    """Replace the seals; a crash in between leaves the old ones or the new ones."""
    folder.mkdir(parents=True, exist_ok=True)
    encoded = msgspec.json.encode(seals)
    checksum = _compute_checksum(encoded)
    write_state_file(folder / SEALS, msgspec.json.encode(_Stored(checksum, msgspec.Raw(encoded))))
    write_checked_file(folder / NEWEST, _Newest(seals.number, checksum))


def newest_number(folder: StorePath) -> int:
    """The number of the newest seals, readable or not; 0 if there are none."""
    newest = _read_newest(folder / NEWEST, strict=False)
    return newest.number if newest else 0


def sealed_files(files: Mapping[str, FileDigest]) -> dict[str, SealedFile]:
    """Digested files as they are stored."""
    return {
        uri: SealedFile(
            file.size, file.changed_ns, [(*part, digest) for part, digest in file.digests.items()]
        )
        for uri, file in files.items()
    }


def _read_newest(file: StorePath, *, strict: bool = True) -> _Newest | None:
    try:
        return read_checked_file(file, _Newest, or_unchecked=True)
    except StateError as error:
        if strict:
            raise PlatformError(f"{error}; {RESEAL}") from error
        return None


def _compute_checksum(encoded: bytes) -> str:
    return hashlib.sha256(encoded).hexdigest()
