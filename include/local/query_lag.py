"""How far each query of the stream is behind Kafka's ends."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from include.market.time import AHEAD_OF_RECEIPT_US, EARLIEST_US, SECOND_US
from include.market.wire import OffsetRanges, TopicPartition
from include.serving.stream_progress import QueryProgress, StreamProgress

ReadTimesMs = Callable[[Mapping[TopicPartition, int]], Mapping[TopicPartition, int]]


@dataclass(frozen=True)
class QueryLag:
    """How far a query is behind the end of one partition.

    `behind` counts offsets not yet read. `waiting_s` is how long the oldest message not yet read
    has been in Kafka: 0 if all are read. Both are null where Kafka gave no answer; `waiting_s` too
    where the message has no plausible stamp: none (-1), or one that lies ahead. `next_offset` is
    that of this message.
    """

    query: str
    topic: str
    partition: int
    behind: int | None
    batch_ms: int | None = None
    rows_per_s: float | None = None
    waiting_s: float | None = None
    next_offset: int = 0


def query_lags(
    progress: StreamProgress,
    ranges: OffsetRanges,
    *,
    times_ms: ReadTimesMs = lambda _: {},
    now_s: float = 0.0,
) -> list[QueryLag]:
    """The lag of each query and partition against Kafka's `ranges` (none: Kafka is unreachable).

    `times_ms` gives when the messages at given offsets were stamped, in ms; `now_s` is the wall
    clock.
    """
    return [
        lag
        for query in progress.queries
        for lag in _lags_of(query, ranges, times_ms=times_ms, now_s=now_s)
    ]


def _lags_of(
    query: QueryProgress, ranges: OffsetRanges, *, times_ms: ReadTimesMs, now_s: float
) -> list[QueryLag]:
    offsets = query.next_offsets()
    behind = {
        at: max(0, ranges[at][1] - offset) if at in ranges else None
        for at, offset in offsets.items()
    }
    unread = {at: offset for at, offset in offsets.items() if behind[at]}
    stamped_ms = times_ms(unread) if unread else {}

    def waiting_s(at: TopicPartition) -> float | None:
        if behind[at] is None:
            return None
        if not behind[at]:
            return 0.0
        stamped_us = stamped_ms.get(at, 0) * 1000
        if not EARLIEST_US <= stamped_us <= now_s * SECOND_US + AHEAD_OF_RECEIPT_US:
            return None
        return round(max(0.0, now_s - stamped_us / SECOND_US), 3)

    return [
        QueryLag(
            query=query.name,
            topic=at.topic,
            partition=at.partition,
            behind=behind[at],
            batch_ms=query.batch_ms,
            rows_per_s=query.rows_per_s,
            waiting_s=waiting_s(at),
            next_offset=offsets[at],
        )
        for at in offsets
    ]
