"""One audit of a lake: bounds, seals, two readers' counts, and the checks of other invariants."""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import partial

from deltalake import DeltaTable

from include.checks import Check
from include.errors import UnreadableTable
from include.lake.audit.bounds import Bounds, check_restarts, read_bounds
from include.lake.audit.conservation import (
    AuditReport,
    OffsetCounts,
    check_events,
    count_with_duckdb,
    list_missing,
    make_report,
    open_audited_tables,
)
from include.lake.audit.landed_minutes import LandedMinutes
from include.lake.audit.sealing import SealedLake, compare_with_seals, seal_lake
from include.lake.audit.seals import SEALS_FOLDER
from include.lake.floors import read_floors
from include.lake.topic_restarts import TopicRestarts, read_restarts
from include.market.wire import OffsetHoles, OffsetRanges, Offsets, TopicPartition
from include.object_path import StorePath

READABLE = "tables"
MAX_EMPTY = 100_000  # so many missing offsets at most are looked for in Kafka, one audit
Counts = Mapping[TopicPartition, OffsetCounts]
# Counts the rows of tables below the first offsets and not below the second ones.
RowReader = Callable[[Mapping[str, DeltaTable], Offsets, Offsets], Counts]


@dataclass(frozen=True)
class Delivered:
    """What Kafka keeps (first and next offset), its topic ids, and the checkpoint's offsets.

    `kafka` was read before the tables are; `read_kafka` reads it once more behind them, so that
    what lands meanwhile is not taken for an end that Kafka has lost. `find_empty` gives the parts
    of spans (first offset and end, Kafka's) that have no record.
    """

    kafka: OffsetRanges
    topic_ids: Mapping[str, str]
    committed: Offsets
    find_empty: Callable[[OffsetHoles], OffsetHoles] = field(default=lambda _spans: {})
    read_kafka: Callable[[], OffsetRanges] | None = None


def audit_lake(
    store: StorePath,
    lake: str,
    delivered: Delivered,
    *,
    open_reader: Callable[[], AbstractContextManager[RowReader]],
    other_checks: Callable[[LandedMinutes], Iterable[Check]] = lambda _: (),
    full: bool = False,
    reseal: bool = False,
) -> AuditReport:
    """Audit a lake whose state is in `store`, and seal what is clean.

    `open_reader` gives the first reader. With `full` what was sealed is read again; with `reseal`
    it is not compared, but sealed again.
    """
    folder = store / SEALS_FOLDER
    try:
        tables, restarts = open_audited_tables(lake), read_restarts(lake)
        bounds = _read_bounds(store, lake, tables, delivered, restarts)
    except UnreadableTable as error:
        return AuditReport(False, [], [Check(READABLE, False, str(error))])
    compare = partial(compare_with_seals, folder, lake, tables, bounds, full=full, reseal=reseal)
    seal = partial(seal_lake, folder, tables, topic_ids=delivered.topic_ids)
    with ThreadPoolExecutor(1) as pool:  # one thread beside Spark
        comparing = pool.submit(compare, topic_ids=delivered.topic_ids)
        with open_reader() as read:
            sealed = comparing.result()
            if not sealed.is_readable:
                return AuditReport(False, [], [sealed.check])
            since, landed_minutes = sealed.counted_from, LandedMinutes(lake, sealed.minutes)
            second_counts = pool.submit(count_with_duckdb, tables, bounds.ends, counted_from=since)
            checks = pool.submit(
                lambda: [
                    check_restarts(store, restarts, delivered.topic_ids),
                    check_events(tables, bounds.ends, counted_from=since),
                    *other_checks(landed_minutes),
                ]
            )
            counts = sealed.add_sealed(read(tables, bounds.ends, since))
    bounds = _remember(bounds, sealed, counts, reseal=reseal)
    bounds = _add_empty(bounds, tables, delivered, counts, counted_from=since)
    report = make_report(
        counts,
        bounds,
        second_counts=sealed.add_sealed(second_counts.result()),
        other_checks=[*checks.result(), sealed.check],
    )
    if report.ok:
        seal(counts, sealed, bounds=bounds, landed_minutes=landed_minutes)
    return report


def _read_bounds(
    store: StorePath,
    lake: str,
    tables: Mapping[str, DeltaTable],
    delivered: Delivered,
    restarts: TopicRestarts,
) -> Bounds:
    """The bounds of pinned tables; floors are read after pinning, for rows go after floors came."""
    later = delivered.read_kafka() if delivered.read_kafka else delivered.kafka
    firsts = {part: first for part, (first, _) in delivered.kafka.items()}
    kafka = {part: (firsts.get(part, first), end) for part, (first, end) in later.items()}
    bounds = read_bounds(
        store, tables, kafka=kafka, committed=delivered.committed, restarts=restarts
    )
    return replace(bounds, floors={part: at.offset for part, at in read_floors(lake).items()})


def _remember(bounds: Bounds, sealed: SealedLake, counts: Counts, *, reseal: bool) -> Bounds:
    """The bounds with what the seals remember; sealing again accepts where rows begin."""
    if reseal:
        return replace(bounds, begun={part: count.first for part, count in counts.items()})
    seals = sealed.seals.by_partition if sealed.seals else {}
    return replace(
        bounds,
        sealed={part: (seal.first, seal.next) for part, seal in seals.items()},
        empty={part: seal.empty for part, seal in seals.items() if seal.empty},
    )


def _add_empty(
    bounds: Bounds,
    tables: Mapping[str, DeltaTable],
    delivered: Delivered,
    counts: Counts,
    *,
    counted_from: Offsets,
) -> Bounds:
    """The bounds with the missing offsets at which Kafka has no record.

    A transaction's markers and what it aborted take offsets, and no reader ever gets them. What
    retention has removed is not known any more, unless it was sealed.
    """
    ends = {
        part: bounds.ends[part]
        for part, count in counts.items()
        if part in bounds.ends and (count.missing or count.last + 1 < bounds.ends[part])
    }
    if not ends:
        return bounds
    since = {part: counted_from[part] for part in ends if part in counted_from}
    restarts = bounds.restarts
    shifts = {part: restarts.shifts.get(part, 0) for part in ends}
    begins = {part: at.offset for part, at in restarts.newest.items()}
    missing = {
        part: [
            (max(first, begins.get(part, 0)) - shifts[part], end - shifts[part])
            for first, end in spans
            if end > begins.get(part, 0)
        ]
        for part, spans in list_missing(tables, ends, counted_from=since).items()
    }
    if sum(end - first for spans in missing.values() for first, end in spans) > MAX_EMPTY:
        return bounds
    empty = dict(bounds.empty)
    for part, spans in delivered.find_empty(missing).items():
        lake_spans = [(first + shifts[part], end + shifts[part]) for first, end in spans]
        empty[part] = sorted({*empty.get(part, []), *lake_spans})
    return replace(bounds, empty=empty)
