"""A small clean lake with watermarks, quarantine and a ledger, landed in commits as the stream's.

Trades of two partitions, book messages of several events, decisions, orders and fills, rejects.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake

from include.checks import Check
from include.lake.audit.auditing import Delivered, RowReader, audit_lake
from include.lake.audit.completeness import check_completeness
from include.lake.audit.conservation import AuditReport, count_with_duckdb
from include.lake.audit.landed_minutes import LandedMinutes
from include.lake.tables import TABLES
from include.lake.watermarks import application_id, home_table
from include.lake.writing import arrow_rows, arrow_schema
from include.market.wire import OffsetHoles, Topic, TopicPartition
from tests.support.landed_rows import trade

Rows = list[dict[str, Any]]
BATCHES, PER_BATCH = 4, 12
TRADES = (TopicPartition(Topic.TRADES, 0), TopicPartition(Topic.TRADES, 1))
BOOK = TopicPartition(Topic.BOOK, 0)
LEDGER = TopicPartition(Topic.LEDGER, 0)
DECISIONS = TopicPartition(Topic.DECISIONS, 0)
ORDERS = TopicPartition(Topic.ORDERS, 0)
FILLS = TopicPartition(Topic.FILLS, 0)
REJECTS = TopicPartition(Topic.REJECTS, 0)
PARTITIONS = (*TRADES, BOOK, LEDGER, DECISIONS, ORDERS, FILLS, REJECTS)
IDS = {part.topic: f"id of {part.topic}" for part in PARTITIONS}


@dataclass
class AuditedLake:
    """The lake in `home`/lake, and what Kafka and the checkpoint say."""

    home: Path
    kafka: dict[TopicPartition, tuple[int, int]] = field(default_factory=dict)
    committed: dict[TopicPartition, int] = field(default_factory=dict)
    topic_ids: dict[str, str] = field(default_factory=lambda: dict(IDS))
    without_record: dict[TopicPartition, set[int]] = field(default_factory=dict)

    @property
    def lake(self) -> str:
        return str(self.home / "lake")

    def delta(self, name: str) -> DeltaTable:
        return DeltaTable(f"{self.lake}/{name}")

    def at(self, home: Path) -> "AuditedLake":
        return replace(
            self,
            home=home,
            kafka=dict(self.kafka),
            committed=dict(self.committed),
            topic_ids=dict(self.topic_ids),
            without_record=dict(self.without_record),
        )

    def land(self, part: TopicPartition, rows: Rows, end: int, *, bad: Rows | None = None) -> None:
        """Commit rows of a partition up to before `end`; quarantine first, as the stream does."""
        home = home_table(part.topic).name
        if bad:
            self.commit("quarantine", bad, {part: end})
        if home != "quarantine":
            self.commit(home, rows, {part: end})
        self.kafka[part] = (self.kafka.get(part, (0, 0))[0], end)
        self.committed[part] = end

    def commit(self, name: str, rows: Rows, ends: Mapping[TopicPartition, int]) -> None:
        table = TABLES[name]
        moved = [Transaction(application_id(part), end) for part, end in ends.items()]
        full = [{column: row.get(column) for column in table.names} for row in rows]
        write_deltalake(
            f"{self.lake}/{name}",
            arrow_rows(table, full),
            mode="append",
            commit_properties=CommitProperties(app_transactions=moved),
        )

    def find_empty(self, spans: OffsetHoles) -> OffsetHoles:
        """As the broker says it: offset by offset, what it has no record of and still keeps."""
        return {
            part: [
                (offset, offset + 1)
                for first, end in wanted
                for offset in range(max(first, self.kafka[part][0]), end)
                if offset in self.without_record.get(part, set())
            ]
            for part, wanted in spans.items()
        }

    def audit(
        self, *, other_checks: Any = None, earlier: "AuditedLake | None" = None, **options: Any
    ) -> AuditReport:
        """Audit it; `earlier` is what Kafka and the checkpoint said before the tables were read."""
        before = earlier or self

        def others(landed: LandedMinutes) -> list[Check]:
            return [check_completeness(self.lake), *(other_checks(landed) if other_checks else ())]

        return audit_lake(
            self.home,
            self.lake,
            Delivered(
                before.kafka,
                self.topic_ids,
                before.committed,
                self.find_empty,
                read_kafka=lambda: self.kafka,
            ),
            open_reader=open_reader,
            other_checks=others,
            **options,
        )


@contextmanager
def open_reader() -> Iterator[RowReader]:
    yield lambda tables, ends, counted_from: count_with_duckdb(
        tables, ends, counted_from=counted_from
    )


def clean_lake(home: Path, *, batches: int = BATCHES) -> AuditedLake:
    audited = AuditedLake(home)
    for name, table in TABLES.items():
        if table.topic or name == "quarantine":
            DeltaTable.create(f"{audited.lake}/{name}", arrow_schema(table))
    for batch in range(batches):
        land_batch(audited, batch)
    return audited


def land_batch(audited: AuditedLake, batch: int) -> None:
    first, end = batch * PER_BATCH, (batch + 1) * PER_BATCH
    offsets = range(first, end)
    for part in TRADES:
        numbers = [2 * offset + part.partition for offset in offsets]
        rows = [
            row(part, offset, number, number + 1000, venue="binance")
            for offset, number in zip(offsets, numbers, strict=True)
        ]
        junk = [reject(part, first + 3)]
        audited.land(part, [r for r in rows if r["offset"] != first + 3], end, bad=junk)
    audited.land(BOOK, [r for offset in offsets for r in levels(offset)], end)
    audited.land(LEDGER, [entry(offset, batch) for offset in offsets], end)
    for part in (DECISIONS, ORDERS, FILLS):
        audited.land(part, [trading(part, offset) for offset in offsets], end)
    audited.land(REJECTS, [], end, bad=[reject(REJECTS, offset) for offset in offsets])


def row(part: TopicPartition, offset: int, number: int, seq: int, *, venue: str) -> dict[str, Any]:
    return trade(offset, str(number), "buy", str(1 + number % 7), "2", s=offset) | {
        "topic": part.topic,
        "partition": part.partition,
        "venue": venue,
        "seq_first": seq,
        "seq_last": seq,
    }


def levels(offset: int) -> Rows:
    base = row(BOOK, offset, offset, offset, venue="gemini") | {"symbol": "BTC-USD", "side": "bid"}
    return [
        base | {"event_index": event, "remaining": base["quantity"]}
        for event in range(1 + offset % 5)
    ]


def entry(offset: int, batch: int) -> dict[str, Any]:
    """A connect, or the gap that the batch's quarantined trades of both partitions leave."""
    is_gap = offset % PER_BATCH == 0
    missing = 1000 + 2 * (batch * PER_BATCH + 3)
    return row(LEDGER, offset, offset, offset, venue="binance") | {
        "entry": "gap" if is_gap else "connect",
        "cause": "test",
        "first_seq": missing if is_gap else None,
        "last_seq": missing + 1 if is_gap else None,
    }


def trading(part: TopicPartition, offset: int) -> dict[str, Any]:
    base = row(part, offset, offset, offset, venue="gemini")
    return base | {
        "decision_id": f"d{offset}",
        "order_id": f"o{offset}",
        "fill_id": f"f{offset}",
        "rule": "r",
        "action": "hold",
        "reasons": "",
        "window_start": base["traded_at"],
        "inputs": "{}",
        "broker": "paper",
        "executed": base["quantity"],
        "status": "filled",
        "fee": base["price"],
        "account": "main",
    }


def reject(part: TopicPartition, offset: int) -> dict[str, Any]:
    return row(part, offset, offset, offset, venue="x") | {
        "value": b"junk%d" % offset,
        "reason": "not_json",
        "schema_version": 1,
        "event_index": -1,
    }
