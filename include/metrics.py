"""A process's figures for Prometheus: an HTTP page on loopback, read when it is asked for.

The only owner of prometheus_client. Names are `tickhouse_…`, base units (seconds), counters end in
`_total`; the library adds memory, CPU and open files of the process.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from prometheus_client import REGISTRY, CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from include.log import event

log = logging.getLogger("tickhouse.metrics")


@dataclass(frozen=True)
class Figure:
    """One metric: its name without `tickhouse_`, what it means, and a number for each labelling.

    A counter's name ends in `_total`.
    """

    name: str
    meaning: str
    numbers: Mapping[tuple[str, ...], float] = field(default_factory=dict)
    labels: Sequence[str] = ()

    @classmethod
    def of(cls, name: str, meaning: str, number: float) -> "Figure":
        """A metric without labels."""
        return cls(name, meaning, {(): number})


Look = Callable[[], Iterable[Figure]]


class _Looking(Collector):
    """Asks `look` at every scrape."""

    def __init__(self, look: Look) -> None:
        self._look = look

    def collect(self) -> Iterable[Metric]:
        return [_family(figure) for figure in self._look()]

    def describe(self) -> Iterable[Metric]:
        return []


def serve(port: int, look: Look, *, host: str, registry: CollectorRegistry = REGISTRY) -> bool:
    """Serve `/metrics`; whether it does. Port 0 is off; a taken one costs the metrics alone."""
    if not port:
        return False
    registry.register(_Looking(look))
    try:
        start_http_server(port, addr=host, registry=registry)
    except OSError as error:
        log.warning(event("no metrics", port=port, error=error))
        return False
    return True


def _family(figure: Figure) -> Metric:
    kind = CounterMetricFamily if figure.name.endswith("_total") else GaugeMetricFamily
    family = kind(f"tickhouse_{figure.name}", figure.meaning, labels=tuple(figure.labels))
    for labels, number in figure.numbers.items():
        family.add_metric(list(labels), number)
    return family
