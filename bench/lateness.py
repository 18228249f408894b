"""How late a table's rows were committed, told by the table's own log."""

import json
import statistics
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq


def committed_late(location: str, *, since_us: int) -> list[float]:
    """Milliseconds from Kafka to commit, a row each, of the rows that Kafka got since then.

    `location` is a table's folder on this machine; a commit's time is that of its file.
    """
    late: list[float] = []
    for log in sorted(Path(location, "_delta_log").glob("*.json")):
        at_us = log.stat().st_mtime_ns / 1000
        if at_us < since_us:
            continue
        actions = [json.loads(line) for line in log.read_text().splitlines()]
        for added in (one["add"] for one in actions if "add" in one and one["add"]["dataChange"]):
            file = Path(location, added["path"])
            times = pq.read_table(file, columns=["kafka_time"])["kafka_time"]
            sent = times.cast(pa.timestamp("us"), safe=False).cast(pa.int64()).to_pylist()
            late += [(at_us - one) / 1000 for one in sent if one >= since_us]
    return late


def quantile(values: Sequence[float], share: float) -> float:
    """The value that a share of at least two values, in whole hundredths, does not exceed."""
    return statistics.quantiles(values, n=100, method="inclusive")[round(share * 100) - 1]
