"""Retention's second half: rows below the floors are deleted, and only those.

The floors were sealed and written before (`include/lake/audit/dropping.py`), so a delete that is
killed is done again by the next one. Delta's own `DELETE` would conflict with each append that
comes meanwhile, and the stream appends every second. Nothing is ever appended below a floor, so the
commit here names the files it removes and those with what they keep, and depends on no other; like
a compaction it is marked as changing no data: who follows the table gets nothing from it.
"""

import json
import logging
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from delta.exceptions import ConcurrentDeleteDeleteException, ConcurrentWriteException
from py4j.protocol import Py4JJavaError
from pyspark.sql import SparkSession

from include.atomic_files import sync_path
from include.lake.audit.dropping import move_floors
from include.lake.audit.listing import sql_source
from include.lake.file_selection import files_below, list_files, list_uris
from include.lake.floors import Floor, read_floors
from include.lake.reading import connect, open_table
from include.lake.tables import QUARANTINE
from include.lake.watermarks import home_table
from include.log import event
from include.settings import Settings
from spark_jobs.appends import delta_log
from spark_jobs.audit_lake import escape_pattern
from spark_jobs.data_files import local_folder
from spark_jobs.sinks import locate_table

ATTEMPTS, PAUSE_S = 5, 2.0  # another compaction may replace a file that is read
CONFLICTS = (ConcurrentDeleteDeleteException, ConcurrentWriteException)
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
    by_table: dict[str, list[Floor]] = {}
    for part, floor in sorted(read_floors(settings.lake).items()):
        for name in {home_table(part.topic).name, QUARANTINE.name}:
            by_table.setdefault(name, []).append(floor)
    return {
        name: _delete_rows(spark, settings, name, of_table)
        for name, of_table in by_table.items()
        if open_table(settings.lake, name) is not None
    }


def _delete_rows(
    spark: SparkSession, settings: Settings, name: str, floors: Sequence[Floor]
) -> int:
    """Delete the rows of a table that are below one of the floors; gives how many."""
    for attempt in range(ATTEMPTS):
        try:
            return _Deletion(spark, settings, name, floors).commit()
        except Py4JJavaError as error:
            if "ConcurrentDelete" not in str(error.java_exception) or attempt == ATTEMPTS - 1:
                raise
        except CONFLICTS:
            if attempt == ATTEMPTS - 1:
                raise
        time.sleep(PAUSE_S)
    raise AssertionError(ATTEMPTS)


class _Deletion:
    """One transaction on a table: data files go, and files with the rows that they keep come."""

    def __init__(
        self, spark: SparkSession, settings: Settings, name: str, floors: Sequence[Floor]
    ) -> None:
        self._spark, self._name = spark, name
        self._location, self._below = locate_table(settings, name), _below_sql(floors)
        self._max_offset = max(floor.offset for floor in floors)
        log = delta_log(spark, self._location)
        jvm: Any = spark._jvm
        self._jvm = jvm
        none = jvm.scala.Option.empty()
        self._snapshot = log.update(False, none, none)
        option = jvm.scala.Option.apply(self._snapshot)
        self._transaction = log.startTransaction(none, option)
        table = open_table(settings.lake, name, version=int(self._snapshot.version()))
        assert table is not None
        self._files = list_files(table)

    def commit(self) -> int:
        """Delete the rows; gives how many. Without any, nothing is committed."""
        counts = self._count_rows()
        if not counts:
            return 0
        actions = self._jvm.java.util.ArrayList()
        for add in self._snapshot.allFiles().collect():
            if _file_name(add.path()) in counts:
                actions.add(self._copy_as_compaction(add.remove()))
        assert actions.size() == len(counts), (self._name, counts)
        paths = [
            self._location + "/" + name for name, (_, kept_count) in counts.items() if kept_count
        ]
        if paths:
            schema = self._spark.read.format("delta").load(self._location).schema
            files_df = self._spark.read.schema(schema).parquet(*map(escape_pattern, paths))
            written = self._transaction.writeFiles(files_df.where(f"NOT ({self._below})")._jdf)
            for index in range(written.size()):
                actions.add(self._copy_as_compaction(written.apply(index)))
        if (folder := local_folder(self._location)) is not None:
            sync_path(Path(folder))
        to_seq = self._jvm.org.apache.spark.api.python.PythonUtils.toSeq
        delta = self._jvm.org.apache.spark.sql.delta
        # Delta's operation `DELETE` wants the counts of Delta's own command.
        operation = getattr(getattr(delta, "DeltaOperations$ManualUpdate$"), "MODULE$")
        self._transaction.commit(to_seq(actions), operation)
        return sum(dropped for dropped, _ in counts.values())

    def _copy_as_compaction(self, action: Any) -> Any:
        """The action as a compaction's, with which appends do not conflict."""
        ((kind, values),) = json.loads(action.json()).items()
        text = json.dumps({kind: values | {"dataChange": False}})
        return self._jvm.org.apache.spark.sql.delta.actions.Action.fromJson(text)

    def _count_rows(self) -> dict[str, tuple[int, int]]:
        """Rows below the floors and others, of each file that has rows below."""
        uris = list_uris(files_below(self._files, "offset", self._max_offset))
        if not uris:
            return {}
        connection = connect("", ())
        try:
            source = sql_source(connection, uris, reading_options=", filename = true")
            below = self._below.replace("`", '"')
            rows = connection.execute(
                f"SELECT filename, count(*) FILTER ({below}), count(*) FILTER (NOT ({below}))"
                f" FROM {source} GROUP BY filename"
            ).fetchall()
        finally:
            connection.close()
        return {
            _file_name(uri): (dropped, kept_count) for uri, dropped, kept_count in rows if dropped
        }


def _file_name(path: str) -> str:
    return unquote(path).rpartition("/")[2]


def _below_sql(floors: Iterable[Floor]) -> str:
    """Whether a row is below one of the floors."""
    return " OR ".join(
        f"(topic = '{floor.part.topic}' AND `partition` = {floor.part.partition}"
        f" AND `offset` < {floor.offset})"
        for floor in floors
    )
