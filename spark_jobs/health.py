"""What the stream reports of itself and the feeds: its progress file and Postgres feed_health."""

import json
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql.streaming.query import StreamingQuery

from include.serving import stream_progress
from include.serving.stream_progress import QueryProgress, StreamProgress
from include.serving.tables import FEED_HEALTH, upsert
from include.settings import Settings

STATE_OF_ENTRY = {
    "connect": "live",
    "recovered": "live",
    "healed": "live",
    "stale": "stale",
    "disconnect": "disconnected",
    "gap": "gap",
    "dropped": "gap",
}
REAL_TIME = frozenset({"measures"})


def write_progress(settings: Settings, queries: Sequence[StreamingQuery]) -> None:
    """Put the last progress of each query where `./tickhouse status` reads it, whole or not."""
    states = tuple(_progress_of(query) for query in queries)
    stream_progress.write_progress(settings, StreamProgress(written_at=time.time(), queries=states))


def _progress_of(query: StreamingQuery) -> QueryProgress:
    progress, name = query.lastProgress, str(query.name)
    if progress is None:
        return QueryProgress(name, rows_per_s=0.0)
    # In real-time mode the end is reported only at a checkpoint: no lag can be read from it.
    real_time = name in REAL_TIME
    return QueryProgress(
        name,
        batch=progress["batchId"],
        offsets={} if real_time else json.loads(progress["sources"][0]["endOffset"] or "{}"),
        rows_per_s=progress.get("processedRowsPerSecond", 0.0),
        batch_ms=progress.get("durationMs", {}).get("triggerExecution"),
        watermark=progress.get("eventTime", {}).get("watermark"),
        reported_at=datetime.fromisoformat(progress["timestamp"]).timestamp(),
    )


def feed_health_hook(settings: Settings) -> Callable[[DataFrame], None]:
    """A hook that keeps Postgres feed_health at the newest ledger entry of each venue."""

    def update(entries_df: DataFrame) -> None:
        newest: dict[str, dict[str, Any]] = {}
        for row in entries_df.orderBy("partition", "offset").collect():
            newest[row["venue"]] = {
                "venue": row["venue"],
                "state": STATE_OF_ENTRY.get(row["entry"], row["entry"]),
                "since": row["received_time"],
                "cause": row["cause"],
            }
        upsert(settings.dsn(), FEED_HEALTH, list(newest.values()))

    return update
