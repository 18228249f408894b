"""What the stream reports of itself and the feeds: its progress file and Postgres feed_health."""

import json
import threading
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.streaming.query import StreamingQuery

from include.market.feed_entries import FeedEntry
from include.serving import stream_progress
from include.serving.connection import Dsn
from include.serving.feed_health import LandedEntry, LandedStates, land_entry
from include.serving.stream_progress import REAL_TIME_QUERIES, QueryProgress, StreamProgress
from include.serving.tables import FEED_HEALTH, upsert
from include.settings import Settings

ENTRY_COLUMNS = FeedEntry._fields[:-2]  # without its times
WAITING = "Waiting for"  # data, or the next trigger: Spark's own words


def write_progress(
    settings: Settings,
    queries: Sequence[StreamingQuery],
    *,
    pauses_ms: Mapping[str, int] = MappingProxyType({}),
    faults: tuple[str, ...] = (),
) -> None:
    """Put the last progress of each query where `./tickhouse status` reads it, whole or not.

    `pauses_ms` by query are no part of the time that a batch took; `faults` as there.
    """
    states = tuple(_progress_of(query, pauses_ms.get(str(query.name), 0)) for query in queries)
    progress = StreamProgress(written_at=time.time(), queries=states, faults=faults)
    stream_progress.write_progress(settings, progress)


def _progress_of(query: StreamingQuery, pause_ms: int) -> QueryProgress:
    progress, name = query.lastProgress, str(query.name)
    # In real-time mode the end is reported only at a checkpoint: no lag can be read from it.
    real_time = name in REAL_TIME_QUERIES
    if progress is None:
        return QueryProgress(name, rows_per_s=0.0, is_ready=_is_idle_or_running(query, real_time))
    took_ms = progress.get("durationMs", {}).get("triggerExecution")
    return QueryProgress(
        name,
        batch=progress["batchId"],
        offsets={} if real_time else _end_offsets(progress["sources"]),
        rows_per_s=progress.get("processedRowsPerSecond", 0.0),
        batch_ms=max(0, took_ms - pause_ms) if took_ms is not None else None,
        watermark=progress.get("eventTime", {}).get("watermark"),
        reported_at=datetime.fromisoformat(progress["timestamp"]).timestamp(),
        is_ready=True,
    )


def _is_idle_or_running(query: StreamingQuery, real_time: bool) -> bool:
    """Whether a query without a finished batch has none to do, or never finishes one."""
    status = query.status
    return bool(status["isTriggerActive"]) if real_time else status["message"].startswith(WAITING)


def _end_offsets(sources: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The end offset by topic and partition over all sources of a query."""
    ends: dict[str, Any] = {}
    for source in sources:
        ends |= json.loads(source["endOffset"] or "{}")
    return ends


class LedgerHealth:
    """The state of each venue's feed, for Postgres feed_health; threads may share it.

    What lands waits until the states are read from the lake, which a thread does that may wait.
    """

    def __init__(self, wakeup: threading.Event) -> None:
        """`wakeup` is set when there is something to serve."""
        self._lock, self._wakeup = threading.Lock(), wakeup
        self._waiting: list[LandedEntry] = []
        self._states: LandedStates | None = None
        self._unserved: set[str] = set()

    def note(self, entries_df: DataFrame) -> None:
        """Take landed rows of the feed ledger in."""
        ordered_df = entries_df.orderBy("partition", "offset", "event_index")
        times = map(F.unix_micros, ("received_time", "kafka_time"))
        rows = ordered_df.select("partition", "offset", "event_index", *ENTRY_COLUMNS, *times)
        new_entries = [land_entry(row) for row in rows.collect()]
        with self._lock:
            self._waiting += new_entries
        self._wakeup.set()

    def begin(self, lake: str) -> None:
        """Read the states that the lake has: a crash may have come before they were served.

        Raises:
            UnreadableTable: the table of the feed ledger is damaged.
        """
        self._states = LandedStates(lake)
        self._unserved = set(self._states.venues)

    def serve(self, dsn: Dsn) -> None:
        """Write the venues that have new entries to Postgres.

        Raises:
            Unreachable: it does not answer; nothing is forgotten.
        """
        assert self._states is not None
        with self._lock:
            new_entries, self._waiting = self._waiting, []
        self._unserved |= self._states.take(new_entries)
        if self._unserved:
            upsert(dsn, FEED_HEALTH, self._states.list_rows(sorted(self._unserved)))
        self._unserved.clear()
