"""Retention before a row goes: floors are moved up to what is young enough, and sealed first.

A floor is the first offset of a partition whose row is young enough, and never above what an audit
has sealed. The seals get what lies below it, beside what lay below the one before; then the table
`retention_floors` gets it; whoever deletes rows deletes what is below. Killed in between, the
seals know either floor, and rows below one do not count.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
from deltalake import DeltaTable

from include.lake.audit.conservation import open_audited_tables
from include.lake.audit.digests import Digest, digest_files
from include.lake.audit.seals import (
    SEALS_FOLDER,
    DroppedRows,
    Seal,
    Seals,
    newest_number,
    read_seals,
    write_seals,
)
from include.lake.believed_times import newest_in, newest_sql
from include.lake.file_selection import files_below, list_files, list_uris
from include.lake.floors import Floor, Floors, read_floors, topic_of, write_floors
from include.lake.reading import connect, create_empty_view, create_view
from include.lake.tables import QUARANTINE, TABLES
from include.market.time import to_epoch_us
from include.market.wire import OffsetRange, OffsetRanges, TopicPartition
from include.object_path import StorePath

ROWS = """
CREATE TEMP VIEW rows AS
SELECT "partition" AS part, "offset" AS off, kafka_time, kafka_time AS event_time, false AS is_home
FROM quarantine WHERE topic = '{topic}'
"""
HOME_ROWS = """
UNION ALL
SELECT "partition", "offset", kafka_time, coalesce({event_time}, kafka_time), true FROM {table}
"""
BOUNDS = "CREATE OR REPLACE TEMP TABLE bounds (part INTEGER, since BIGINT, until BIGINT)"
NEWEST = f"SELECT {newest_sql('kafka_time', 'rows', now='$moved_at')}"
OLDER = "SELECT part, max(off) + 1 FROM rows WHERE kafka_time < $cutoff GROUP BY part"
YOUNGEST = """
SELECT part, min(off) FROM rows JOIN bounds USING (part)
WHERE off < until AND kafka_time >= $cutoff GROUP BY part
"""
BELOW = """
SELECT part, count(DISTINCT off) FILTER (is_home), count(DISTINCT off) FILTER (NOT is_home),
       max(event_time)
FROM rows JOIN bounds USING (part) WHERE off >= since AND off < until GROUP BY part
"""


@dataclass(frozen=True)
class _Move:
    """A floor that moves, and the seal that knows it."""

    floor: Floor
    seal: Seal


def move_floors(
    store: StorePath, lake: str, keep: Mapping[str, timedelta], *, moved_at: datetime
) -> list[Floor]:
    """Move the floors of these tables' topics; gives those that moved.

    `keep` has how long before a table's newest row its rows are kept. What no audit has sealed is
    kept too, and so is a partition's last sealed offset. No row is deleted here.

    Raises:
        PlatformError: the seals are lost or damaged, or a data file cannot be read.
    """
    folder = store / SEALS_FOLDER
    seals = read_seals(folder)
    if seals is None:
        return []
    number = newest_number(folder)
    tables, floors = open_audited_tables(lake), read_floors(lake)
    moves: list[_Move] = []
    files = dict(seals.files)
    for name, span in keep.items():
        if name not in tables:
            continue
        lookup = _Lookup(name, tables, seals, floors)
        moves += lookup.find_moves(span, moved_at=moved_at)
        for read in (name, QUARANTINE.name):  # sealed by file: those that hold dropped rows go
            kept_files = files.get(read, {})
            files[read] = {n: f for n, f in kept_files.items() if n not in lookup.names_read}
    if not moves or newest_number(folder) != number:
        return []
    moved = {move.seal.topic_partition: move.seal for move in moves}
    partitions = [moved.get(seal.topic_partition, seal) for seal in seals.partitions]
    write_seals(
        folder,
        msgspec.structs.replace(seals, number=number + 1, partitions=partitions, files=files),
    )
    new_floors = {move.floor.part: move.floor for move in moves}
    topics = {part.topic for part in new_floors}
    of_topics = {part: floor for part, floor in floors.items() if part.topic in topics}
    write_floors(lake, (of_topics | new_floors).values())
    return list(new_floors.values())


class _Lookup:
    """Reads what one table's topic has below the floors that may be."""

    def __init__(
        self, name: str, tables: Mapping[str, DeltaTable], seals: Seals, floors: Floors
    ) -> None:
        self._table, self._topic, self._floors = TABLES[name], topic_of(name), floors
        self._seals = {s.topic_partition: s for s in seals.partitions if s.topic == self._topic}
        self._tables = {key: tables[key] for key in (name, QUARANTINE.name) if key in tables}
        self._files = {key: list_files(table) for key, table in self._tables.items()}
        self._chosen: dict[str, list[str]] = {}

    @property
    def names_read(self) -> set[str]:
        """The names of the data files that may hold rows below the floors."""
        return {uri.rpartition("/")[2] for uris in self._chosen.values() for uri in uris}

    def find_moves(self, span: timedelta, *, moved_at: datetime) -> Iterator[_Move]:
        """The floors that can move up to so long before the newest row.

        Kafka's time of a record may be of 2099: it makes no other row old.
        """
        newest_at = self._newest_at(moved_at)
        ends = self._find_ends(newest_at - span) if newest_at else {}
        if not ends:
            return
        digests = self._digest(ends)
        for number, landed_count, quarantined, until_at in self._query(BELOW, ends):
            part = TopicPartition(self._topic, number)
            seal, (since, end) = self._seals[part], ends[part]
            earlier = seal.find_dropped(since)
            if earlier is None or quarantined != _count_between(seal.quarantined, since, end):
                continue  # changed since it was sealed: the next audit reports it
            home_rows, in_quarantine = (of_table.get(part, Digest()) for of_table in digests)
            dropped = DroppedRows(
                end,
                earlier.landed + landed_count,
                earlier.home_rows + home_rows,
                earlier.quarantine_rows + in_quarantine,
            )
            before = self._floors.get(part)
            floor = Floor(
                part,
                end,
                max(until_at, before.dropped_until) if before else until_at,
                dropped.landed + _count_between(seal.quarantined, 0, end),
                moved_at,
            )
            yield _Move(floor, msgspec.structs.replace(seal, dropped=[earlier, dropped]))

    def _newest_at(self, moved_at: datetime) -> datetime | None:
        """Kafka's time of the newest row; by the log where a table has one topic."""
        if self._table is not QUARANTINE:
            return newest_in(self._tables[self._table.name], "kafka_time", now=moved_at)
        self._choose_files("kafka_time", None)
        newest: datetime | None
        ((newest,),) = self._query(NEWEST, {}, moved_at=moved_at)
        return newest

    def _find_ends(self, cutoff_at: datetime) -> dict[TopicPartition, tuple[int, int]]:
        """Floor and next floor of each sealed partition whose floor can move."""
        self._choose_files("kafka_time", to_epoch_us(cutoff_at))
        ends: dict[TopicPartition, tuple[int, int]] = {}
        for number, until in self._query(OLDER, {}, cutoff=cutoff_at):
            part = TopicPartition(self._topic, number)
            if (seal := self._seals.get(part)) is not None:
                floor = self._floors.get(part)
                ends[part] = (floor.offset if floor else 0, min(until, seal.next - 1))
        self._choose_files("offset", max((end for _, end in ends.values()), default=0))
        for number, youngest in self._query(YOUNGEST, ends, cutoff=cutoff_at):
            part = TopicPartition(self._topic, number)
            ends[part] = (ends[part][0], youngest)
        return {
            part: (since, end)
            for part, (since, end) in ends.items()
            if end > max(since, self._seals[part].first)
        }

    def _choose_files(self, column: str, bound: int | None) -> None:
        """Read the files of the table that may have values below a bound, and all of quarantine."""
        self._chosen = {
            name: list_uris(
                files
                if name == QUARANTINE.name or bound is None
                else files_below(files, column, bound)
            )
            for name, files in self._files.items()
        }

    def _digest(
        self, ranges: OffsetRanges
    ) -> tuple[Mapping[TopicPartition, Digest], Mapping[TopicPartition, Digest]]:
        """What is below the next floors and not below those before: at home, in quarantine."""
        bounds = {
            "floors": {part: since for part, (since, _) in ranges.items()},
            "ends": {part: end for part, (_, end) in ranges.items()},
        }
        at_home = (
            {}
            if self._table is QUARANTINE
            else digest_files(self._chosen[self._table.name], self._table, **bounds)
        )
        in_quarantine = digest_files(self._chosen.get(QUARANTINE.name, []), QUARANTINE, **bounds)
        return at_home, in_quarantine

    def _query(
        self, statement: str, ranges: OffsetRanges, **bindings_at: datetime
    ) -> list[tuple[Any, ...]]:
        """The rows of a statement over `rows`, those of the topic in the chosen files."""
        rows = ROWS.format(topic=self._topic)
        if self._table is not QUARANTINE:
            event_time = "traded_at" if "traded_at" in self._table.names else "received_time"
            rows += HOME_ROWS.format(event_time=event_time, table=self._table.name)
        connection = connect("", ())
        try:
            for table in {self._table.name: self._table, QUARANTINE.name: QUARANTINE}.values():
                if uris := self._chosen.get(table.name):
                    create_view(connection, table.name, self._tables[table.name], files=uris)
                else:
                    create_empty_view(connection, table)
            connection.execute(rows)
            connection.execute(BOUNDS)
            for part, (since, end) in ranges.items():
                connection.execute(
                    "INSERT INTO bounds VALUES (?, ?, ?)", [part.partition, since, end]
                )
            return connection.execute(statement, bindings_at).fetchall()
        finally:
            connection.close()


def _count_between(quarantined: Iterable[OffsetRange], first: int, end: int) -> int:
    """How many offsets of quarantined spans (first and last) are from `first` to before `end`."""
    return sum(max(0, min(last + 1, end) - max(low, first)) for low, last in quarantined)
