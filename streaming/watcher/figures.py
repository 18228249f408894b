"""The stream's progress and lag as Prometheus metrics."""

from collections.abc import Mapping, Sequence
from typing import Any

from include.metrics import Figure

PLACE = ("query", "topic", "partition")


def figures(
    lag: Sequence[Mapping[str, Any]],
    feeds: Sequence[Mapping[str, Any]],
    progress: Mapping[str, Any],
    *,
    looks: int,
    failures: int,
) -> list[Figure]:
    """Metrics of `status`'s lag and feeds and of the stream's progress file."""
    places = [((str(one["query"]), str(one["topic"]), str(one["partition"])), one) for one in lag]
    queries = list(progress.get("queries", []))
    return [
        Figure(
            "stream_lag_messages",
            "messages not yet read",
            {place: float(one["behind"]) for place, one in places},
            PLACE,
        ),
        Figure(
            "stream_lag_seconds",
            "how long the oldest message not yet read has waited",
            {
                place: float(one["waiting_s"])
                for place, one in places
                if one["waiting_s"] is not None
            },
            PLACE,
        ),
        Figure(
            "stream_batch_seconds",
            "length of the last micro-batch",
            {
                (query["name"],): query["batch_ms"] / 1000
                for query in queries
                if query.get("batch_ms") is not None
            },
            ("query",),
        ),
        Figure(
            "stream_rows_per_second",
            "rows that the last micro-batch processed a second",
            {(query["name"],): float(query.get("rows_per_s") or 0) for query in queries},
            ("query",),
        ),
        Figure.of(
            "stream_progress_timestamp_seconds",
            "when the stream last told its progress",
            float(progress.get("written_at", 0.0)),
        ),
        Figure(
            "feed_state",
            "1 for the state that the feed ledger tells of a venue",
            {(str(one["venue"]), str(one["state"])): 1.0 for one in feeds},
            ("venue", "state"),
        ),
        Figure.of("watcher_looks_total", "looks at the stream", looks),
        Figure.of("watcher_failures_total", "looks that Postgres did not get", failures),
    ]
