"""What differs between a lake and its seals, a sentence each; and what stands."""

from collections.abc import Iterator, Mapping

from include.errors import PlatformError
from include.lake.audit.digests import Digest, TableDigest
from include.lake.audit.seals import NOTHING_DROPPED, RESEAL, Seal, Seals
from include.lake.reading import open_table
from include.lake.tables import QUARANTINE, TABLES
from include.lake.watermarks import home_table
from include.market.wire import Offsets, TopicPartition

ACCEPT = "`./tickhouse doctor --repair` goes on with it"


def table_faults(lake: str, seals: Seals) -> Iterator[str]:
    """Tables that are lost, made again or set back since they were sealed."""
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


def hash_faults(seals: Seals) -> Iterator[str]:
    """Why digests cannot be compared: another program, or columns that are gone."""
    if seals.hashed_by != hash_version():
        yield f"sealed by {seals.hashed_by}, this is {hash_version()}: {RESEAL}"
    changed_tables = [
        name for name, columns in seals.columns.items() if not {*columns} <= {*list_columns(name)}
    ]
    if changed_tables:
        yield f"{', '.join(changed_tables)}: columns that were sealed are gone; {RESEAL}"


def floor_faults(seal: Seal, floor: int) -> Iterator[str]:
    """Whether the lake's floor of a partition is one that its seal knows."""
    if seal.find_dropped(floor) is None:
        sealed = " or ".join(str(rows.floor) for rows in seal.dropped) or "0"
        yield (
            f"{seal.topic}/{seal.partition}: retention_floors has the floor {floor}, {sealed} was "
            f"sealed; {RESEAL}"
        )


def partition_faults(
    seal: Seal,
    digests: Mapping[str, TableDigest],
    topic_ids: Mapping[str, str],
    accepted_ids: set[str],
) -> Iterator[str]:
    """Rows of a partition that are not as they were sealed, or a topic that is another one."""
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


def describe_unsealed(part: TopicPartition) -> str:
    """That rows were dropped of which no seal knows anything."""
    return (
        f"{part.topic}/{part.partition}: no seal remembers what retention dropped (retention_floors"
        f"); {RESEAL}"
    )


def describe_sealed(seals: Seals, floors: Offsets) -> str:
    """How many sealed rows there are, and how many there were."""
    rows = sum(seal.home_rows.rows + seal.quarantine_rows.rows for seal in seals.partitions)
    dropped = sum(_find_dropped_rows(seal, floors) for seal in seals.partitions)
    suffix = f", {dropped} were dropped by retention" if dropped else ""
    return f"{rows - dropped} sealed rows of {len(seals.partitions)} partitions stand{suffix}"


def _find_dropped_rows(seal: Seal, floors: Offsets) -> int:
    dropped = seal.find_dropped(floors.get(seal.topic_partition, 0)) or NOTHING_DROPPED
    at_home = dropped.home_rows.rows if home_table(seal.topic) is not QUARANTINE else 0
    return at_home + dropped.quarantine_rows.rows


def hash_version() -> str:
    """The program whose hashes the digests are made of: another version may hash otherwise."""
    import duckdb  # noqa: PLC0415 - late: see include/lake/reading.py

    return f"duckdb {duckdb.__version__}, value by value"


def list_columns(name: str) -> list[str]:
    """The names of a table's columns, which a row's hash is of."""
    return [column.name for column in TABLES[name].columns]
