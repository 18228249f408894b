"""The pages that the processes serve: who has one, and what it has of its process."""

import http.client
import re
import time
import urllib.request
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from include.heartbeat import MAIN_LOOP_AGE
from include.market.venues import VENUES
from include.settings import Settings
from include.unread_records import REMOVED_UNREAD

PAGE_S, STREAM = 3.0, "stream"
STARTED = re.compile(r"^process_start_time_seconds (\S+)$", re.MULTILINE)
LOOP_AGE = re.compile(rf"^tickhouse_{MAIN_LOOP_AGE} (\S+)$", re.MULTILINE)
REMOVED = re.compile(rf'^tickhouse_{REMOVED_UNREAD}{{topic="([^"]+)"}} (\S+)$', re.MULTILINE)


@dataclass(frozen=True)
class ProcessPage:
    """A page that answered: how old its process is, and when its main loop last went round.

    `loop_age_s` is null before the loop's first round. `removed` counts the records of each topic
    that Kafka's retention removed before the process had read them.
    """

    uptime_s: int
    loop_age_s: float | None
    removed: Mapping[str, int] = field(default_factory=dict)


def list_pages(settings: Settings) -> Mapping[str, str]:
    """The page of each process that has one, by the process's name."""
    venues = settings.venues
    unfollowed = {f"feed-{name}" for name in VENUES if not venues.of(name).symbols}
    if not venues.quote_symbols:
        unfollowed.add("feed-quotes")
    ports = {name: p for name, p in settings.metrics_ports.items() if name not in unfollowed}
    pages = {name: _locate(settings, name, port, "metrics") for name, port in ports.items() if port}
    return pages | {STREAM: _locate(settings, STREAM, settings.ports.spark_ui, "")}


def read_pages(pages: Mapping[str, str]) -> dict[str, ProcessPage | None]:
    """Each page, all at once; null for one that does not answer within 3 s."""
    if not pages:
        return {}
    with ThreadPoolExecutor(len(pages)) as pool:
        return dict(zip(pages, pool.map(_read_page, pages.values()), strict=True))


def read_pages_of(settings: Settings, names: Collection[str]) -> dict[str, ProcessPage | None]:
    """The pages of these processes; the stream's is Spark's, which knows no loop."""
    pages = {**list_pages(settings), "simulator": f"{settings.simulator_url}/healthz"}
    return read_pages({name: pages[name] for name in pages if name in names and name != STREAM})


def _locate(settings: Settings, name: str, port: int, address: str) -> str:
    host = settings.metrics.host.replace("{name}", name) or settings.ports.host
    return f"http://{host}:{port}/{address}"


def _read_page(url: str) -> ProcessPage | None:
    try:
        with urllib.request.urlopen(url, timeout=PAGE_S) as reply:
            text = reply.read().decode(errors="replace")
    except (OSError, http.client.HTTPException):
        return None
    started, age = STARTED.search(text), LOOP_AGE.search(text)
    return ProcessPage(
        uptime_s=round(max(0.0, time.time() - float(started[1]))) if started else 0,
        loop_age_s=float(age[1]) if age else None,
        removed={topic: int(n) for topic, count in REMOVED.findall(text) if (n := float(count))},
    )
