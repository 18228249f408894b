"""Where retention has dropped rows: the first offset that each topic-partition keeps, its floor.

Below it no row is due, in the topic's table and in quarantine; what was there, the audit's seals
remember. The table `retention_floors` has a row for each partition that has a floor. A table that
is made from others has none: its log has the time before which its rows were dropped.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from include.lake.derived_tables import RETENTION_FLOORS
from include.lake.reading import open_table
from include.lake.tables import QUARANTINE, TABLES
from include.lake.writing import arrow_rows, replace_rows
from include.market.time import ALL_TIME, MINUTE
from include.market.wire import Topic, TopicPartition

DROPPED_UNTIL = "tickhouse/dropped_until"  # seconds since 1970, of a derived table's log


@dataclass(frozen=True)
class Floor:
    """The first offset of a partition that is kept, and what was dropped below it.

    No dropped row is later than `dropped_until` (trades: by `traded_at`; others: by their receipt).
    """

    part: TopicPartition
    offset: int
    dropped_until: datetime
    dropped_offsets: int
    dropped_at: datetime


Floors = Mapping[TopicPartition, Floor]
NO_FLOORS: Floors = {}


def read_floors(lake: str) -> dict[TopicPartition, Floor]:
    """The floors that a lake knows.

    Raises:
        UnreadableTable: the table's log is damaged.
    """
    table = open_table(lake, RETENTION_FLOORS.name)
    if table is None:
        return {}
    floors = {}
    for row in table.to_pyarrow_table().to_pylist():
        part = TopicPartition(row.pop("topic"), row.pop("partition"))
        floors[part] = Floor(part, **row)
    return floors


def write_floors(lake: str, floors: Iterable[Floor]) -> None:
    """Replace the floors of the topics that are among these by them, in one commit a topic."""
    by_topic: dict[str, list[Floor]] = {}
    for floor in floors:
        by_topic.setdefault(floor.part.topic, []).append(floor)
    for topic, of_topic in by_topic.items():
        rows = [
            {
                "topic": topic,
                "partition": floor.part.partition,
                "offset": floor.offset,
                "dropped_until": floor.dropped_until,
                "dropped_offsets": floor.dropped_offsets,
                "dropped_at": floor.dropped_at,
            }
            for floor in of_topic
        ]
        replace_rows(lake, RETENTION_FLOORS, arrow_rows(RETENTION_FLOORS, rows), topic=topic)


def not_dropped_sql(floors: Floors, table: str) -> str:
    """SQL for whether a row of a landed table is one that retention keeps."""
    topic = topic_of(table)
    below = [
        f'("partition" = {part.partition} AND "offset" < {floor.offset})'
        for part, floor in sorted(floors.items())
        if part.topic == topic
    ]
    return f"NOT ({' OR '.join(below)})" if below else "true"


def topic_of(table: str) -> str:
    """The topic whose floors are a table's: quarantine's own are those of rejected frames."""
    return TABLES[table].topic or Topic.REJECTS


def dropped_until(floors: Floors, table: str) -> datetime:
    """The time up to which rows of a landed table may be dropped; the earliest if all are kept."""
    topic = topic_of(table)
    times = [floor.dropped_until for part, floor in floors.items() if part.topic == topic]
    return max(times, default=ALL_TIME[0])


def whole_minutes_from(lake: str, table: str = "trades") -> datetime:
    """The first minute of which no row was dropped; the earliest if all are kept."""
    until = _dropped_until(lake, read_floors(lake), table)
    return until if until == ALL_TIME[0] else until.replace(second=0, microsecond=0) + MINUTE


def describe_dropped(
    lake: str, table_names: Iterable[str], moment_at: datetime = ALL_TIME[0]
) -> str:
    """Which of these tables have dropped rows after that moment, in words; empty: none has."""
    return describe_missing(lake, dict.fromkeys(table_names, moment_at))


def describe_missing(lake: str, needed_from: Mapping[str, datetime]) -> str:
    """The same, with a moment for each table by its name."""
    floors = read_floors(lake)
    times = {name: _dropped_until(lake, floors, name) for name in needed_from}
    dropped = [
        f"rows of {name} up to {until:%Y-%m-%d %H:%M:%S} were dropped by retention "
        f"({keep_days_name(name)})"
        for name, until in times.items()
        if needed_from[name] <= until and until != ALL_TIME[0]
    ]
    return "; ".join(dropped)


def _dropped_until(lake: str, floors: Floors, table: str) -> datetime:
    if TABLES[table].topic or table == QUARANTINE.name:
        return dropped_until(floors, table)
    derived = open_table(lake, table)
    seconds = derived.transaction_version(DROPPED_UNTIL) if derived is not None else None
    return ALL_TIME[0] if seconds is None else datetime.fromtimestamp(seconds, UTC)


def keep_days_name(table: str) -> str:
    """The setting of how many days of a table are kept."""
    return f"TICKHOUSE_LAKE_KEEP_DAYS_{table.upper()}"
