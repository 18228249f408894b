"""What is running and how it does: the parts of `./tickhouse status`."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from include.errors import Unreachable
from include.lake.reading import read_row_counts
from include.local.airflow import AirflowApi
from include.local.causes import (
    STANDSTILL_S,
    account_causes,
    airflow_causes,
    disk_causes,
    process_causes,
    stream_causes,
    topic_causes,
)
from include.local.process_pages import ProcessPage, read_pages_of
from include.local.query_lag import QueryLag, ReadTimesMs, query_lags
from include.local.supervisor import ProcessState, SupervisorClient
from include.local.unsupervised import ask_pages, is_unsupervised, read_committed_progress
from include.market.wire import TOPICS, OffsetRanges, TopicPartition
from include.serving.account_states import AccountState, read_account_states
from include.serving.connection import fetch_rows, is_reachable
from include.serving.stream_progress import StreamProgress, read_progress
from include.settings import Settings
from include.settings.groups import DatabaseRole
from include.state_files import read_checked_file
from include.time_limit import Answers, Question

ReadRanges = Callable[[list[str]], OffsetRanges]
ANSWER_S = 5.0  # of a server
LAKE_S = 10.0  # a busy machine takes seconds to open all tables


@dataclass(frozen=True)
class FeedHealth:
    """A venue's state by the feed ledger: that of its worst symbol, which the cause names."""

    venue: str
    state: str
    since: datetime
    cause: str | None


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
    causes: list[str] = field(default_factory=list)
    accounts: list[AccountState] = field(default_factory=list)


def read_status(
    settings: Settings, *, ranges: ReadRanges, times_ms: ReadTimesMs, by_watcher: bool = False
) -> Status:
    """The whole status; `ranges` and `times_ms` ask Kafka for offsets and times of messages.

    Each question is given up after some seconds; what does not answer is one of the causes,
    and `ok` is true if there is none. Where no supervisord keeps the processes they are asked
    themselves, and the stream's checkpoints. The watcher needs no rows of tables, and asks the
    servers in any case.
    """
    answers = Answers(ANSWER_S)
    lake = settings.lake
    rows_question = Question(lambda: ({}, []) if by_watcher else read_row_counts(lake), name="lake")
    processes, pages, progress = _ask_processes(settings, answers)
    if not processes and not answers.causes and not by_watcher:
        answers.causes.append("nothing runs: ./tickhouse up")
    servers = _ServerAnswers()
    if processes or by_watcher:
        servers = _ask_servers(
            settings, processes, progress, ranges=ranges, times_ms=times_ms, answers=answers
        )
    row_counts, unreadable = answers.of(rows_question, instead=({}, []), within_s=LAKE_S)
    audited: LastAudit | None = None
    audited = answers.of(Question(lambda: last_audit(settings), name="audit"), instead=audited)
    now_s = time.time()
    stamped_ms = servers.stamped_ms
    lags = query_lags(progress, servers.ranges, times_ms=lambda _: stamped_ms, now_s=now_s)
    behind = _sum_behind(progress, lags)
    causes = [
        *process_causes(settings, processes, pages),
        *answers.causes,
        *stream_causes(progress, processes, behind=behind, now_s=now_s),
        *topic_causes(progress.queries, servers.ranges),
        *account_causes(servers.accounts),
        *disk_causes(settings),
        *unreadable,
    ]
    return Status(
        ok=not causes,
        world=settings.world,
        processes=processes,
        feeds=servers.feeds,
        lag=lags,
        rows=row_counts,
        audit=audited,
        links=list_links(settings),
        causes=causes,
        accounts=servers.accounts,
    )


def _ask_processes(
    settings: Settings, answers: Answers
) -> tuple[list[ProcessState], Mapping[str, ProcessPage | None], StreamProgress]:
    """The processes, their pages and the stream's progress, by whom there is to ask."""
    progress = read_progress(settings)
    supervised = Question(SupervisorClient(settings).processes, name="the supervisor")
    processes = answers.of(supervised, instead=[], counts=False)
    if processes or not is_unsupervised(settings):
        names = {process.name for process in processes}
        read = Question(lambda: read_pages_of(settings, names), name="the processes' pages")
        return processes, answers.of(read, instead={}), progress
    question = Question(lambda: ask_pages(settings), name="the processes")
    if not progress.queries:
        committed = Question(
            lambda: read_committed_progress(settings), name="the stream's checkpoints"
        )
        progress = answers.of(committed, instead=progress)
    states, pages = answers.of(question, instead=([], {}))
    return states, pages, progress


@dataclass(frozen=True)
class _ServerAnswers:
    """Offsets and times of waiting messages by Kafka; feeds and accounts by Postgres."""

    ranges: OffsetRanges = field(default_factory=dict)
    stamped_ms: Mapping[TopicPartition, int] = field(default_factory=dict)
    feeds: list[FeedHealth] = field(default_factory=list)
    accounts: list[AccountState] = field(default_factory=list)


def _ask_kafka(
    progress: StreamProgress, ranges: ReadRanges, times_ms: ReadTimesMs
) -> tuple[OffsetRanges, Mapping[TopicPartition, int]]:
    """Kafka's offsets, and when the next message of each partition that is behind was stamped."""
    topics = {topic for query in progress.queries for topic in query.offsets}
    current = ranges(sorted(topics or TOPICS))  # asked too before the stream's first batch
    unread: dict[TopicPartition, int] = {}
    for query in progress.queries:
        for part, offset in query.next_offsets().items():
            if offset < current.get(part, (0, 0))[1]:
                unread[part] = min(offset, unread.get(part, offset))
    return current, times_ms(unread) if unread else {}


def _ask_servers(
    settings: Settings,
    processes: Sequence[ProcessState],
    progress: StreamProgress,
    *,
    ranges: ReadRanges,
    times_ms: ReadTimesMs,
    answers: Answers,
) -> _ServerAnswers:
    """What Kafka, Postgres and Airflow answer, all asked at once."""
    kafka_question = Question(lambda: _ask_kafka(progress, ranges, times_ms), name="Kafka")
    airflow_question = Question(lambda: _ask_airflow(settings, processes), name="Airflow")
    feeds_question = Question(lambda: _ask_postgres(settings), name="Postgres")
    offset_ranges, stamped_ms = answers.of(kafka_question, instead=({}, {}))
    feeds, accounts = answers.of(feeds_question, instead=([], []))
    of_airflow: list[str] = []
    of_airflow = answers.of(airflow_question, instead=of_airflow, within_s=LAKE_S)
    answers.causes += of_airflow
    return _ServerAnswers(offset_ranges, stamped_ms, feeds, accounts)


def _ask_airflow(settings: Settings, processes: Sequence[ProcessState]) -> list[str]:
    ask = partial(AirflowApi(settings).unhealthy_parts, silent_s=STANDSTILL_S)
    return list(airflow_causes(processes, ask))


def _sum_behind(progress: StreamProgress, lags: list[QueryLag]) -> dict[str, int]:
    behind = {query.name: 0 for query in progress.queries}
    for lag in lags:
        behind[lag.query] += lag.behind or 0
    return behind


def _ask_postgres(settings: Settings) -> tuple[list[FeedHealth], list[AccountState]]:
    names = settings.trader_accounts()
    states = read_account_states(settings.dsn(DatabaseRole.READER), names)
    return read_feed_healths(settings), states


def process_states(settings: Settings) -> list[ProcessState]:
    """Each process; none while the platform is down."""
    try:
        return SupervisorClient(settings).processes()
    except Unreachable:
        return []


def feed_healths(settings: Settings) -> list[FeedHealth]:
    """Each feed; none if Postgres is unreachable."""
    try:
        return read_feed_healths(settings)
    except Unreachable:
        return []


def read_feed_healths(settings: Settings) -> list[FeedHealth]:
    """Each feed.

    Raises:
        Unreachable: Postgres is unreachable, or lacks the database or the table.
    """
    statement = "SELECT venue, state, since, cause FROM feed_health ORDER BY venue"
    return [FeedHealth(**row) for row in fetch_rows(settings.dsn(DatabaseRole.READER), statement)]


def database_defect(settings: Settings) -> str | None:
    """What is wrong with the serving database, in words; null if it is usable or does not run.

    One that `up` does not start has to answer.
    """
    server = settings.dsn(DatabaseRole.READER, database="postgres")
    if not settings.postgres.host and not is_reachable(server):
        return None
    try:
        fetch_rows(settings.dsn(DatabaseRole.READER), "SELECT 1 FROM feed_health LIMIT 1")
    except Unreachable as error:
        remedy = "./tickhouse prepare" if settings.postgres.host else "./tickhouse down, then up"
        return f"{error}: {remedy} creates it again" if is_reachable(server) else str(error)
    return None


def last_audit(settings: Settings) -> LastAudit | None:
    """What the last audit found; nothing if there was none.

    Raises:
        StateError: the file it left is damaged.
    """
    path = settings.home / "audit.json"
    report = read_checked_file(path, _AuditReport, or_unchecked=True)
    if report is None:
        return None
    return LastAudit(ok=report.ok, age_s=round(time.time() - path.stat().st_mtime))


def list_links(settings: Settings) -> dict[str, str]:
    """The pages a person opens. The Airflow log-in is printed by `status`, never logged."""
    ports = settings.ports
    urls = settings.public_urls
    pages = {
        "dashboard": f"{urls['dashboard']}/",
        "airflow": f"{urls['airflow']}/",
        "spark": f"{urls['spark']}/StreamingQuery/",
    }
    if settings.sql_server.start == "yes":
        pages["sql"] = f"jdbc:hive2://{ports.host}:{ports.sql_server}/default"
    return pages
