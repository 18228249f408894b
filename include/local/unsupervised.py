"""What is known of an installation that no supervisord keeps: containers, services of a cluster.

Its processes are asked at the pages they serve themselves, and the stream's place is read from its
checkpoints, which lie in the store that all machines see.
"""

import http.client
import re
import time
import urllib.request
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from include.lake.checkpoint import committed_offsets
from include.lake.diagnosis import QUERIES
from include.local.airflow import AirflowApi
from include.local.supervisor import ProcessState
from include.market.venues import VENUES
from include.serving.stream_progress import QueryProgress, StreamProgress
from include.settings import Settings

RUNNING, SILENT = "running", "silent"
PAGE_S = 3.0
STARTED = re.compile(r"^process_start_time_seconds (\S+)$", re.MULTILINE)
API_SERVER = "airflow-api-server"


def is_unsupervised(settings: Settings) -> bool:
    """Whether this installation uses servers that `up` does not start."""
    return bool(settings.kafka.bootstrap) and not settings.cluster.is_started


def ask_pages(settings: Settings) -> list[ProcessState]:
    """Each process by its page of metrics, the stream by Spark's, Airflow by its health."""
    pages = list_pages(settings)
    with ThreadPoolExecutor(len(pages)) as pool:
        states = list(pool.map(_ask_page, pages, pages.values()))
    is_healthy = AirflowApi(settings).is_healthy()
    return [*states, ProcessState(API_SERVER, RUNNING if is_healthy else SILENT, None, 0)]


def list_pages(settings: Settings) -> Mapping[str, str]:
    """The page of each process that has one, by the process's name."""
    venues = settings.venues
    unfollowed = {f"feed-{name}" for name in VENUES if not venues.of(name).symbols}
    if not venues.quote_symbols:
        unfollowed.add("feed-quotes")
    ports = {name: p for name, p in settings.metrics_ports.items() if name not in unfollowed}
    pages = {name: _locate(settings, name, port, "metrics") for name, port in ports.items() if port}
    return pages | {"stream": _locate(settings, "stream", settings.ports.spark_ui, "")}


def read_committed_progress(settings: Settings) -> StreamProgress:
    """How far the stream's queries have committed, without the figures of their batches."""
    queries = []
    for name in QUERIES:
        offsets: dict[str, dict[int, int]] = {}
        for part, end in committed_offsets(settings.checkpoints / name / "stream").items():
            offsets.setdefault(part.topic, {})[part.partition] = end
        queries.append(QueryProgress(name, offsets=offsets))
    return StreamProgress(queries=tuple(queries))


def _locate(settings: Settings, name: str, port: int, address: str) -> str:
    host = settings.metrics.host.replace("{name}", name) or settings.ports.host
    return f"http://{host}:{port}/{address}"


def _ask_page(name: str, url: str) -> ProcessState:
    try:
        with urllib.request.urlopen(url, timeout=PAGE_S) as reply:
            text = reply.read().decode(errors="replace")
    except (OSError, http.client.HTTPException):
        return ProcessState(name, SILENT, None, 0)
    started = STARTED.search(text)
    uptime_s = round(max(0.0, time.time() - float(started[1]))) if started else 0
    return ProcessState(name, RUNNING, None, uptime_s)
