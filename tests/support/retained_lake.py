"""Retention on a lake without Spark: floors as the product moves them, rows deleted by delta-rs."""

from datetime import UTC, datetime, timedelta

from include.lake.audit.dropping import move_floors
from include.lake.floors import Floor, read_floors
from include.lake.tables import QUARANTINE
from include.lake.watermarks import home_table
from tests.support.audited_lake import AuditedLake

MOVED_AT = datetime(2026, 12, 1, tzinfo=UTC)
# Rows of the audited lake are a second apart.
KEEP = {
    "trades": timedelta(seconds=20),
    "book_changes": timedelta(seconds=20),
    "feed_ledger": timedelta(seconds=30),
    "quarantine": timedelta(seconds=25),
}


def move(audited: AuditedLake, keep: dict[str, timedelta] = KEEP) -> list[Floor]:
    return move_floors(audited.home, audited.lake, keep, moved_at=MOVED_AT)


def delete_below_floors(audited: AuditedLake) -> None:
    for part, floor in read_floors(audited.lake).items():
        for name in {home_table(part.topic).name, QUARANTINE.name}:
            audited.delta(name).delete(
                f"topic = '{part.topic}' AND \"partition\" = {part.partition} "
                f'AND "offset" < {floor.offset}'
            )


def retain(audited: AuditedLake, keep: dict[str, timedelta] = KEEP) -> list[Floor]:
    moved = move(audited, keep)
    delete_below_floors(audited)
    return moved
