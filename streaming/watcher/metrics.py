"""The stream's progress and lag as Prometheus metrics."""

from collections.abc import Sequence

from include.local.query_lag import QueryLag
from include.local.status import FeedHealth
from include.metrics import Metric
from include.serving.stream_progress import StreamProgress

PARTITION_LABELS = ("query", "topic", "partition")


def lag_metrics(lags: Sequence[QueryLag]) -> list[Metric]:
    """How far each query is behind each partition's end."""
    by_labels = {(lag.query, lag.topic, str(lag.partition)): lag for lag in lags}
    return [
        Metric(
            "stream_lag_messages",
            "messages not yet read",
            {
                labels: float(lag.behind)
                for labels, lag in by_labels.items()
                if lag.behind is not None
            },
            PARTITION_LABELS,
        ),
        Metric(
            "stream_lag_seconds",
            "how long the oldest message not yet read has waited",
            {
                labels: lag.waiting_s
                for labels, lag in by_labels.items()
                if lag.waiting_s is not None
            },
            PARTITION_LABELS,
        ),
    ]


def progress_metrics(progress: StreamProgress) -> list[Metric]:
    """The last micro-batch of each query."""
    return [
        Metric(
            "stream_batch_seconds",
            "length of the last micro-batch",
            {
                (query.name,): query.batch_ms / 1000
                for query in progress.queries
                if query.batch_ms is not None
            },
            ("query",),
        ),
        Metric(
            "stream_rows_per_second",
            "rows that the last micro-batch processed a second",
            {(query.name,): query.rows_per_s or 0.0 for query in progress.queries},
            ("query",),
        ),
        Metric.of(
            "stream_progress_timestamp_seconds",
            "when the stream last reported its progress",
            progress.written_at,
        ),
    ]


def feed_metrics(feeds: Sequence[FeedHealth]) -> list[Metric]:
    """The state of each venue's feed."""
    return [
        Metric(
            "feed_state",
            "1 for the state that the feed ledger gives a venue",
            {(feed.venue, feed.state): 1.0 for feed in feeds},
            ("venue", "state"),
        )
    ]


def watcher_metrics(*, looks: int, failures: int) -> list[Metric]:
    """What the watcher itself did."""
    return [
        Metric.of("watcher_looks_total", "looks at the stream", looks),
        Metric.of("watcher_failures_total", "looks that Postgres did not get", failures),
    ]
