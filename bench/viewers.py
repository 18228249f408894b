"""What viewers of the page cost the running stream: landing's lateness without them and with them.

Both measures are of the running platform, one after the other; the viewers are sockets without a
browser, so that what is measured is the server's side.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import psutil

from bench.lateness import commit_delays_ms
from bench.measurement import Measurement, quantile
from bench.page_viewers import Seen, viewers
from include.clock import now_us
from include.errors import PlatformError, Unreachable
from include.local.supervisor import Supervisor
from include.settings import Settings

TABLE = "book_changes"
SETTLE_S = 10.0
PROCESSES = ("dashboard", "stream")


@dataclass(frozen=True)
class _Arm:
    delays_ms: list[float]
    dashboard: float  # cores
    stream: float
    updates: float  # a second, of the viewer that got the fewest


def measure(
    settings: Settings, *, count: int, seconds: float, say: Callable[[str], None]
) -> list[Measurement]:
    """Milliseconds from Kafka to Delta and cores used, with `count` viewers beside none.

    Raises:
        Unreachable: the platform does not run.
        PlatformError: the stream landed nothing in the time of a measure.
    """
    pids = {process.name: process.pid or 0 for process in Supervisor(settings).processes()}
    arms = []
    for watching in (0, count):
        say(f"{watching} viewers, {SETTLE_S + seconds:.0f} s")
        arms.append(_arm(settings, pids, watching, seconds))
    alone, watched = arms
    measurements = []
    for name, share in (("p50", 0.50), ("p99", 0.99)):
        delay_ms, alone_ms = (quantile(arm.delays_ms, share) for arm in (watched, alone))
        measurements.append(_compare(f"land_{name}, {count} viewers", delay_ms, "ms", alone_ms))
    for name in PROCESSES:
        cores, alone_cores = getattr(watched, name), getattr(alone, name)
        measurements.append(_compare(f"{name}_cpu, {count} viewers", cores, "cores", alone_cores))
    return [*measurements, Measurement.of("updates_per_viewer", watched.updates, "1/s")]


def _arm(settings: Settings, pids: dict[str, int], count: int, seconds: float) -> _Arm:
    url = f"http://{settings.ports.host}:{settings.ports.dashboard}/"
    with viewers(url, count) as seen:
        time.sleep(SETTLE_S)
        before, had = _used(pids), _updates(seen)
        since_us, began = now_us(), time.monotonic()
        time.sleep(seconds)
        spent, passed = _used(pids), time.monotonic() - began
        got = [now - then for now, then in zip(_updates(seen), had, strict=True)]
    delays_ms = commit_delays_ms(f"{settings.lake}/{TABLE}", since_us=since_us)
    if not delays_ms:
        raise PlatformError(f"no row of {TABLE} was landed in {seconds:g} s")
    dashboard, stream = ((spent[one] - before[one]) / passed for one in PROCESSES)
    return _Arm(delays_ms, dashboard=dashboard, stream=stream, updates=min(got, default=0) / passed)


def _updates(seen: Sequence[Seen]) -> list[int]:
    return [one.updates for one in seen]


def _used(pids: dict[str, int]) -> dict[str, float]:
    """Seconds of processor time of the two processes with all their children."""
    return {name: _seconds(pids.get(name, 0), name) for name in PROCESSES}


def _seconds(pid: int, name: str) -> float:
    try:
        process = psutil.Process(pid) if pid else None
        if process is None:
            raise Unreachable(f"{name} does not run")
        own = [process, *process.children(recursive=True)]
        return sum(sum(one.cpu_times()[:2]) for one in own)
    except psutil.NoSuchProcess as error:
        raise Unreachable(f"{name} ended during the measure") from error


def _compare(name: str, value: float, unit: str, alone: float) -> Measurement:
    return Measurement.of(name, value, unit, peer="no viewers", peer_value=alone)
