"""Who watches the stream: its alerts, its metrics, and what Grafana asks of them."""

import json
import re
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from include.local.programs import list_programs
from include.local.query_lag import QueryLag, query_lags
from include.local.status import FeedHealth
from include.market.wire import TopicPartition
from include.metrics import Metric, serve_metrics
from include.serving.stream_progress import (
    QueryProgress,
    StreamProgress,
    progress_file,
    read_progress,
    write_progress,
)
from include.settings import ROOT, load
from streaming.trader.metrics import TraderMetrics
from streaming.watcher.lateness import Lateness
from streaming.watcher.metrics import (
    feed_metrics,
    lag_metrics,
    progress_metrics,
    watcher_metrics,
)
from tests.support.services import free_ports

MONITORING = ROOT / "include" / "local" / "monitoring"


def lag(waiting_s: float | None, *, partition: int = 0) -> QueryLag:
    return QueryLag("land", "market.book", partition, behind=7, waiting_s=waiting_s)


def test_a_stream_past_half_of_the_retention_is_an_alert_once_an_hour_until_it_is_back() -> None:
    late = Lateness(retention_hours=10, share=0.5, repeat_s=3600)
    five_hours = 18_000.0
    assert late.alerts([lag(five_hours)], now_s=0) == []
    (alert,) = late.alerts([lag(five_hours + 360), lag(1.0, partition=1)], now_s=60)
    assert alert.kind == "stream_lag"
    assert alert.title == "the stream's query land is 5.1 h late on market.book"
    assert "7 messages of partition 0 wait; Kafka keeps them for 10 h" in alert.detail
    assert late.alerts([lag(five_hours + 400)], now_s=3659) == []
    assert late.alerts([lag(None)], now_s=3659) == []
    assert len(late.alerts([lag(five_hours + 400)], now_s=3660)) == 1
    assert late.alerts([lag(0.0)], now_s=3700) == []
    assert len(late.alerts([lag(five_hours + 1)], now_s=3701)) == 1


def test_lag_is_in_messages_and_in_seconds_that_the_oldest_waits(tmp_path: Path) -> None:
    settings = load({"TICKHOUSE_VAR": str(tmp_path)})
    settings.home.mkdir(parents=True)
    offsets = {"market.book": {"0": 90, "1": 50}}
    written = {
        "written_at": 5.0,
        "queries": [{"name": "land", "offsets": offsets, "batch_ms": 250}],
    }
    (settings.home / "stream.json").write_text(json.dumps(written))
    first, second = TopicPartition("market.book", 0), TopicPartition("market.book", 1)
    questions: list[Any] = []

    def times_ms(offsets: Any) -> dict[TopicPartition, int]:
        questions.append(dict(offsets))
        return {first: 1_759_999_998_500}

    progress = read_progress(settings)
    ranges = {first: (0, 100), second: (0, 50)}
    lags = query_lags(progress, ranges, times_ms=times_ms, now_s=1_760_000_000.0)
    assert questions == [{first: 90}]
    assert [(lag.partition, lag.behind, lag.waiting_s) for lag in lags] == [
        (0, 10, 1.5),
        (1, 0, 0.0),
    ]
    assert [lag.waiting_s for lag in query_lags(progress, {})] == [None, None]


def test_a_progress_file_that_is_missing_or_no_progress_means_that_none_ran(
    tmp_path: Path,
) -> None:
    settings = load({"TICKHOUSE_VAR": str(tmp_path)})
    assert read_progress(settings) == StreamProgress()
    settings.home.mkdir(parents=True)
    progress_file(settings).write_text('{"written_at": "now"')
    assert read_progress(settings) == StreamProgress()
    progress = StreamProgress(5.0, (QueryProgress("land", 3, {"market.book": {1: 50}}, 2.5, 250),))
    write_progress(settings, progress)
    assert read_progress(settings) == progress


def scraped(*metrics: Metric) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    (port,) = free_ports(1)
    assert serve_metrics(port, lambda: metrics, host="127.0.0.1", registry=CollectorRegistry())
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as reply:
        text = reply.read().decode()
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_metrics_are_served_with_their_labels() -> None:
    progress = StreamProgress(12.5, (QueryProgress("land", batch_ms=250),))
    feed = FeedHealth("gemini", "live", since=datetime(2026, 11, 20, tzinfo=UTC), cause=None)
    values = scraped(
        *lag_metrics([lag(1.5)]),
        *progress_metrics(progress),
        *feed_metrics([feed]),
        *watcher_metrics(looks=3, failures=1),
    )
    place = (("partition", "0"), ("query", "land"), ("topic", "market.book"))
    assert values["tickhouse_stream_lag_messages", place] == 7
    assert values["tickhouse_stream_lag_seconds", place] == 1.5
    assert values["tickhouse_stream_batch_seconds", (("query", "land"),)] == 0.25
    assert values["tickhouse_feed_state", (("state", "live"), ("venue", "gemini"))] == 1
    assert values["tickhouse_watcher_looks_total", ()] == 3


def test_a_port_that_is_taken_or_off_costs_the_metrics_alone() -> None:
    (port,) = free_ports(1)
    metrics = [Metric.of("things", "things", 1.0)]
    assert serve_metrics(port, lambda: metrics, host="127.0.0.1", registry=CollectorRegistry())
    assert not serve_metrics(port, lambda: metrics, host="127.0.0.1", registry=CollectorRegistry())
    assert not serve_metrics(0, lambda: metrics, host="127.0.0.1", registry=CollectorRegistry())


def test_the_trader_counts_what_its_session_reaches() -> None:
    steps = TraderMetrics(["main", "eth"])
    for step in ("before commit", "after commit", "before intent", "after intent"):
        steps.by_account["main"].reach(step)
    steps.by_account["eth"].reach("suspended")
    steps.shared.reach("sent")
    steps.shared.reach("sent")
    values = {metric.name: metric.numbers for metric in steps.metrics()}
    assert values["trader_decisions_total"] == {("main",): 1, ("eth",): 0}
    assert values["trader_order_intents_total"] == {("main",): 1, ("eth",): 0}
    assert values["trader_failures_total"] == {("main",): 0, ("eth",): 1}
    assert values["trader_messages_total"] == {(): 2}
    decided_at = values["trader_last_decision_timestamp_seconds"]
    assert decided_at["main",] > 1.7e9
    assert decided_at["eth",] == 0


def test_prometheus_asks_every_metered_process_at_its_port() -> None:
    settings = load({}).metrics
    configuration = yaml.safe_load((MONITORING / "prometheus.yml").read_text())
    (job,) = configuration["scrape_configs"]
    targets = dict(target.split(":") for target in job["static_configs"][0]["targets"])
    there = {program.name for program in list_programs(load({}))}
    assert set(targets) <= there
    ports = {name.removeprefix("feed-"): int(port) for name, port in targets.items()}
    processes = {
        name: getattr(settings, name)
        for name in vars(settings).keys() - {"every_s", "feeds", "host"}
    }
    assert ports == processes | settings.feeds


@pytest.mark.parametrize(
    "panel",
    json.loads((MONITORING / "tickhouse.json").read_text())["panels"],
    ids=lambda panel: panel["title"],
)
def test_grafana_asks_for_metrics_that_there_are(panel: dict[str, Any]) -> None:
    sources = "\n".join(path.read_text() for path in (ROOT / "streaming").rglob("*.py"))
    named = re.findall(r"tickhouse_(\w+)", " ".join(target["expr"] for target in panel["targets"]))
    assert named or "process_" in panel["targets"][0]["expr"]
    assert [name for name in named if f'"{name}"' not in sources] == []
