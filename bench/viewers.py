"""What viewers of the page cost the running stream: landing's lateness without them and with them.

Both measures are of the running platform, one after the other; the viewers are sockets without a
browser, so that what is measured is the server's side.
"""

import time
from dataclasses import dataclass

import psutil

from bench.lateness import commit_delays_ms
from bench.measurement import Measurement, find_quantile
from bench.page_viewers import open_viewers
from include.clock import now_us
from include.errors import PlatformError, Unreachable
from include.local.supervisor import SupervisorClient
from include.log import PrintLine
from include.settings import Settings

TABLE = "book_changes"
SETTLE_S = 10.0
PROCESSES = ("dashboard", "stream")


@dataclass(frozen=True)
class _ViewerCost:
    """Figures of one measure: `dashboard` and `stream` are the cores that each process used.

    `updates_per_s` is of the viewer that got the fewest.
    """

    delays_ms: list[float]
    dashboard: float
    stream: float
    updates_per_s: float


def measure(
    settings: Settings, *, count: int, seconds: float, print_line: PrintLine
) -> list[Measurement]:
    """Milliseconds from Kafka to Delta and cores used, with `count` viewers beside none.

    Raises:
        Unreachable: the platform does not run.
        PlatformError: the stream landed nothing in the time of a measure.
    """
    pids = {process.name: process.pid or 0 for process in SupervisorClient(settings).processes()}
    costs = []
    for viewer_count in (0, count):
        print_line(f"{viewer_count} viewers, {SETTLE_S + seconds:.0f} s")
        costs.append(_measure_cost(settings, pids, viewer_count, seconds))
    alone, watched = costs
    measurements = []
    for name, share in (("p50", 0.50), ("p99", 0.99)):
        delay_ms, alone_ms = (find_quantile(cost.delays_ms, share) for cost in (watched, alone))
        measurements.append(_compare(f"land_{name}, {count} viewers", delay_ms, "ms", alone_ms))
    for name in PROCESSES:
        cores, alone_cores = getattr(watched, name), getattr(alone, name)
        measurements.append(_compare(f"{name}_cpu, {count} viewers", cores, "cores", alone_cores))
    return [*measurements, Measurement.of("updates_per_viewer", watched.updates_per_s, "1/s")]


def _measure_cost(
    settings: Settings, pids: dict[str, int], viewer_count: int, seconds: float
) -> _ViewerCost:
    url = f"http://{settings.ports.host}:{settings.ports.dashboard}/"
    with open_viewers(url, viewer_count) as viewers:
        time.sleep(SETTLE_S)
        cpu_before, updates_before = _cpu_seconds(pids), [viewer.updates for viewer in viewers]
        since_us, began_s = now_us(), time.monotonic()
        time.sleep(seconds)
        cpu_after, passed_s = _cpu_seconds(pids), time.monotonic() - began_s
        updates = [
            viewer.updates - before for viewer, before in zip(viewers, updates_before, strict=True)
        ]
    delays_ms = commit_delays_ms(f"{settings.lake}/{TABLE}", since_us=since_us)
    if not delays_ms:
        raise PlatformError(f"no row of {TABLE} was landed in {seconds:g} s")
    dashboard, stream = ((cpu_after[name] - cpu_before[name]) / passed_s for name in PROCESSES)
    updates_per_s = min(updates, default=0) / passed_s
    return _ViewerCost(delays_ms, dashboard, stream, updates_per_s)


def _cpu_seconds(pids: dict[str, int]) -> dict[str, float]:
    """Seconds of processor time of the two processes with all their children."""
    return {name: _cpu_seconds_of(pids.get(name, 0), name) for name in PROCESSES}


def _cpu_seconds_of(pid: int, name: str) -> float:
    try:
        process = psutil.Process(pid) if pid else None
        if process is None:
            raise Unreachable(f"{name} does not run")
        family = [process, *process.children(recursive=True)]
        return sum(sum(member.cpu_times()[:2]) for member in family)
    except psutil.NoSuchProcess as error:
        raise Unreachable(f"{name} ended during the measure") from error


def _compare(name: str, value: float, unit: str, alone: float) -> Measurement:
    return Measurement.of(name, value, unit, peer="no viewers", peer_value=alone)
