"""The audit of conservation (I1): Kafka's offsets against the Delta rows, counted twice.

For every topic-partition, every offset from the first landed to the last must be in exactly one
of the topic's table and quarantine, once. An offset can leave several rows (a message holds
several events); a row is doubled when its (topic, partition, offset, event_index) is there twice
or when both tables hold the offset.
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from deltalake import DeltaTable

from include.checks import Check
from include.lake.audit.bounds import Bounds, check_beginnings, check_ends
from include.lake.reading import create_view, open_table
from include.lake.tables import LANDED, QUARANTINE
from include.market.wire import TopicPartition


@dataclass(frozen=True)
class OffsetCounts:
    """What one reader counted of one topic-partition: offsets, and rows that are doubled."""

    first: int
    last: int
    landed: int
    quarantined: int
    in_both: int
    doubled: int

    @property
    def missing(self) -> int:
        """Offsets between the first and the last that are nowhere."""
        return self.last - self.first + 1 - (self.landed + self.quarantined - self.in_both)


@dataclass(frozen=True)
class PartitionAudit:
    """The audit's line of one topic-partition, in offsets; `doubled` also counts rows."""

    topic: str
    partition: int
    first: int
    last: int
    landed: int
    quarantined: int
    missing: int
    doubled: int


@dataclass(frozen=True)
class AuditReport:
    """`audit --json`: ok, a line a partition, and the checks with their details."""

    ok: bool
    partitions: list[PartitionAudit]
    checks: list[Check]

    def as_dict(self) -> dict[str, Any]:
        """The stable machine-readable form."""
        return asdict(self)


SQL = """
WITH rows AS ({union}),
committed AS (SELECT rows.* FROM rows LEFT JOIN bounds USING (topic, part)
              WHERE bounds.until IS NULL OR off < bounds.until),
event AS (SELECT topic, part, off, quarantined, event, count(*) AS copies
          FROM committed GROUP BY ALL),
message AS (SELECT topic, part, off, bool_or(quarantined) AS quarantined,
                   bool_or(NOT quarantined) AS landed, sum(copies - 1) AS repeats
            FROM event GROUP BY ALL)
SELECT topic, part, min(off), max(off),
       count(*) FILTER (landed), count(*) FILTER (quarantined),
       count(*) FILTER (landed AND quarantined), sum(repeats)::BIGINT
FROM message GROUP BY ALL ORDER BY ALL
"""


def open_audited_tables(lake: str) -> dict[str, DeltaTable]:
    """The tables that I1 speaks of, each pinned at its present version."""
    names = [table.name for table in LANDED] + [QUARANTINE.name]
    tables = {name: open_table(lake, name) for name in names}
    return {name: table for name, table in tables.items() if table is not None}


def count_with_duckdb(
    tables: Mapping[str, DeltaTable], committed: Mapping[TopicPartition, int]
) -> dict[TopicPartition, OffsetCounts]:
    """Counts of every topic-partition below its committed offset, by delta-rs and DuckDB."""
    if not tables:
        return {}
    import duckdb  # noqa: PLC0415 - late: see include/lake/reading.py

    # half of the cores: the other reader works beside this one, and takes longer
    connection = duckdb.connect(config={"threads": max(1, (os.cpu_count() or 1) // 2)})
    connection.execute("CREATE TABLE bounds (topic TEXT, part INTEGER, until BIGINT)")
    for (topic, partition), until in committed.items():
        connection.execute("INSERT INTO bounds VALUES (?, ?, ?)", [topic, partition, until])
    selects = []
    for name, table in tables.items():
        create_view(connection, name, table)
        columns = 'topic, "partition" AS part, "offset" AS off, greatest(event_index, 0) AS event'
        selects.append(f"SELECT {columns}, {name == QUARANTINE.name} AS quarantined FROM {name}")
    rows = connection.execute(SQL.format(union=" UNION ALL ".join(selects))).fetchall()
    connection.close()
    return {TopicPartition(*row[:2]): OffsetCounts(*row[2:]) for row in rows}


def make_report(
    counts: Mapping[TopicPartition, OffsetCounts],
    bounds: Bounds,
    *,
    witness: Mapping[TopicPartition, OffsetCounts],
    other_checks: Iterable[Check] = (),
) -> AuditReport:
    """The report from two readers' counts and what is known of first and next offsets.

    `other_checks` are those of other invariants.
    """
    partitions = [_partition_audit(*counted) for counted in sorted(counts.items())]
    landed = {part: (count.first, count.last) for part, count in counts.items()}
    checks = [
        _check_conservation(partitions),
        check_beginnings(landed, bounds),
        check_ends(landed, bounds),
        _check_witness(counts, witness),
        *other_checks,
    ]
    return AuditReport(all(check.ok for check in checks), partitions, checks)


def _partition_audit(partition: TopicPartition, counted: OffsetCounts) -> PartitionAudit:
    return PartitionAudit(
        topic=partition[0],
        partition=partition[1],
        first=counted.first,
        last=counted.last,
        landed=counted.landed,
        quarantined=counted.quarantined,
        missing=counted.missing,
        doubled=counted.doubled + counted.in_both,
    )


def _check_conservation(partitions: Iterable[PartitionAudit]) -> Check:
    faults = [
        f"{audit.topic}/{audit.partition}: {audit.missing} missing, {audit.doubled} doubled"
        for audit in partitions
        if audit.missing or audit.doubled
    ]
    return Check("I1 conservation", not faults, "; ".join(faults) or "every offset once")


def _check_witness(
    ours: Mapping[TopicPartition, OffsetCounts], witness: Mapping[TopicPartition, OffsetCounts]
) -> Check:
    faults = [
        f"{partition}: {ours.get(partition)} against {witness.get(partition)}"
        for partition in sorted({*ours, *witness})
        if ours.get(partition) != witness.get(partition)
    ]
    detail = "; ".join(faults) or "Spark and delta-rs count the same"
    return Check("two readers agree", not faults, detail)
