"""Retention's second half: rows below the floors are deleted, and only those.

The floors were sealed and written before (`include/lake/audit/dropping.py`), so a delete that is
killed is done again by the next one. `DELETE` reads the files that may have such rows, by the log's
statistics, and rewrites those that have others too; appends go on beside it.
"""

import logging
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from delta.exceptions import (
    ConcurrentAppendException,
    ConcurrentDeleteDeleteException,
    ConcurrentDeleteReadException,
    ConcurrentWriteException,
)
from pyspark.sql import SparkSession

from include.lake.audit.dropping import move_floors
from include.lake.floors import Floor, read_floors
from include.lake.reading import open_table
from include.lake.tables import QUARANTINE
from include.lake.watermarks import home_table
from include.log import event
from include.settings import Settings
from spark_jobs.sinks import locate_table

ATTEMPTS, PAUSE_S = 5, 2.0  # another compaction may replace a file that is read
CONFLICTS = (
    ConcurrentAppendException,
    ConcurrentDeleteDeleteException,
    ConcurrentDeleteReadException,
    ConcurrentWriteException,
)
log = logging.getLogger("tickhouse.retention")


def move_settings_floors(settings: Settings, *, moved_at: datetime | None = None) -> list[Floor]:
    """Move the floors as far as the settings let rows go and an audit has sealed them.

    Raises:
        PlatformError: the seals are lost or damaged, or a data file cannot be read.
    """
    days = settings.lake_keep_days.by_table
    keep = {name: timedelta(days=count) for name, count in days.items()}
    moved_at = moved_at or datetime.now(UTC)
    floors = move_floors(settings.world_store, settings.lake, keep, moved_at=moved_at)
    for floor in floors:
        part = f"{floor.part.topic}/{floor.part.partition}"
        log.info(
            event("floor moved", partition=part, offset=floor.offset, until=floor.dropped_until)
        )
    return floors


def delete_dropped_rows(spark: SparkSession, settings: Settings) -> dict[str, int]:
    """Delete the rows below the lake's floors; gives their number by table."""
    floors = read_floors(settings.lake)
    by_table: dict[str, list[Floor]] = {}
    for part, floor in sorted(floors.items()):
        for name in {home_table(part.topic).name, QUARANTINE.name}:
            by_table.setdefault(name, []).append(floor)
    return {
        name: _delete_rows(spark, locate_table(settings, name), of_table)
        for name, of_table in by_table.items()
        if open_table(settings.lake, name) is not None
    }


def _delete_rows(spark: SparkSession, location: str, floors: Iterable[Floor]) -> int:
    """Delete the rows of a table that are below one of the floors; gives how many."""
    table = "delta.`" + location.replace("`", "``") + "`"
    statement = f"DELETE FROM {table} WHERE {' OR '.join(map(_below_sql, floors))}"
    for attempt in range(ATTEMPTS):
        try:
            return int(spark.sql(statement).collect()[0]["num_affected_rows"])
        except CONFLICTS:
            if attempt == ATTEMPTS - 1:
                raise
            time.sleep(PAUSE_S)
    raise AssertionError(ATTEMPTS)


def _below_sql(floor: Floor) -> str:
    part = floor.part
    return (
        f"(topic = '{part.topic}' AND `partition` = {part.partition} AND `offset` < {floor.offset})"
    )
