"""Why the platform does not keep its promise at this moment, a sentence for each cause."""

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import psutil

from include.heartbeat import EVENT_LOOP_S, LOOP_S
from include.local.process_pages import ProcessPage
from include.local.restarts import is_restart_loop, recent_starts
from include.local.supervisor import ProcessState
from include.local.unsupervised import RUNNING, SILENT
from include.market.wire import OffsetRanges
from include.serving.account_states import AccountState
from include.serving.stream_progress import QueryProgress, StreamProgress
from include.setting_fields import MB
from include.settings import Settings

STANDSTILL_S = 60.0
PAGE_START_S = 60  # a process serves its page of metrics by then
STREAM_START_S = AIRFLOW_START_S = 120


def process_causes(
    settings: Settings,
    processes: Sequence[ProcessState],
    pages: Mapping[str, ProcessPage | None] = MappingProxyType({}),
) -> Iterator[str]:
    """Processes that do not run, are suspended, end again and again, or hang by their `pages`."""
    for process in processes:
        log = f"./tickhouse logs {process.name}"
        starts = recent_starts(settings.home, process.name)
        if is_restart_loop(starts):
            yield f"{process.name} was started {len(starts)} times in 5 minutes: {log}"
        elif process.state == SILENT:
            yield f"{process.name} does not answer at the page that it serves"
        elif process.state != RUNNING:
            yield f"{process.name} is {process.state}: {log}"
        elif process.pid is not None and _is_suspended(process.pid):
            yield f"{process.name} (pid {process.pid}) is suspended: kill -CONT {process.pid}"
        elif process.name in pages:
            yield from _loop_causes(process, pages[process.name])


def airflow_causes(
    processes: Sequence[ProcessState], unhealthy_parts: Callable[[], Sequence[str]]
) -> Iterator[str]:
    """Parts of a running Airflow that its page calls unhealthy, or hides as it does not answer."""
    airflow = [process for process in processes if process.name.startswith("airflow-")]
    if any(part.state != RUNNING or part.uptime_s <= AIRFLOW_START_S for part in airflow):
        return  # its own cause, or none yet
    for name in unhealthy_parts() if airflow else ():
        log = "postgres" if name == "metadatabase" else f"airflow-{name.replace('_', '-')}"
        yield f"Airflow is not healthy, by its {name}: ./tickhouse logs {log}"


def stream_causes(
    progress: StreamProgress,
    processes: Sequence[ProcessState],
    *,
    behind: Mapping[str, int],
    now_s: float,
) -> Iterator[str]:
    """A stream that stands still; `behind` is how many messages wait, by query."""
    age_s = abs(now_s - progress.written_at)  # what was written in the future is not written again
    for process in processes:
        is_due = process.name == "stream" and process.state == RUNNING
        if not is_due or process.uptime_s <= STREAM_START_S:
            continue
        if age_s > STANDSTILL_S:
            yield f"the stream reports nothing, for {min(age_s, process.uptime_s):.0f} s"
            return
        for query in progress.queries:
            if not query.is_ready:
                yield (
                    f"the stream's query {query.name} has not finished a batch in the "
                    f"{process.uptime_s} s since its start"
                )
    if age_s <= STANDSTILL_S:
        yield from progress.faults
    for query in progress.queries:
        still_s = abs(now_s - query.reported_at)
        if query.reported_at and still_s > STANDSTILL_S and behind.get(query.name):
            yield (
                f"the stream's query {query.name} has made no progress for {still_s:.0f} s while "
                f"{behind[query.name]} messages wait"
            )


def topic_causes(queries: Sequence[QueryProgress], offset_ranges: OffsetRanges) -> Iterator[str]:
    """Topics that end before what the stream has read: they are not the ones that it read."""
    for query in queries:
        for part, offset in query.next_offsets().items():
            end = offset_ranges[part][1] if part in offset_ranges else offset
            if end < offset:
                yield (
                    f"{part.topic}/{part.partition} ends at offset {end}, but the stream has read "
                    f"up to {offset}: the broker has lost messages; see doctor"
                )
                return


def account_causes(accounts: Sequence[AccountState]) -> Iterator[str]:
    """Accounts of the trader that are suspended while the others go on."""
    for account in accounts:
        if account.failure:
            yield (
                f"the trader's account {account.name} is suspended, and tried again: "
                f"{account.failure}"
            )


def disk_causes(settings: Settings) -> Iterator[str]:
    """A disk that is nearly full, or below the floor at which the broker is stopped."""
    folder = next(path for path in (settings.var, *settings.var.parents) if path.exists())
    usage = shutil.disk_usage(folder)
    if usage.free < settings.supervisor.disk_floor_mb * MB:
        yield (
            f"only {usage.free / MB:.0f} MB are free for {settings.var}: broker, feeds, stream and "
            f"trader are stopped until {settings.supervisor.disk_floor_mb} MB are"
        )
    elif usage.free < usage.total * settings.alerts.disk_share:
        yield (
            f"the disk of {settings.var} is nearly full: {usage.free / MB:.0f} of "
            f"{usage.total / MB:.0f} MB are free"
        )


def free_mb(folder: Path) -> float:
    """Free space where a folder is."""
    return shutil.disk_usage(folder).free / MB


def _loop_causes(process: ProcessState, process_page: ProcessPage | None) -> Iterator[str]:
    """A process that runs for the system, but whose main loop stands still."""
    if process_page is None:
        if process.uptime_s > PAGE_START_S:
            yield f"{process.name} does not answer at its page"
        return
    for topic, count in process_page.removed.items():
        yield (
            f"{process.name} was too late for {count} records of {topic}, which Kafka's retention "
            f"removed: raise TICKHOUSE_KAFKA_RETENTION_HOURS, then ./tickhouse restart "
            f"{process.name}"
        )
    limit_s = EVENT_LOOP_S if _has_event_loop(process.name) else LOOP_S
    if process_page.loop_age_s is not None and process_page.loop_age_s > limit_s:
        yield (
            f"{process.name} hangs: its main loop has not gone round for "
            f"{process_page.loop_age_s:.0f} s: ./tickhouse logs {process.name}"
        )


def _has_event_loop(name: str) -> bool:
    return name == "dashboard" or name.startswith("feed-")


def _is_suspended(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_STOPPED)
    except psutil.Error:
        return False
