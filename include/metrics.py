"""A process's metrics for Prometheus: an HTTP page on loopback, computed at each scrape.

The only owner of prometheus_client. Names are `tickhouse_…`, base units (seconds), counters end in
`_total`; the library adds memory, CPU and open files of the process. Each page has the age of the
process's main loop too (`include/heartbeat.py`).
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from prometheus_client import REGISTRY, CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.core import Metric as MetricFamily
from prometheus_client.registry import Collector

from include.heartbeat import HEARTBEAT, MAIN_LOOP_AGE, MEANING
from include.log import event

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
        loop = [] if age_s is None else [Metric.of(MAIN_LOOP_AGE, MEANING, age_s)]
        return [_make_family(metric) for metric in (*self._read(), *loop)]

    def describe(self) -> Iterable[MetricFamily]:
        return []


def serve_metrics(
    port: int, read: ReadMetrics, *, host: str, registry: CollectorRegistry = REGISTRY
) -> bool:
    """Serve `/metrics` in a thread; whether it does.

    Port 0 means off. If the port is taken, the process goes on without metrics.
    """
    if not port:
        return False
    try:
        start_http_server(port, addr=host, registry=registry)
    except OSError as error:
        log.warning(event("no metrics", port=port, error=error))
        return False
    registry.register(_MetricsCollector(read))
    return True


def _make_family(metric: Metric) -> MetricFamily:
    kind = CounterMetricFamily if metric.name.endswith("_total") else GaugeMetricFamily
    family = kind(f"tickhouse_{metric.name}", metric.meaning, labels=tuple(metric.labels))
    for labels, number in metric.numbers.items():
        family.add_metric(list(labels), number)
    return family
