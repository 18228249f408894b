"""The lake against its seals, and the seals of what was found clean."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import msgspec
from deltalake import DeltaTable

from include.checks import Check
from include.errors import PlatformError
from include.lake.audit.bounds import Bounds
from include.lake.audit.conservation import OffsetCounts, list_quarantined
from include.lake.audit.digests import TableDigest, digest_table
from include.lake.audit.landed_minutes import LandedMinutes
from include.lake.audit.seal_faults import (
    describe_sealed,
    describe_unsealed,
    floor_faults,
    hash_faults,
    hash_version,
    list_columns,
    partition_faults,
    table_faults,
)
from include.lake.audit.seals import (
    DroppedRows,
    Seal,
    SealedMinutes,
    Seals,
    newest_number,
    read_seals,
    sealed_files,
    write_seals,
)
from include.lake.reading import open_table
from include.lake.tables import QUARANTINE, TABLES
from include.lake.watermarks import home_table
from include.market.wire import Offsets, Topic, TopicPartition
from include.object_path import StorePath

SEALED = "seals"


@dataclass
class SealedLake:
    """What an audit knows of the part that was sealed.

    `counted_from` are the offsets from which rows are to be counted: the seal's where everything
    below it is as it was, else where rows begin that were not dropped. `below` are the counts of
    what the seals remember there.
    """

    check: Check
    is_readable: bool = True
    seals: Seals | None = None
    digests: dict[str, TableDigest] = field(default_factory=dict)
    counted_from: dict[TopicPartition, int] = field(default_factory=dict)
    below: dict[TopicPartition, OffsetCounts] = field(default_factory=dict)
    number: int = 0  # of the newest seals when they were read

    @property
    def minutes(self) -> SealedMinutes | None:
        """The sealed minutes of trades; null where the trades below their seals were not clean."""
        if self.seals is None or not self.check.ok:
            return None
        of_trades = [seal for seal in self.seals.partitions if seal.topic == Topic.TRADES]
        starts = [self.counted_from.get(seal.topic_partition) for seal in of_trades]
        is_clean = starts == [seal.next for seal in of_trades]
        return self.seals.minutes if is_clean else None

    def add_sealed(
        self, counts: Mapping[TopicPartition, OffsetCounts]
    ) -> dict[TopicPartition, OffsetCounts]:
        """The counts of the whole lake from those of its new part."""
        combined = dict(counts)
        for part, before in self.below.items():
            new = counts.get(part, OffsetCounts(before.last + 1, before.last, 0, 0, 0, 0))
            combined[part] = replace(
                new,
                first=before.first,
                landed=new.landed + before.landed,
                quarantined=new.quarantined + before.quarantined,
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
    seals, failure, number = None, None, newest_number(folder)
    try:
        seals = None if reseal else read_seals(folder)
    except PlatformError as error:
        failure = Check(SEALED, False, str(error))
    try:
        digests = _digest_tables(tables, bounds, seals, full=full)
    except PlatformError as error:
        return SealedLake(Check(SEALED, False, str(error)), is_readable=False)
    starts = _start_at_floors(digests, bounds.floors)
    if failure is not None:
        return SealedLake(failure, digests=digests, counted_from=starts, number=number)
    if seals is None:
        faults = [] if reseal else [describe_unsealed(part) for part in sorted(bounds.floors)]
        check = Check(SEALED, not faults, "; ".join(faults) or "nothing is sealed yet")
        return SealedLake(check, digests=digests, counted_from=starts, number=number)
    clean, faults = _compare_partitions(seals, digests, bounds, topic_ids, full=full)
    faults = [*table_faults(lake, seals), *hash_faults(seals), *faults]
    check = Check(SEALED, not faults, "; ".join(faults) or describe_sealed(seals, bounds.floors))
    sealed = SealedLake(check, seals=seals, digests=digests, number=number)
    return _count_from(sealed, seals, clean, bounds.floors)


def _compare_partitions(
    seals: Seals,
    digests: Mapping[str, TableDigest],
    bounds: Bounds,
    topic_ids: Mapping[str, str],
    *,
    full: bool,
) -> tuple[dict[TopicPartition, OffsetCounts], list[str]]:
    """The counts of partitions that need not be counted again, and what differs of all."""
    faults = [describe_unsealed(part) for part in sorted({*bounds.floors} - {*seals.by_partition})]
    clean: dict[TopicPartition, OffsetCounts] = {}
    for seal in seals.partitions:
        part = seal.topic_partition
        accepted_ids = {seal.topic_id, *bounds.restarts.ids_of(seal.topic)}
        part_faults = [
            *floor_faults(seal, bounds.floors.get(part, 0)),
            *partition_faults(seal, digests, topic_ids, accepted_ids),
        ]
        faults += part_faults
        in_quarantine = digests.get(QUARANTINE.name, TableDigest()).sealed[part]
        if not part_faults and not full and in_quarantine == seal.quarantine_rows:
            clean[part] = _counts_below(seal, seal.next, seal.landed)
    return clean, faults


def _count_from(
    sealed: SealedLake,
    seals: Seals,
    clean: Mapping[TopicPartition, OffsetCounts],
    floors: Offsets,
) -> SealedLake:
    """The sealed lake with the offsets to count from: of topics that are clean, the seals'."""
    audited = {part for digest in sealed.digests.values() for part in digest.audited}
    counted_whole = {part.topic for part in audited if part not in clean}
    below = {part: counts for part, counts in clean.items() if part.topic not in counted_whole}
    starts = {
        part: floor
        for part, floor in _start_at_floors(sealed.digests, floors).items()
        if part.topic in counted_whole
    }
    return replace(
        sealed,
        counted_from=starts | {part: counts.last + 1 for part, counts in below.items()},
        below=_dropped_counts(seals, floors, counted_whole) | below,
    )


def _start_at_floors(
    digests: Mapping[str, TableDigest], floors: Offsets
) -> dict[TopicPartition, int]:
    """The floor of each partition of the topics that have any; 0 where the partition has none."""
    topics = {part.topic for part in floors}
    audited = {part for digest in digests.values() for part in digest.audited}
    return {part: floors.get(part, 0) for part in {*audited, *floors} if part.topic in topics}


def _counts_below(seal: Seal, offset: int, landed_count: int) -> OffsetCounts:
    """What a seal has of a partition below an offset: `landed_count` is that of its home table."""
    quarantined = sum(last - first + 1 for first, last in seal.quarantined_below(offset))
    return OffsetCounts(seal.first, offset - 1, landed_count, quarantined, 0, 0)


def _dropped_counts(
    seals: Seals, floors: Offsets, counted_whole: set[str]
) -> dict[TopicPartition, OffsetCounts]:
    """What the seals remember of the rows below the floors of topics that are counted whole."""
    return {
        seal.topic_partition: _counts_below(seal, dropped.floor, dropped.landed)
        for seal in seals.partitions
        if seal.topic in counted_whole
        and (dropped := seal.find_dropped(floors.get(seal.topic_partition, 0)))
        and dropped.floor
    }


def _digest_tables(
    tables: Mapping[str, DeltaTable], bounds: Bounds, seals: Seals | None, *, full: bool
) -> dict[str, TableDigest]:
    by_partition = seals.by_partition if seals else {}
    quarantined = {part: seal.quarantined for part, seal in by_partition.items()}
    digests = {
        name: digest_table(
            table,
            TABLES[name],
            ends=bounds.ends,
            sealed_ends={part: seal.next for part, seal in by_partition.items()},
            quarantined={} if name == QUARANTINE.name else quarantined,
            sealed_files=seals.files_of(name) if seals and not full else {},
            floors=bounds.floors,
        )
        for name, table in tables.items()
    }
    for part, seal in by_partition.items():
        if dropped := seal.find_dropped(bounds.floors.get(part, 0)):
            _add_dropped(digests, part, dropped)
    return digests


def _add_dropped(
    digests: Mapping[str, TableDigest], part: TopicPartition, dropped: DroppedRows
) -> None:
    """Count the rows that retention dropped as if they were there."""
    home = home_table(part.topic).name
    parts = {QUARANTINE.name: dropped.quarantine_rows}
    if home != QUARANTINE.name:
        parts[home] = dropped.home_rows
    for name, digest in parts.items():
        if name in digests and digest.rows:
            digests[name].sealed[part] += digest
            digests[name].audited[part] += digest


def seal_lake(
    folder: StorePath,
    tables: Mapping[str, DeltaTable],
    counts: Mapping[TopicPartition, OffsetCounts],
    sealed: SealedLake,
    *,
    bounds: Bounds,
    landed_minutes: LandedMinutes,
    topic_ids: Mapping[str, str],
) -> None:
    """Seal what an audit found clean, unless somebody else has sealed meanwhile."""
    if newest_number(folder) != sealed.number:
        return
    spans = list_quarantined(tables, bounds.ends)
    partitions = [
        _make_seal(part, count, sealed, bounds=bounds, quarantined=spans.get(part, []))
        for part, count in sorted(counts.items())
    ]
    partitions = [
        msgspec.structs.replace(seal, topic_id=topic_ids.get(seal.topic, "")) for seal in partitions
    ]
    opened = {name: open_table(landed_minutes.lake, name) for name in TABLES if name not in tables}
    opened |= tables
    versions = {n: (str(t.metadata().id), t.version()) for n, t in opened.items() if t is not None}
    ends = {part.partition: n.last + 1 for part, n in counts.items() if part.topic == Topic.TRADES}
    seals = Seals(
        number=sealed.number + 1,
        hashed_by=hash_version(),
        partitions=partitions,
        tables=versions,
        columns={name: list_columns(name) for name in tables},
        files={name: sealed_files(digest.files) for name, digest in sealed.digests.items()},
        minutes=landed_minutes.seal_at(ends),
    )
    write_seals(folder, seals)


def _make_seal(
    part: TopicPartition,
    count: OffsetCounts,
    sealed: SealedLake,
    *,
    bounds: Bounds,
    quarantined: Iterable[tuple[int, int]],
) -> Seal:
    """The seal of a partition; what was dropped is taken over from the earlier one."""
    floor = bounds.floors.get(part, 0)
    earlier = sealed.seals.by_partition.get(part) if sealed.seals else None
    dropped = earlier.find_dropped(floor) if earlier else None
    kept_spans = [(max(first, floor), last) for first, last in quarantined if last >= floor]
    in_quarantine = sealed.digests.get(QUARANTINE.name, TableDigest())
    empty_spans = bounds.empty.get(part, [])
    return Seal(
        *part,
        topic_id="",
        first=count.first,
        next=count.last + 1,
        landed=count.landed,
        quarantined=[*(earlier.quarantined_below(floor) if earlier else []), *kept_spans],
        home_rows=sealed.digests.get(home_table(part.topic).name, TableDigest()).audited[part],
        quarantine_rows=in_quarantine.audited[part],
        empty=[(first, end) for first, end in empty_spans if first <= count.last],
        dropped=[dropped or DroppedRows(floor)] if floor else [],
    )
