"""How late a table's rows were committed, read from the table's own log."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from bench.arrivals import RecordSpan
from include.market.wire import TopicPartition


def commit_delays_ms(
    location: str, *, since_us: int, sent_us: Callable[[int], int] = lambda kafka_us: kafka_us
) -> list[float]:
    """Milliseconds from Kafka to commit, one a row, of the rows that were sent since then.

    `location` is a table's folder on this machine; a commit's time is that of its file. `sent_us`
    gives when a record of this Kafka time was sent, where that is another clock's.
    """
    return [
        (committed_us - at) / 1000
        for committed_us, file in _list_files(location, since_us)
        for at in map(sent_us, _kafka_times_us(_read(file, ["kafka_time"])))
        if at >= since_us
    ]


def read_span_delays_ms(location: str, span: RecordSpan, *, since_us: int) -> list[float]:
    """Delays (ms) of the rows of these offsets, which Kafka got since then (µs); one a message."""
    delays_ms: dict[tuple[TopicPartition, int], float] = {}
    for committed_us, file in _list_files(location, since_us):
        rows = _read(file, ["topic", "partition", "offset", "kafka_time"])
        topics, partitions, offsets, _ = (column.to_pylist() for column in rows.columns)
        for *part, offset, at in zip(
            topics, partitions, offsets, _kafka_times_us(rows), strict=True
        ):
            message = TopicPartition(*part), offset
            if message in span:
                delays_ms.setdefault(message, (committed_us - at) / 1000)
    return list(delays_ms.values())


def _list_files(location: str, since_us: int) -> Iterator[tuple[float, Path]]:
    """Data files that were committed since then, each with the time of its commit in µs."""
    for log in sorted(Path(location, "_delta_log").glob("*.json")):
        committed_us = log.stat().st_mtime_ns / 1000
        if committed_us < since_us:
            continue
        for action in map(json.loads, log.read_text().splitlines()):
            if "add" in action and action["add"]["dataChange"]:
                yield committed_us, Path(location, action["add"]["path"])


def _read(file: Path, columns: list[str]) -> pa.Table:
    """Columns of a data file; no row of one that a compaction has replaced and removed since."""
    try:
        return pq.read_table(file, columns=columns)
    except FileNotFoundError:
        return pa.table({name: [] for name in columns})


def _kafka_times_us(records_table: pa.Table) -> list[int]:
    times = records_table["kafka_time"].cast(pa.timestamp("us"), safe=False)
    stamps_us: list[int] = times.cast(pa.int64()).to_pylist()
    return stamps_us
