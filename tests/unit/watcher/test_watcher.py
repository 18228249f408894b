"""Who watches the stream: when it tells, what it serves, and what Grafana asks of it."""

import json
import re
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from include import metrics
from include.local.programs import programs
from include.metrics import Figure
from include.serving.status import lag
from include.settings import ROOT, load
from streaming.trader.steps import Steps
from streaming.watcher.figures import figures
from streaming.watcher.lateness import Lateness
from tests.support.services import free_ports

MONITORING = ROOT / "include" / "local" / "monitoring"


def row(waiting: float | None, *, partition: int = 0) -> dict[str, Any]:
    return {
        "query": "land",
        "topic": "market.book",
        "partition": partition,
        "behind": 7,
        "waiting_s": waiting,
    }


def test_a_stream_past_half_of_the_retention_is_told_of_once_an_hour_until_it_is_back() -> None:
    late = Lateness(retention_hours=10, share=0.5, repeat_s=3600)
    five_hours = 18_000.0
    assert late.alerts([row(five_hours)], now=0) == []
    (alert,) = late.alerts([row(five_hours + 360), row(1.0, partition=1)], now=60)
    assert alert.what == "stream_lag"
    assert alert.title == "the stream's query land is 5.1 h late on market.book"
    assert "7 messages of partition 0 wait; Kafka keeps them for 10 h" in alert.detail
    assert late.alerts([row(five_hours + 400)], now=3659) == []
    assert late.alerts([row(None)], now=3659) == []
    assert len(late.alerts([row(five_hours + 400)], now=3660)) == 1
    assert late.alerts([row(0.0)], now=3700) == []
    assert len(late.alerts([row(five_hours + 1)], now=3701)) == 1


def test_lag_is_in_messages_and_in_seconds_that_the_oldest_waits(tmp_path: Path) -> None:
    settings = load({"TICKHOUSE_VAR": str(tmp_path)})
    settings.home.mkdir(parents=True)
    offsets = {"market.book": {"0": 90, "1": 50}}
    told = {"written_at": 5.0, "queries": [{"name": "land", "offsets": offsets, "batch_ms": 250}]}
    (settings.home / "stream.json").write_text(json.dumps(told))
    asked: list[Any] = []

    def stamps(places: Any) -> dict[tuple[str, int], int]:
        asked.append(dict(places))
        return {("market.book", 0): 998_500}

    ends = {("market.book", 0): (0, 100), ("market.book", 1): (0, 50)}
    found = lag(settings, ends, stamps=stamps, now=1000.0)
    assert asked == [{("market.book", 0): 90}]
    assert [(one["partition"], one["behind"], one["waiting_s"]) for one in found] == [
        (0, 10, 1.5),
        (1, 0, 0.0),
    ]
    assert [one["waiting_s"] for one in lag(settings, {})] == [None, None]


def scraped(*found: Figure) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    (port,) = free_ports(1)
    assert metrics.serve(port, lambda: found, host="127.0.0.1", registry=CollectorRegistry())
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as reply:
        text = reply.read().decode()
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_metrics_are_served_with_their_labels() -> None:
    progress = {"written_at": 12.5, "queries": [{"name": "land", "batch_ms": 250}]}
    feeds = [{"venue": "gemini", "state": "live"}]
    told = scraped(*figures([row(1.5)], feeds, progress, looks=3, failures=1))
    place = (("partition", "0"), ("query", "land"), ("topic", "market.book"))
    assert told["tickhouse_stream_lag_messages", place] == 7
    assert told["tickhouse_stream_lag_seconds", place] == 1.5
    assert told["tickhouse_stream_batch_seconds", (("query", "land"),)] == 0.25
    assert told["tickhouse_feed_state", (("state", "live"), ("venue", "gemini"))] == 1
    assert told["tickhouse_watcher_looks_total", ()] == 3


def test_a_port_that_is_taken_or_off_costs_the_metrics_alone() -> None:
    (port,) = free_ports(1)
    look = [Figure.of("things", "things", 1.0)]
    assert metrics.serve(port, lambda: look, host="127.0.0.1", registry=CollectorRegistry())
    assert not metrics.serve(port, lambda: look, host="127.0.0.1", registry=CollectorRegistry())
    assert not metrics.serve(0, lambda: look, host="127.0.0.1", registry=CollectorRegistry())


def test_the_trader_counts_what_its_session_reaches() -> None:
    steps = Steps()
    for step in ("before commit", "after commit", "before intent", "after intent", "sent", "sent"):
        steps(step)
    told = {one.name: one.numbers[()] for one in steps.figures()}
    assert (
        told["trader_decisions_total"],
        told["trader_order_intents_total"],
        told["trader_messages_total"],
    ) == (1, 1, 2)
    assert told["trader_last_decision_timestamp_seconds"] > 1.7e9


def test_prometheus_asks_every_metered_process_at_its_port() -> None:
    own = load({}).metrics
    told = yaml.safe_load((MONITORING / "prometheus.yml").read_text())
    (job,) = told["scrape_configs"]
    asked = dict(one.split(":") for one in job["static_configs"][0]["targets"])
    there = {program.name for program in programs(load({}))}
    assert set(asked) <= there
    ports = {name.removeprefix("feed-"): int(port) for name, port in asked.items()}
    assert ports == {name: getattr(own, name) for name in vars(own) if name != "every_s"}


@pytest.mark.parametrize(
    "panel",
    json.loads((MONITORING / "tickhouse.json").read_text())["panels"],
    ids=lambda panel: panel["title"],
)
def test_grafana_asks_for_metrics_that_there_are(panel: dict[str, Any]) -> None:
    sources = "\n".join(
        (ROOT / "streaming" / path).read_text()
        for path in (
            "watcher/figures.py",
            "feeds/figures.py",
            "trader/steps.py",
            "minutes.py",
            "dashboard/__main__.py",
        )
    )
    named = re.findall(r"tickhouse_(\w+)", " ".join(one["expr"] for one in panel["targets"]))
    assert named or "process_" in panel["targets"][0]["expr"]
    assert [name for name in named if f'"{name}"' not in sources] == []
