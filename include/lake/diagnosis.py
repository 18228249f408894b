"""What a restart of the stream would do, read from checkpoints, Delta commits and Kafka's range."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from include.lake.checkpoint import (
    begun,
    committed_offsets,
    damage,
    ends,
    numbers,
)
from include.lake.reading import create_view, open_table
from include.lake.tables import LANDED, QUARANTINE
from include.market.wire import TopicPartition

QUERIES = ("land", "signals", "measures")
Ranges = Mapping[TopicPartition, tuple[int, int]]


@dataclass(frozen=True)
class Diagnosis:
    """One query: whether its checkpoint is sound, and what a restart would do, in offsets."""

    query: str
    state: str  # sound, new, lost or damaged
    why: str
    batch: int | None
    replayed: int
    waiting: int
    lost: int

    def words(self) -> str:
        """One sentence for a person."""
        begins = {
            "new": "starts with batch 0 at the beginning of Kafka's topics",
            "lost": "begins a new epoch: reads Kafka from its beginning and leaves out what the "
            "lake has",
            "damaged": "refuses to start",
            "sound": f"resumes at batch {self.batch}",
        }[self.state]
        parts = [f"{begins} ({self.why})" if self.why else begins]
        if self.state != "damaged":
            parts.append(f"reads {self.replayed} offsets of an uncommitted batch again")
            parts.append(f"then {self.waiting} new ones")
        if self.lost:
            parts.append(f"LOSES {self.lost} offsets that Kafka has removed before they landed")
        return ", ".join(parts)


def diagnosed(home: Path, lake: str, ranges: Ranges) -> list[Diagnosis]:
    """A diagnosis of each query of the stream. `ranges`: Kafka's first and next offsets."""
    return [_diagnosis(home / "checkpoints" / query, query, lake, ranges) for query in QUERIES]


def repair(home: Path, query: str, *, at: datetime) -> Path:
    """Put a query's checkpoint aside, so that its next start makes a new one; where it went.

    For `land` that is a new epoch, without loss or doubling; `signals` are computed and written
    over themselves; `measures` are sent again from what Kafka still has.
    """
    folder = home / "checkpoints" / query
    aside = folder.with_name(f"{query}.damaged-{at:%Y%m%dT%H%M%S}")
    shutil.move(folder, aside)
    return aside


def _diagnosis(folder: Path, query: str, lake: str, ranges: Ranges) -> Diagnosis:
    checkpoint = folder / "stream"
    wrong = damage(checkpoint)
    if wrong is None and query == "land" and begun(checkpoint):
        wrong = _missing_epoch(folder)
    if wrong is not None:
        return Diagnosis(query, "damaged", wrong, None, 0, 0, 0)
    if not begun(checkpoint):
        return _anew(query, lake, ranges)
    done = committed_offsets(checkpoint)
    newest = max(numbers(checkpoint / "offsets"))
    planned = ends(checkpoint / "offsets" / str(newest))
    committed = newest in numbers(checkpoint / "commits")
    return Diagnosis(
        query,
        "sound",
        "",
        newest + 1 if committed else newest,
        sum(end - done.get(place, _first(ranges, place)) for place, end in planned.items()),
        sum(max(0, ranges[place][1] - end) for place, end in planned.items() if place in ranges),
        sum(max(0, _first(ranges, place) - end) for place, end in done.items()),
    )


def _anew(query: str, lake: str, ranges: Ranges) -> Diagnosis:
    landed = _landed_ends(lake) if query == "land" else {}
    gone = sum(max(0, _first(ranges, place) - end) for place, end in landed.items())
    there = sum(end - first for first, end in ranges.values())
    known = sum(
        max(0, min(end, ranges[place][1]) - ranges[place][0])
        for place, end in landed.items()
        if place in ranges
    )
    state = "lost" if landed else "new"
    why = f"the lake has {known} of Kafka's {there} offsets" if landed else ""
    return Diagnosis(query, state, why, 0, 0, there - known, gone)


def _landed_ends(lake: str) -> dict[TopicPartition, int]:
    import duckdb  # noqa: PLC0415 - late: see include/lake/reading.py

    found: dict[TopicPartition, int] = {}
    link = duckdb.connect()
    for name in (*(table.name for table in LANDED), QUARANTINE.name):
        table = open_table(lake, name)
        if table is not None:
            create_view(link, name, table)
            ended = link.execute(
                f'SELECT topic, "partition", max("offset") + 1 FROM {name} GROUP BY ALL'
            )
            for topic, partition, end in ended.fetchall():
                at = TopicPartition(topic, partition)
                found[at] = max(found.get(at, 0), end)
    link.close()
    return found


def _missing_epoch(folder: Path) -> str | None:
    try:
        json.loads((folder / "epoch.json").read_text())["app"]
    except (OSError, ValueError, KeyError):
        return "its epoch.json is missing or unreadable"
    return None


def _first(ranges: Ranges, place: TopicPartition) -> int:
    return ranges[place][0] if place in ranges else 0
