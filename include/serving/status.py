"""What is running and how it does: the parts of `./tickhouse status`."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from include.errors import Unreachable
from include.lake.reading import count_rows
from include.local.supervisor import ProcessState, SupervisorClient
from include.market.wire import TopicPartition
from include.serving.connection import fetch_rows, reachable
from include.serving.stream_progress import QueryProgress, StreamProgress, read_progress
from include.settings import Settings
from include.state_files import read_json_file

OffsetRanges = Mapping[TopicPartition, tuple[int, int]]
ReadRanges = Callable[[list[str]], OffsetRanges]
ReadTimesMs = Callable[[Mapping[TopicPartition, int]], Mapping[TopicPartition, int]]
RUNNING = "running"


@dataclass(frozen=True)
class FeedHealth:
    """A venue's newest ledger entry, as a state."""

    venue: str
    state: str
    since: datetime
    cause: str | None


@dataclass(frozen=True)
class QueryLag:
    """How far a query is behind the end of one partition.

    `behind` counts offsets not yet read. `waiting_s` is how long the oldest message not yet read
    has been in Kafka: 0 if all are read, null if Kafka gave no answer.
    """

    query: str
    topic: str
    partition: int
    behind: int
    batch_ms: int | None = None
    rows_per_s: float | None = None
    waiting_s: float | None = None


@dataclass(frozen=True)
class _AuditReport:
    """What is read of the file that an audit leaves."""

    ok: bool


@dataclass(frozen=True)
class LastAudit:
    """Whether the last audit was clean, and how many seconds ago it ended."""

    ok: bool
    age_s: int


@dataclass(frozen=True)
class Status:
    """Everything that `status --json` prints, under the same names."""

    ok: bool
    world: str
    processes: list[ProcessState]
    feeds: list[FeedHealth]
    lag: list[QueryLag]
    rows: dict[str, int]
    audit: LastAudit | None
    links: dict[str, str]


def read_status(settings: Settings, *, ranges: ReadRanges, times_ms: ReadTimesMs) -> Status:
    """The whole status; `ranges` and `times_ms` ask Kafka for offsets and times of messages."""
    processes = process_states(settings)
    return Status(
        ok=bool(processes) and all(process.state == RUNNING for process in processes),
        world=settings.world,
        processes=processes,
        feeds=feed_healths(settings),
        lag=(
            stream_lag(settings, ranges=ranges, times_ms=times_ms)
            if processes
            else query_lags(read_progress(settings), {})
        ),
        rows=count_rows(settings.lake),
        audit=last_audit(settings),
        links=links(settings),
    )


def process_states(settings: Settings) -> list[ProcessState]:
    """Each process; none while the platform is down."""
    try:
        return SupervisorClient(settings).processes()
    except Unreachable:
        return []


def feed_healths(settings: Settings) -> list[FeedHealth]:
    """Each feed; none if Postgres is away."""
    statement = "SELECT venue, state, since, cause FROM feed_health ORDER BY venue"
    try:
        return [FeedHealth(**row) for row in fetch_rows(settings.dsn(), statement)]
    except Unreachable:
        return []


def database_defect(settings: Settings) -> str | None:
    """What is wrong with the serving database, in words; null if it is sound or does not run."""
    if not reachable(settings.dsn(database="postgres")):
        return None
    try:
        fetch_rows(settings.dsn(), "SELECT 1 FROM feed_health LIMIT 1")
    except Unreachable as error:
        return f"{error}: ./tickhouse down, then up makes it anew"
    return None


def stream_lag(settings: Settings, *, ranges: ReadRanges, times_ms: ReadTimesMs) -> list[QueryLag]:
    """The lag of each query and partition; 0 behind and no time while Kafka does not answer."""
    progress = read_progress(settings)
    topics = sorted({topic for query in progress.queries for topic in query.offsets})
    try:
        return query_lags(
            progress, ranges(topics) if topics else {}, times_ms=times_ms, now_s=time.time()
        )
    except Unreachable:
        return query_lags(progress, {})


def query_lags(
    progress: StreamProgress,
    ranges: OffsetRanges,
    *,
    times_ms: ReadTimesMs = lambda _: {},
    now_s: float = 0.0,
) -> list[QueryLag]:
    """The lag of each query and partition against Kafka's `ranges` (none: Kafka is away).

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
    behind = {at: max(0, ranges.get(at, (0, 0))[1] - offset) for at, offset in offsets.items()}
    unread = {at: offset for at, offset in offsets.items() if behind[at]}
    stamped_ms = times_ms(unread) if unread else {}

    def waiting_s(at: TopicPartition) -> float | None:
        if not ranges:
            return None
        if not behind[at]:
            return 0.0
        return round(max(0.0, now_s - stamped_ms[at] / 1000), 3) if at in stamped_ms else None

    return [
        QueryLag(
            query=query.name,
            topic=at.topic,
            partition=at.partition,
            behind=behind[at],
            batch_ms=query.batch_ms,
            rows_per_s=query.rows_per_s,
            waiting_s=waiting_s(at),
        )
        for at in offsets
    ]


def last_audit(settings: Settings) -> LastAudit | None:
    """What the last audit found; nothing if there was none.

    Raises:
        StateError: the file it left is damaged.
    """
    path = settings.home / "audit.json"
    report = read_json_file(path, _AuditReport)
    if report is None:
        return None
    return LastAudit(ok=report.ok, age_s=round(time.time() - path.stat().st_mtime))


def links(settings: Settings) -> dict[str, str]:
    """The pages a person opens. The Airflow log-in is printed by `status`, never logged."""
    ports = settings.ports
    host = f"http://{ports.host}"
    pages = {
        "dashboard": f"{host}:{ports.dashboard}/",
        "airflow": f"{host}:{ports.airflow}/",
        "spark": f"{host}:{ports.spark_ui}/StreamingQuery/",
    }
    if settings.sql_server.start == "yes":
        pages["sql"] = f"jdbc:hive2://{ports.host}:{ports.sql_server}/default"
    return pages
