"""The audit of conservation (I1): Kafka's offsets against the Delta rows, counted twice.

For every topic-partition, every offset from the first landed to the last must be in exactly one
of the topic's table and quarantine, once. An offset can leave several rows (a message holds
several events); a row is doubled when its (topic, partition, offset, event_index) is there twice
or when both tables hold the offset.
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from deltalake import DeltaTable

from include.lake.reading import open_table, show
from include.lake.tables import LANDED, QUARANTINE

Partition = tuple[str, int]
Ranges = Mapping[Partition, tuple[int, int]]


@dataclass(frozen=True)
class Count:
    """What one reader found of one topic-partition: offsets, and rows that are doubled."""

    first: int
    last: int
    landed: int
    quarantined: int
    both: int
    doubled: int

    @property
    def missing(self) -> int:
        """Offsets between the first and the last that are nowhere."""
        return self.last - self.first + 1 - (self.landed + self.quarantined - self.both)


@dataclass
class Report:
    """`audit --json`: ok, a line a partition, and the checks with their details."""

    ok: bool
    partitions: list[dict[str, Any]]
    checks: list[dict[str, Any]] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """The stable machine-readable form."""
        return asdict(self)


SQL = """
WITH rows AS ({union}),
settled AS (SELECT rows.* FROM rows LEFT JOIN bounds USING (topic, part)
            WHERE bounds.until IS NULL OR off < bounds.until),
event AS (SELECT topic, part, off, aside, event, count(*) AS copies
          FROM settled GROUP BY ALL),
one AS (SELECT topic, part, off, max(aside) AS aside, min(aside) AS kept, sum(copies - 1) AS twice
        FROM event GROUP BY ALL)
SELECT topic, part, min(off), max(off),
       count(*) FILTER (kept = 0), count(*) FILTER (aside = 1),
       count(*) FILTER (kept = 0 AND aside = 1), sum(twice)::BIGINT
FROM one GROUP BY ALL ORDER BY ALL
"""


def audited_tables(lake: str) -> dict[str, DeltaTable]:
    """The tables that I1 speaks of, each pinned at its present version."""
    names = [table.name for table in LANDED] + [QUARANTINE.name]
    found = {name: open_table(lake, name) for name in names}
    return {name: table for name, table in found.items() if table is not None}


def count_with_duckdb(
    tables: Mapping[str, DeltaTable], committed: Mapping[Partition, int]
) -> dict[Partition, Count]:
    """Counts of every topic-partition below its committed offset, by delta-rs and DuckDB."""
    if not tables:
        return {}
    import duckdb  # noqa: PLC0415 - late: see include/lake/reading.py

    # half of the cores: the other reader works beside this one, and takes longer
    link = duckdb.connect(config={"threads": max(1, (os.cpu_count() or 1) // 2)})
    link.execute("CREATE TABLE bounds (topic TEXT, part INTEGER, until BIGINT)")
    for (topic, partition), until in committed.items():
        link.execute("INSERT INTO bounds VALUES (?, ?, ?)", [topic, partition, until])
    parts = []
    for name, table in tables.items():
        show(link, name, table)
        aside = int(name == QUARANTINE.name)
        columns = 'topic, "partition" AS part, "offset" AS off, greatest(event_index, 0) AS event'
        parts.append(f"SELECT {columns}, {aside} AS aside FROM {name}")
    found = link.execute(SQL.format(union=" UNION ALL ".join(parts))).fetchall()
    link.close()
    return {(row[0], row[1]): Count(*row[2:]) for row in found}


def audited(
    counts: Mapping[Partition, Count],
    ranges: Ranges,
    *,
    committed: Mapping[Partition, int],
    witness: Mapping[Partition, Count],
    more: Iterable[dict[str, Any]] = (),
) -> Report:
    """The report from two readers' counts, Kafka's (first, end) and the checkpoint's ends.

    `more` are further checks, of other invariants.
    """
    lines = [_line(partition, count) for partition, count in sorted(counts.items())]
    checks = [
        _conservation(lines),
        _beginnings(counts, ranges),
        _ends(counts, ranges, committed),
        _agreement(counts, witness),
        *more,
    ]
    return Report(ok=all(check["ok"] for check in checks), partitions=lines, checks=checks)


def _line(partition: Partition, count: Count) -> dict[str, Any]:
    return {
        "topic": partition[0],
        "partition": partition[1],
        "first": count.first,
        "last": count.last,
        "landed": count.landed,
        "quarantined": count.quarantined,
        "missing": count.missing,
        "doubled": count.doubled + count.both,
    }


def _conservation(lines: Iterable[dict[str, Any]]) -> dict[str, Any]:
    wrong = [line for line in lines if line["missing"] or line["doubled"]]
    detail = "; ".join(
        f"{line['topic']}/{line['partition']}: {line['missing']} missing, {line['doubled']} doubled"
        for line in wrong
    )
    return {"name": "I1 conservation", "ok": not wrong, "detail": detail or "every offset once"}


def _beginnings(counts: Mapping[Partition, Count], ranges: Ranges) -> dict[str, Any]:
    wrong = [
        f"{topic}/{part} begins at {first} in Kafka, "
        + (f"{counts[topic, part].first} in the lake" if (topic, part) in counts else "not landed")
        for (topic, part), (first, end) in sorted(ranges.items())
        if end > first and first < (counts[topic, part].first if (topic, part) in counts else first)
    ]
    return {
        "name": "I1 beginning",
        "ok": not wrong,
        "detail": "; ".join(wrong) or "nothing before the first landed offset",
    }


def _ends(
    counts: Mapping[Partition, Count], ranges: Ranges, committed: Mapping[Partition, int]
) -> dict[str, Any]:
    wrong = [
        f"{topic}/{part}: landed {count.last}, Kafka ends at {ranges[topic, part][1]}"
        for (topic, part), count in sorted(counts.items())
        if (topic, part) in ranges and count.last >= ranges[topic, part][1]
    ]
    wrong += [
        f"{topic}/{part}: committed up to {until}, "
        + (f"landed to {counts[topic, part].last}" if (topic, part) in counts else "not landed")
        for (topic, part), until in sorted(committed.items())
        if until > ranges.get((topic, part), (0, 0))[0]
        and ((topic, part) not in counts or counts[topic, part].last != until - 1)
    ]
    waiting = sum(
        end - max(first, committed.get(partition, first))
        for partition, (first, end) in ranges.items()
    )
    return {
        "name": "I1 end",
        "ok": not wrong,
        "detail": "; ".join(wrong) or f"{waiting} offsets not landed yet",
    }


def _agreement(
    counts: Mapping[Partition, Count], witness: Mapping[Partition, Count]
) -> dict[str, Any]:
    wrong = [
        f"{key}: {counts.get(key)} against {witness.get(key)}"
        for key in sorted({*counts, *witness})
        if counts.get(key) != witness.get(key)
    ]
    return {
        "name": "two readers agree",
        "ok": not wrong,
        "detail": "; ".join(wrong) or "Spark and delta-rs count the same",
    }
