"""The audit of conservation (I1): Kafka's offsets against the Delta rows, counted twice.

For every topic-partition, every offset from the first landed to the last must be in exactly one
of the topic's table and quarantine, once. An offset can leave several rows (a message holds
several events); a row is doubled when its (topic, partition, offset, event_index) is there twice
or when both tables hold the offset.
"""

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from deltalake import DeltaTable

from include.checks import Check
from include.lake.audit.bounds import (
    REPAIR,
    Bounds,
    check_beginnings,
    check_ends,
)
from include.lake.audit.listing import list_new_files, sql_source
from include.lake.reading import create_view, open_table
from include.lake.tables import LANDED, QUARANTINE
from include.market.wire import OffsetRange, Offsets, TopicPartition


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


EVENTS = "I1 events"
SQL = """
WITH rows AS ({union}),
committed AS (SELECT rows.* FROM rows LEFT JOIN bounds USING (topic, part)
              WHERE (bounds.until IS NULL OR off < bounds.until) AND off >= coalesce(since, 0)),
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
# Offsets that follow one another have the same difference to their rank.
QUARANTINED = """
WITH ranked AS (
    SELECT topic, "partition" AS part, "offset" AS off,
           off - dense_rank() OVER (PARTITION BY topic, part ORDER BY off) AS island
    FROM quarantine)
SELECT topic, part, min(off), max(off) FROM ranked GROUP BY topic, part, island ORDER BY ALL
"""
GAPS = """
WITH rows AS ({union}),
message AS (
    SELECT topic, part, off, max(event) + 1 - count(DISTINCT event) AS lacking
    FROM rows LEFT JOIN bounds USING (topic, part)
    WHERE NOT quarantined AND (bounds.until IS NULL OR off < bounds.until)
        AND off >= coalesce(since, 0) GROUP BY ALL HAVING lacking > 0)
SELECT topic, part, count(*), sum(lacking)::BIGINT, min(off) FROM message GROUP BY ALL ORDER BY ALL
"""
# Offsets without a row, from the one behind each row to before the next one.
MISSING = """
WITH rows AS ({union}),
message AS (
    SELECT topic, part, off, bounds.until FROM rows JOIN bounds USING (topic, part)
    WHERE off < bounds.until AND off >= coalesce(since, 0)
    UNION
    SELECT topic, part, since - 1, bounds.until FROM bounds WHERE since > 0),
ordered AS (
    SELECT topic, part, off + 1 AS first,
           lead(off, 1, until) OVER (PARTITION BY topic, part ORDER BY off) AS next FROM message)
SELECT * FROM ordered WHERE next > first ORDER BY ALL
"""


def open_audited_tables(lake: str) -> dict[str, DeltaTable]:
    """The tables that I1 speaks of, each pinned at its present version."""
    names = [table.name for table in LANDED] + [QUARANTINE.name]
    tables = {name: open_table(lake, name) for name in names}
    return {name: table for name, table in tables.items() if table is not None}


def count_with_duckdb(
    tables: Mapping[str, DeltaTable],
    committed: Mapping[TopicPartition, int],
    *,
    counted_from: Offsets | None = None,
) -> dict[TopicPartition, OffsetCounts]:
    """Counts of every topic-partition below its committed offset, by delta-rs and DuckDB.

    Rows below a partition's offset in `counted_from` do not count.
    """
    counted = _query_rows(SQL, tables, committed, counted_from or {})
    return {TopicPartition(*row[:2]): OffsetCounts(*row[2:]) for row in counted}


def check_events(
    tables: Mapping[str, DeltaTable], ends: Offsets, *, counted_from: Offsets | None = None
) -> Check:
    """Whether each landed message has all its events up to the last one that is there."""
    gaps = _query_rows(GAPS, tables, ends, counted_from or {})
    faults = [
        f"{topic}/{part}: {lacking} events of {messages} messages are missing, the first at offset "
        f"{first}; {REPAIR}"
        for topic, part, messages, lacking, first in gaps
    ]
    return Check(EVENTS, not faults, "; ".join(faults) or "no event is missing between two others")


def _query_rows(
    statement: str, tables: Mapping[str, DeltaTable], ends: Offsets, counted_from: Offsets
) -> list[tuple[Any, ...]]:
    """The rows of a statement over `{union}`: topic, part, off, event and quarantined of all."""
    if not tables:
        return []
    import duckdb  # noqa: PLC0415 - late: see include/lake/reading.py

    # half of the cores: the other reader works beside this one, and takes longer
    connection = duckdb.connect(config={"threads": max(1, (os.cpu_count() or 1) // 2)})
    try:
        connection.execute(
            "CREATE TABLE bounds (topic TEXT, part INTEGER, until BIGINT, since BIGINT)"
        )
        for part in {*ends, *counted_from}:
            bounds = [*part, ends.get(part), counted_from.get(part)]
            connection.execute("INSERT INTO bounds VALUES (?, ?, ?, ?)", bounds)
        selects = []
        for name, table in tables.items():
            uris = list_new_files(name, table, counted_from)
            if not uris:
                continue
            columns = 'topic, "partition" AS part, "offset" AS off'
            event = f"greatest(event_index, 0) AS event, {name == QUARANTINE.name} AS quarantined"
            selects.append(f"SELECT {columns}, {event} FROM {sql_source(connection, uris)}")
        if not selects:
            return []
        return connection.execute(statement.format(union=" UNION ALL ".join(selects))).fetchall()
    finally:
        connection.close()


def list_quarantined(
    tables: Mapping[str, DeltaTable], ends: Offsets
) -> dict[TopicPartition, list[tuple[int, int]]]:
    """Spans of the offsets that are in quarantine, of each partition below its end."""
    import duckdb  # noqa: PLC0415 - late: see include/lake/reading.py

    if QUARANTINE.name not in tables:
        return {}
    connection = duckdb.connect()
    create_view(connection, QUARANTINE.name, tables[QUARANTINE.name])
    rows = connection.execute(QUARANTINED).fetchall()
    connection.close()
    spans: dict[TopicPartition, list[tuple[int, int]]] = defaultdict(list)
    for topic, part, first, last in rows:
        at = TopicPartition(topic, part)
        end = min(last, ends.get(at, last + 1) - 1)
        if first <= end:
            spans[at].append((first, end))
    return spans


def list_missing(
    tables: Mapping[str, DeltaTable], ends: Offsets, *, counted_from: Offsets
) -> dict[TopicPartition, list[OffsetRange]]:
    """Spans of offsets without a row, behind the first one and below its end, of each partition."""
    spans: dict[TopicPartition, list[OffsetRange]] = defaultdict(list)
    for topic, part, first, end in _query_rows(MISSING, tables, ends, counted_from):
        spans[TopicPartition(topic, part)].append((first, end))
    return spans


def make_report(
    counts: Mapping[TopicPartition, OffsetCounts],
    bounds: Bounds,
    *,
    second_counts: Mapping[TopicPartition, OffsetCounts],
    other_checks: Iterable[Check] = (),
) -> AuditReport:
    """The report from two readers' counts and what is known of first and next offsets.

    `other_checks` are those of other invariants.
    """
    partitions = [
        _partition_audit(part, count, rowless=bounds.rowless_spans(part))
        for part, count in sorted(counts.items())
    ]
    spans = {part: (count.first, count.last) for part, count in counts.items()}
    checks = [
        _check_conservation(partitions),
        check_beginnings(spans, bounds),
        check_ends(spans, bounds),
        _compare_readers(counts, second_counts),
        *other_checks,
    ]
    return AuditReport(all(check.ok for check in checks), partitions, checks)


def _partition_audit(
    partition: TopicPartition, counted: OffsetCounts, *, rowless: Iterable[OffsetRange]
) -> PartitionAudit:
    """The line of a partition; offsets that were accepted as lost, or are empty, count as there."""
    accepted = sum(
        max(0, min(end, counted.last + 1) - max(first, counted.first)) for first, end in rowless
    )
    return PartitionAudit(
        topic=partition[0],
        partition=partition[1],
        first=counted.first,
        last=counted.last,
        landed=counted.landed,
        quarantined=counted.quarantined,
        missing=counted.missing - accepted,
        doubled=counted.doubled + counted.in_both,
    )


def _check_conservation(partitions: Iterable[PartitionAudit]) -> Check:
    faults = [
        f"{audit.topic}/{audit.partition}: {audit.missing} missing, {audit.doubled} doubled"
        for audit in partitions
        if audit.missing or audit.doubled
    ]
    return Check("I1 conservation", not faults, _add_repair_hint(faults) or "every offset once")


def _add_repair_hint(faults: list[str]) -> str:
    return f"{'; '.join(faults)}; {REPAIR}, what Kafka lacks is lost" if faults else ""


def _compare_readers(
    counts: Mapping[TopicPartition, OffsetCounts],
    second_counts: Mapping[TopicPartition, OffsetCounts],
) -> Check:
    faults = [
        f"{partition}: {counts.get(partition)} against {second_counts.get(partition)}"
        for partition in sorted({*counts, *second_counts})
        if counts.get(partition) != second_counts.get(partition)
    ]
    detail = "; ".join(faults) or "Spark and delta-rs count the same"
    return Check("two readers agree", not faults, detail)
