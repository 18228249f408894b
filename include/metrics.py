"""A process's metrics for Prometheus: an HTTP page on loopback, computed at each scrape.

The only owner of prometheus_client. Names are `tickhouse_…`, base units (seconds), counters end in
`_total`; the library adds memory, CPU and open files of the process. Each page has the age of the
process's main loop too (`include/heartbeat.py`), and what its readers of Kafka came too late for
(`include/unread_records.py`); `/healthz` beside it answers whether the loop hangs.
"""

import json
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication

from prometheus_client import REGISTRY, CollectorRegistry, make_wsgi_app, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.core import Metric as MetricFamily
from prometheus_client.registry import Collector

from include import heartbeat, unread_records
from include.heartbeat import HEARTBEAT, LOOP_S, MAIN_LOOP_AGE
from include.log import event
from include.unread_records import REMOVED_UNREAD, removed_by_topic

log = logging.getLogger("tickhouse.metrics")


@dataclass(frozen=True)
class Metric:
    """One metric: its name without `tickhouse_`, what it means, and a number for each label set.

    A counter's name ends in `_total`; every other is a gauge.
    """

    name: str
    meaning: str
    numbers: Mapping[tuple[str, ...], float] = field(default_factory=dict)
    labels: Sequence[str] = ()

    @classmethod
    def of(cls, name: str, meaning: str, number: float) -> "Metric":
        """A metric without labels."""
        return cls(name, meaning, {(): number})


ReadMetrics = Callable[[], Iterable[Metric]]


class _MetricsCollector(Collector):
    """Calls `read` at every scrape."""

    def __init__(self, read: ReadMetrics) -> None:
        self._read = read

    def collect(self) -> Iterable[MetricFamily]:
        age_s = HEARTBEAT.age_s
        loop = [] if age_s is None else [Metric.of(MAIN_LOOP_AGE, heartbeat.MEANING, age_s)]
        removed: dict[tuple[str, ...], float] = {
            (topic,): float(count) for topic, count in dict(removed_by_topic).items()
        }
        unread_metric = Metric(REMOVED_UNREAD, unread_records.MEANING, removed, ("topic",))
        unread = [unread_metric] if removed else []
        return [_make_family(metric) for metric in (*self._read(), *loop, *unread)]

    def describe(self) -> Iterable[MetricFamily]:
        return []


def serve_metrics(
    port: int,
    read: ReadMetrics,
    *,
    host: str,
    hangs_after_s: float = LOOP_S,
    registry: CollectorRegistry = REGISTRY,
) -> bool:
    """Serve `/metrics` and `/healthz` in a thread; whether it does.

    Port 0 means off. If the port is taken, the process goes on without metrics. `/healthz` answers
    503 when the main loop has not gone round for `hangs_after_s` seconds.
    """
    if not port:
        return False
    try:
        server, _ = start_http_server(port, addr=host, registry=registry)
    except OSError as error:
        log.warning(event("no metrics", port=port, error=error))
        return False
    registry.register(_MetricsCollector(read))
    server.set_app(_join_health(make_wsgi_app(registry), hangs_after_s))
    return True


def _join_health(metrics_app: WSGIApplication, hangs_after_s: float) -> WSGIApplication:
    """The application of metrics, with `/healthz` beside it."""

    def answer(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        if environ.get("PATH_INFO") != "/healthz":
            return metrics_app(environ, start_response)
        age_s = HEARTBEAT.age_s
        hangs = age_s is not None and age_s > hangs_after_s
        status = "503 Service Unavailable" if hangs else "200 OK"
        start_response(status, [("Content-Type", "application/json")])
        return [json.dumps({"ok": not hangs, "main_loop_age_s": age_s}).encode()]

    return answer


def _make_family(metric: Metric) -> MetricFamily:
    kind = CounterMetricFamily if metric.name.endswith("_total") else GaugeMetricFamily
    family = kind(f"tickhouse_{metric.name}", metric.meaning, labels=tuple(metric.labels))
    for labels, number in metric.numbers.items():
        family.add_metric(list(labels), number)
    return family
