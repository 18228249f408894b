"""What is known of an installation that no supervisord keeps: containers, services of a cluster.

Its processes are asked at the pages they serve themselves, and the stream's place is read from its
checkpoints, which lie in the store that all machines see.
"""

from collections.abc import Mapping

from include.lake.checkpoint import committed_offsets
from include.lake.diagnosis import QUERIES
from include.local.airflow import AirflowApi
from include.local.process_pages import ProcessPage, list_pages, read_pages
from include.local.supervisor import ProcessState
from include.serving.stream_progress import QueryProgress, StreamProgress
from include.settings import Settings

RUNNING, SILENT = "running", "silent"
API_SERVER = "airflow-api-server"


def is_unsupervised(settings: Settings) -> bool:
    """Whether this installation uses servers that `up` does not start."""
    return bool(settings.kafka.bootstrap) and not settings.cluster.is_started


def ask_pages(settings: Settings) -> tuple[list[ProcessState], Mapping[str, ProcessPage | None]]:
    """Each process by its page of metrics, the stream by Spark's, Airflow by its health.

    Beside them the pages that they were read from.
    """
    pages = read_pages(list_pages(settings))
    states = [
        ProcessState(name, RUNNING if page else SILENT, None, page.uptime_s if page else 0)
        for name, page in pages.items()
    ]
    is_healthy = AirflowApi(settings).is_healthy()
    airflow = ProcessState(API_SERVER, RUNNING if is_healthy else SILENT, None, 0)
    return [*states, airflow], pages


def read_committed_progress(settings: Settings) -> StreamProgress:
    """How far the stream's queries have committed, without the figures of their batches."""
    queries = []
    for name in QUERIES:
        offsets: dict[str, dict[int, int]] = {}
        for part, end in committed_offsets(settings.checkpoints / name / "stream").items():
            offsets.setdefault(part.topic, {})[part.partition] = end
        queries.append(QueryProgress(name, offsets=offsets))
    return StreamProgress(queries=tuple(queries))
