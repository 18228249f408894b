"""How far the stream's queries came: a small file that the stream writes and others read."""

import logging
from dataclasses import dataclass, field
from pathlib import Path

from include.errors import StateError
from include.log import event
from include.market.wire import TopicPartition
from include.settings import Settings
from include.state_files import read_checked_file, write_checked_file

# A batch of these is the time between two checkpoints: their lag does not depend on it.
REAL_TIME_QUERIES = frozenset({"measures"})
FRESH_S = 10.0

log = logging.getLogger("tickhouse.serving")


@dataclass(frozen=True)
class QueryProgress:
    """The last micro-batch of a query; no `offsets` while Spark has reported none.

    `reported_at` is when Spark began what it last reported, in seconds since the epoch; 0: nothing.
    `is_ready` is whether it has finished a batch since the stream's start, or found none to do; a
    real-time query, whether its tasks run.
    """

    name: str
    batch: int | None = None
    offsets: dict[str, dict[int, int]] = field(default_factory=dict)
    rows_per_s: float | None = None
    batch_ms: int | None = None
    watermark: str | None = None
    reported_at: float = 0.0
    is_ready: bool = False

    def next_offsets(self) -> dict[TopicPartition, int]:
        """The next offset to read of each partition."""
        return {
            TopicPartition(topic, partition): offset
            for topic, partitions in self.offsets.items()
            for partition, offset in partitions.items()
        }


@dataclass(frozen=True)
class StreamProgress:
    """All queries; `written_at` is in seconds since the epoch, 0 if the stream never ran.

    `faults` are sentences on what fails again and again beside the queries, which go on.
    """

    written_at: float = 0.0
    queries: tuple[QueryProgress, ...] = ()
    faults: tuple[str, ...] = ()

    def is_ready(self, now_s: float) -> bool:
        """Whether the stream runs, and each of its queries is ready."""
        is_fresh = abs(now_s - self.written_at) < FRESH_S
        return is_fresh and bool(self.queries) and all(query.is_ready for query in self.queries)


def progress_file(settings: Settings) -> Path:
    """Where it is: `var/WORLD/stream.json`."""
    return settings.home / "stream.json"


def write_progress(settings: Settings, progress: StreamProgress) -> None:
    """Replace the file."""
    write_checked_file(progress_file(settings), progress)


def read_progress(settings: Settings) -> StreamProgress:
    """What the stream wrote last; nothing if it never ran, or its file is damaged.

    A damaged one is logged: the running stream writes another within seconds.
    """
    try:
        path = progress_file(settings)
        return read_checked_file(path, StreamProgress, or_unchecked=True) or StreamProgress()
    except StateError as error:
        log.warning(event("stream progress unreadable", error=error))
        return StreamProgress()
