"""How late a table's rows were committed, read from the table's own log."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq


def commit_delays_ms(location: str, *, since_us: int) -> list[float]:
    """Milliseconds from Kafka to commit, one a row, of the rows that Kafka got since then.

    `location` is a table's folder on this machine; a commit's time is that of its file.
    """
    delays_ms: list[float] = []
    for log in sorted(Path(location, "_delta_log").glob("*.json")):
        committed_us = log.stat().st_mtime_ns / 1000
        if committed_us < since_us:
            continue
        actions = [json.loads(line) for line in log.read_text().splitlines()]
        for added in (action["add"] for action in actions if "add" in action):
            if not added["dataChange"]:
                continue
            file = Path(location, added["path"])
            times = pq.read_table(file, columns=["kafka_time"])["kafka_time"]
            stamps_us = times.cast(pa.timestamp("us"), safe=False).cast(pa.int64()).to_pylist()
            delays_ms += [(committed_us - at) / 1000 for at in stamps_us if at >= since_us]
    return delays_ms
