"""Data files that the tasks of a batch write themselves, and the Delta actions that add them.

One Spark job reads a batch's records and leaves a Parquet file for each task and table. Nothing of
it counts before its table's commit: files of a task that failed, or of a topic with a record that
is not well-formed, are garbage that VACUUM removes.
"""

import json
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyspark.sql import DataFrame

from include.atomic_files import sync_path
from include.lake.columns import Table
from include.lake.tables import TABLE_OF_TOPIC
from include.lake.writing import arrow_schema
from include.object_path import ObjectPath, store_path
from include.settings import set_variables
from include.settings.store import is_object_store
from spark_jobs.arrow_decoding import decode_rows
from spark_jobs.sinks import statistics_columns

ROWS_A_GROUP = 100_000
STATISTIC_CHARACTERS = 32  # a longer text has no minimum and maximum
WRITTEN = "topic string, action string"
Batches = Iterator[pa.RecordBatch]


def write_data_files(
    records_df: DataFrame, lake: str, *, variables: Mapping[str, str] = MappingProxyType({})
) -> dict[str, list[str]]:
    """Write the records' rows as data files; per topic the JSON of the actions that add them.

    A topic with a record that is not well-formed is not among them. `variables` are those of the
    tasks' environment by which they reach an object store.
    """
    columns = records_df.select("topic", "partition", "offset", "timestamp", "value")
    written = columns.mapInArrow(_make_task(lake, dict(variables)), WRITTEN).collect()
    malformed = {row["topic"] for row in written if row["action"] is None}
    actions: dict[str, list[str]] = {}
    for row in written:
        if row["topic"] not in malformed:
            actions.setdefault(row["topic"], []).append(row["action"])
    return actions


def local_folder(lake: str) -> str | None:
    """The lake as a folder of this machine; null if it is none (an object store)."""
    return lake.removeprefix("file://") if lake.startswith(("/", "file:///")) else None


def tasks_can_write(lake: str) -> bool:
    """Whether tasks can write data files to the lake themselves."""
    return local_folder(lake) is not None or is_object_store(lake)


def _make_task(lake: str, variables: Mapping[str, str]) -> Callable[[Batches], Batches]:
    """What a task does: its records' rows into files, an action each; null for malformed topics."""

    def write(batches: Batches) -> Batches:
        set_variables(variables)
        files: dict[str, DataFile | None] = {}
        for batch in batches:
            for topic, records in _split_by_topic(batch):
                file = files[topic] if topic in files else DataFile(lake, TABLE_OF_TOPIC[topic])
                files[topic] = file if file is not None and file.add(records) else None
        actions = [file.close() if file else None for file in files.values()]
        yield pa.record_batch(
            {"topic": pa.array(files, pa.string()), "action": pa.array(actions, pa.string())}
        )

    return write


def _split_by_topic(batch: pa.RecordBatch) -> Iterable[tuple[str, pa.RecordBatch]]:
    topics = pc.unique(batch.column("topic")).to_pylist()
    if len(topics) == 1:
        return [(topics[0], batch)]
    return [(topic, batch.filter(pc.equal(batch.column("topic"), topic))) for topic in topics]


class DataFile:
    """One data file of a table, made with its first rows and written as they come."""

    def __init__(self, lake: str, table: Table) -> None:
        self.table = table
        self.path = store_path(lake) / table.name / f"part-{uuid.uuid4()}.zstd.parquet"
        self._object = pa.BufferOutputStream() if isinstance(self.path, ObjectPath) else None
        self._waiting: list[pa.Table] = []
        self._footers: list[pq.FileMetaData] = []
        self._writer: pq.ParquetWriter | None = None

    def add(self, records: pa.RecordBatch) -> bool:
        """Add the rows of these records; false, and the file ends, if any is not well-formed."""
        rows = decode_rows(records, self.table)
        if rows is None:
            self._end()
            return False
        self._waiting.append(rows)
        if sum(map(len, self._waiting)) >= ROWS_A_GROUP:
            self._flush()
        return True

    def close(self) -> str:
        """Finish the file, forced to the disk; gives the JSON of the Delta action that adds it."""
        self._end()
        size = self._store()
        columns = statistics_columns(self.table)
        add = {
            "path": self.path.name,
            "partitionValues": {},
            "size": size,
            "modificationTime": int(time.time() * 1000),
            "dataChange": True,
            "stats": json.dumps(delta_statistics(self._footers[0], columns)),
        }
        return json.dumps({"add": add})

    def _store(self) -> int:
        """Have the file in the store for good; gives its size in bytes."""
        if isinstance(self.path, ObjectPath):
            assert self._object is not None
            content = self._object.getvalue()
            self.path.put(content.to_pybytes())
            return int(content.size)
        sync_path(self.path)
        return self.path.stat().st_size

    def _end(self) -> None:
        self._flush()
        if self._writer is not None:
            self._writer.close()

    def _flush(self) -> None:
        if not self._waiting:
            return
        if self._writer is None:
            self._writer = pq.ParquetWriter(
                self.path if self._object is None else self._object,
                arrow_schema(self.table).remove_metadata(),
                compression="zstd",
                metadata_collector=self._footers,
            )
        self._writer.write_table(pa.concat_tables(self._waiting), row_group_size=ROWS_A_GROUP)
        self._waiting = []


def delta_statistics(footer: Any, column_names: Iterable[str]) -> dict[str, Any]:
    """Delta's statistics of a data file, from its Parquet footer's statistics of these columns."""
    minima: dict[str, Any] = {}
    maxima: dict[str, Any] = {}
    null_counts: dict[str, int] = {}
    groups = [footer.row_group(number) for number in range(footer.num_row_groups)]
    for index, name in enumerate(footer.schema.names):
        of_groups = [group.column(index).statistics for group in groups]
        if name not in column_names or any(statistics is None for statistics in of_groups):
            continue
        null_counts[name] = sum(statistics.null_count for statistics in of_groups)
        bounded = [statistics for statistics in of_groups if statistics.has_min_max]
        if bounded:
            low = _delta_value(min(statistics.min for statistics in bounded))
            high = _delta_value(max(statistics.max for statistics in bounded))
            if max(len(str(low)), len(str(high))) <= STATISTIC_CHARACTERS:
                minima[name], maxima[name] = low, high
    return {
        "numRecords": footer.num_rows,
        "minValues": minima,
        "maxValues": maxima,
        "nullCount": null_counts,
    }


def _delta_value(bound: int | str | datetime) -> int | str:
    return bound.strftime("%Y-%m-%dT%H:%M:%S.%fZ") if isinstance(bound, datetime) else bound
