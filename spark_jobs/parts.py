"""Data files that the tasks of a batch write themselves, and what a Delta commit tells of them.

One Spark job reads a batch's records and leaves a Parquet file for each task and table. Nothing of
it counts before its table's commit: files of a task that failed, or of a topic with a record that
is not plainly sound, are garbage that VACUUM removes.
"""

import json
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyspark.sql import DataFrame

from include.lake.columns import Table
from include.lake.tables import TABLE_OF_TOPIC
from include.lake.writing import arrow_schema
from spark_jobs.sinks import skipped_by
from spark_jobs.transforms.arrow_rows import plain_rows

ROWS_A_GROUP = 100_000
LONGEST = 32  # characters of a text that a statistic keeps
TOLD = "topic string, file string"
Batches = Iterator[pa.RecordBatch]


def written(records: DataFrame, lake: str) -> dict[str, list[str]]:
    """Write the records' rows as data files; per topic the JSON of the actions that add them.

    A topic with a record that is not plainly sound is not among them.
    """
    chosen = records.select("topic", "partition", "offset", "timestamp", "value")
    told = chosen.mapInArrow(_writer(lake), TOLD).collect()
    strange = {row["topic"] for row in told if row["file"] is None}
    files: dict[str, list[str]] = {}
    for row in told:
        if row["topic"] not in strange:
            files.setdefault(row["topic"], []).append(row["file"])
    return files


def local_folder(lake: str) -> str | None:
    """The lake as a folder that tasks can write to; nothing if it is not one (an object store)."""
    return lake.removeprefix("file://") if lake.startswith(("/", "file:///")) else None


def _writer(lake: str) -> Callable[[Batches], Batches]:
    """What a task does: its records' rows into files; tells of each, and of topics it gave up."""

    def write(batches: Batches) -> Batches:
        parts: dict[str, Part | None] = {}
        for batch in batches:
            for topic, records in _by_topic(batch):
                part = parts[topic] if topic in parts else Part(lake, TABLE_OF_TOPIC[topic])
                parts[topic] = part if part is not None and part.take(records) else None
        told = [(topic, part.close() if part else None) for topic, part in parts.items()]
        names, files = ([one[n] for one in told] for n in (0, 1))
        yield pa.record_batch(
            {"topic": pa.array(names, pa.string()), "file": pa.array(files, pa.string())}
        )

    return write


def _by_topic(batch: pa.RecordBatch) -> Iterable[tuple[str, pa.RecordBatch]]:
    topics = pc.unique(batch.column("topic")).to_pylist()
    if len(topics) == 1:
        return [(topics[0], batch)]
    return [(topic, batch.filter(pc.equal(batch.column("topic"), topic))) for topic in topics]


class Part:
    """One data file of a table, written as its rows come."""

    def __init__(self, lake: str, table: Table) -> None:
        """The file is made with the first rows."""
        self.table = table
        self.path = Path(lake) / table.name / f"part-{uuid.uuid4()}.zstd.parquet"
        self._waiting: list[pa.Table] = []
        self._told: list[pq.FileMetaData] = []
        self._writer: pq.ParquetWriter | None = None

    def take(self, records: pa.RecordBatch) -> bool:
        """Add the rows of these records; says whether all of them were plainly sound."""
        rows = plain_rows(records, self.table)
        if rows is None:
            self._flush()
            self._end()
            return False
        self._waiting.append(rows)
        if sum(len(one) for one in self._waiting) >= ROWS_A_GROUP:
            self._flush()
        return True

    def close(self) -> str:
        """Finish the file; gives the JSON of the Delta action that adds it."""
        self._flush()
        self._end()
        add = {
            "path": self.path.name,
            "partitionValues": {},
            "size": self.path.stat().st_size,
            "modificationTime": int(time.time() * 1000),
            "dataChange": True,
            "stats": json.dumps(statistics(self._told[0], skipped_by(self.table))),
        }
        return json.dumps({"add": add})

    def _flush(self) -> None:
        if not self._waiting:
            return
        if self._writer is None:
            self._writer = pq.ParquetWriter(
                self.path,
                arrow_schema(self.table).remove_metadata(),
                compression="zstd",
                metadata_collector=self._told,
            )
        self._writer.write_table(pa.concat_tables(self._waiting), row_group_size=ROWS_A_GROUP)
        self._waiting = []

    def _end(self) -> None:
        if self._writer is not None:
            self._writer.close()


def statistics(told: Any, names: Iterable[str]) -> dict[str, Any]:
    """Delta's statistics of a data file, from what its Parquet footer says of these columns."""
    least: dict[str, Any] = {}
    most: dict[str, Any] = {}
    nulls: dict[str, int] = {}
    groups = [told.row_group(number) for number in range(told.num_row_groups)]
    for place, name in enumerate(told.schema.names):
        found = [group.column(place).statistics for group in groups]
        if name not in names or any(one is None for one in found):
            continue
        nulls[name] = sum(one.null_count for one in found)
        full = [one for one in found if one.has_min_max]
        if full:
            least[name] = _told(min(one.min for one in full))
            most[name] = _told(max(one.max for one in full))
    long = {name for name in least if max(map(len, map(str, (least[name], most[name])))) > LONGEST}
    return {
        "numRecords": told.num_rows,
        "minValues": {name: value for name, value in least.items() if name not in long},
        "maxValues": {name: value for name, value in most.items() if name not in long},
        "nullCount": nulls,
    }


def _told(value: Any) -> Any:
    if isinstance(value, int | str):
        return value
    return value.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
