"""The lake against its seals, and the seals of what was found clean."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from deltalake import DeltaTable

from include.checks import Check
from include.errors import PlatformError
from include.lake.audit.bounds import Bounds
from include.lake.audit.conservation import OffsetCounts, list_quarantined
from include.lake.audit.digests import Digest, TableDigest, digest_table
from include.lake.audit.seals import (
    RESEAL,
    Seal,
    Seals,
    newest_number,
    read_seals,
    sealed_files,
    write_seals,
)
from include.lake.reading import open_table
from include.lake.tables import QUARANTINE, TABLES
from include.lake.watermarks import home_table
from include.market.wire import TopicPartition
from include.object_path import StorePath

SEALED = "seals"
ACCEPT = "`./tickhouse doctor --repair` goes on with it"


@dataclass
class SealedLake:
    """What an audit knows of the part that was sealed.

    `counted_from` are the offsets from which rows are to be counted: the seal's where everything
    below it is as it was.
    """

    check: Check
    is_readable: bool = True
    seals: Seals | None = None
    digests: dict[str, TableDigest] = field(default_factory=dict)
    counted_from: dict[TopicPartition, int] = field(default_factory=dict)

    def add_sealed(
        self, counts: Mapping[TopicPartition, OffsetCounts]
    ) -> dict[TopicPartition, OffsetCounts]:
        """The counts of the whole lake from those of its new part."""
        combined, seals = dict(counts), self.seals.by_partition if self.seals else {}
        for part in self.counted_from:
            seal = seals[part]
            new = counts.get(part, OffsetCounts(seal.next, seal.next - 1, 0, 0, 0, 0))
            combined[part] = replace(
                new,
                first=seal.first,
                landed=new.landed + seal.landed,
                quarantined=new.quarantined + seal.quarantined_count,
            )
        return combined


def compare_with_seals(
    folder: StorePath,
    lake: str,
    tables: Mapping[str, DeltaTable],
    bounds: Bounds,
    *,
    topic_ids: Mapping[str, str],
    full: bool = False,
    reseal: bool = False,
) -> SealedLake:
    """Whether everything below the seals in `folder` is as it was when it was sealed.

    With `full`, every data file is read again, and every row is counted; with `reseal` nothing is
    compared.
    """
    seals, failure = None, None
    try:
        seals = None if reseal else read_seals(folder)
    except PlatformError as error:
        failure = Check(SEALED, False, str(error))
    try:
        digests = _digest_tables(tables, bounds, seals, full=full)
    except PlatformError as error:
        return SealedLake(Check(SEALED, False, str(error)), is_readable=False)
    if failure is not None:
        return SealedLake(failure, digests=digests)
    if seals is None:
        return SealedLake(Check(SEALED, True, "nothing is sealed yet"), digests=digests)
    faults = [*_table_faults(lake, seals), *_hash_faults(seals)]
    counted_from: dict[TopicPartition, int] = {}
    for seal in seals.partitions:
        accepted_ids = {seal.topic_id, *bounds.restarts.ids_of(seal.topic)}
        partition_faults = list(_partition_faults(seal, digests, topic_ids, accepted_ids))
        faults += partition_faults
        in_quarantine = digests.get(QUARANTINE.name, TableDigest()).sealed[seal.topic_partition]
        if not partition_faults and not full and in_quarantine == seal.quarantine_rows:
            counted_from[seal.topic_partition] = seal.next
    counted_whole = _topics_counted_whole(digests, counted_from)
    counted_from = {
        part: counted_from[part] for part in counted_from if part.topic not in counted_whole
    }
    rows = sum(seal.home_rows.rows + seal.quarantine_rows.rows for seal in seals.partitions)
    detail = "; ".join(faults) or f"{rows} sealed rows of {len(seals.partitions)} partitions stand"
    return SealedLake(
        Check(SEALED, not faults, detail), seals=seals, digests=digests, counted_from=counted_from
    )


def _topics_counted_whole(
    digests: Mapping[str, TableDigest], counted_from: Mapping[TopicPartition, int]
) -> set[str]:
    """Topics with a partition that has rows to be counted from the first on."""
    audited = {part for digest in digests.values() for part in digest.audited}
    return {part.topic for part in audited if part not in counted_from}


def _digest_tables(
    tables: Mapping[str, DeltaTable], bounds: Bounds, seals: Seals | None, *, full: bool
) -> dict[str, TableDigest]:
    by_partition = seals.by_partition if seals else {}
    quarantined = {part: seal.quarantined for part, seal in by_partition.items()}
    return {
        name: digest_table(
            table,
            TABLES[name],
            ends=bounds.ends,
            sealed_ends={part: seal.next for part, seal in by_partition.items()},
            quarantined={} if name == QUARANTINE.name else quarantined,
            sealed_files=seals.files_of(name) if seals and not full else {},
        )
        for name, table in tables.items()
    }


def _table_faults(lake: str, seals: Seals) -> Iterator[str]:
    for name, (sealed_id, version) in sorted(seals.tables.items()):
        try:
            table = open_table(lake, name)
        except PlatformError as error:
            yield str(error)
            continue
        if table is None:
            yield f"table {name} is missing; `./tickhouse doctor --repair`, then {RESEAL}"
        elif str(table.metadata().id) != sealed_id:
            yield f"table {name} is another one than was sealed; {RESEAL}"
        elif table.version() < version:
            yield f"table {name} is at version {table.version()}, {version} was sealed; {RESEAL}"


def _hash_faults(seals: Seals) -> Iterator[str]:
    if seals.hashed_by != hash_version():
        yield f"sealed by {seals.hashed_by}, this is {hash_version()}: {RESEAL}"
    changed_tables = [
        name for name, columns in seals.columns.items() if columns != _list_columns(name)
    ]
    if changed_tables:
        yield f"{', '.join(changed_tables)}: other columns than were sealed; {RESEAL}"


def _partition_faults(
    seal: Seal,
    digests: Mapping[str, TableDigest],
    topic_ids: Mapping[str, str],
    accepted_ids: set[str],
) -> Iterator[str]:
    name = f"{seal.topic}/{seal.partition}"
    if topic_ids.get(seal.topic, seal.topic_id) not in accepted_ids:
        yield f"{name}: the topic was recreated since it was sealed; {ACCEPT}"
    home = home_table(seal.topic).name
    if home != QUARANTINE.name:
        yield from _digest_faults(name, home, seal.home_rows, digests, seal)
    in_quarantine = digests.get(QUARANTINE.name, TableDigest()).sealed[seal.topic_partition]
    if in_quarantine.rows >= seal.quarantine_rows.rows or home == QUARANTINE.name:
        yield from _digest_faults(name, QUARANTINE.name, seal.quarantine_rows, digests, seal)


def _digest_faults(
    name: str, table: str, sealed: Digest, digests: Mapping[str, TableDigest], seal: Seal
) -> Iterator[str]:
    present = digests.get(table, TableDigest()).sealed[seal.topic_partition]
    if present.rows != sealed.rows:
        yield (
            f"{name}: {sealed.rows} rows below offset {seal.next} were sealed in {table}, "
            f"{present.rows} are there; {RESEAL}"
        )
    elif present != sealed:
        yield f"{name}: rows of {table} below offset {seal.next} have other values; {RESEAL}"


def seal_lake(
    folder: StorePath,
    lake: str,
    tables: Mapping[str, DeltaTable],
    counts: Mapping[TopicPartition, OffsetCounts],
    sealed: SealedLake,
    *,
    bounds: Bounds,
    topic_ids: Mapping[str, str],
) -> None:
    """Seal what an audit found clean."""
    spans = list_quarantined(tables, bounds.ends)
    in_quarantine = sealed.digests.get(QUARANTINE.name, TableDigest())
    partitions = [
        Seal(
            *part,
            topic_id=topic_ids.get(part.topic, ""),
            first=count.first,
            next=count.last + 1,
            landed=count.landed,
            quarantined=spans.get(part, []),
            home_rows=sealed.digests.get(home_table(part.topic).name, TableDigest()).audited[part],
            quarantine_rows=in_quarantine.audited[part],
            empty=[
                (first, end) for first, end in bounds.empty.get(part, []) if first <= count.last
            ],
        )
        for part, count in sorted(counts.items())
    ]
    opened = {name: open_table(lake, name) for name in TABLES if name not in tables}
    versions = {
        name: (str(table.metadata().id), table.version())
        for name, table in {**opened, **tables}.items()
        if table is not None
    }
    seals = Seals(
        number=newest_number(folder) + 1,
        hashed_by=hash_version(),
        partitions=partitions,
        tables=versions,
        columns={name: _list_columns(name) for name in tables},
        files={name: sealed_files(digest.files) for name, digest in sealed.digests.items()},
    )
    write_seals(folder, seals)


def hash_version() -> str:
    """The program whose hashes the digests are made of: another version may hash otherwise."""
    import duckdb  # noqa: PLC0415 - late: see include/lake/reading.py

    return f"duckdb {duckdb.__version__}"


def _list_columns(name: str) -> list[str]:
    return [column.name for column in TABLES[name].columns]
