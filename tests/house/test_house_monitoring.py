"""Alert rules, metrics and the runbook agree, by Prometheus' own tool where it is installed."""

import re
import subprocess
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry, generate_latest

from include.alerts import KINDS
from include.heartbeat import HEARTBEAT
from include.local.query_lag import QueryLag
from include.local.status import FeedHealth
from include.market.feed_shards import FeedShard
from include.metrics import Metric, _MetricsCollector
from include.serving.stream_progress import QueryProgress, StreamProgress
from include.settings import ROOT
from include.unread_records import removed_by_topic
from streaming.dashboard.__main__ import _metrics as dashboard_metrics
from streaming.feeds.metrics import metrics as feed_metrics
from streaming.minutes import Counters
from streaming.trader.metrics import TraderMetrics
from streaming.watcher import metrics as watcher_metrics
from tests.support.absences import absent_programs

RULES_FILE = ROOT / "include/local/monitoring/alert-rules.yml"
RULES: list[dict[str, Any]] = yaml.safe_load(RULES_FILE.read_text())["groups"][0]["rules"]
RUNBOOK = (ROOT / "docs/runbook.md").read_text()
ENTRIES = dict(re.findall(r"^### (\w+)\n((?:- \*\*.*\n)+)", RUNBOOK, re.MULTILINE))
ABSENT = absent_programs("promtool", package="prometheus")
NEEDS_PROMTOOL = pytest.mark.skipif(bool(ABSENT), reason=ABSENT)
# Series by minute, and the alerts that are due at a time of them.
CASES = [
    ('up{job="tickhouse", instance="trader:19401"}', "1 0x5", "2m30s", "TickhouseProcessDown"),
    ('up{job="tickhouse", instance="trader:19401"}', "1x10", "5m", ""),
    (
        'tickhouse_main_loop_age_seconds{instance="trader:19401"}',
        "1 70x3",
        "2m",
        "TickhouseProcessHangs",
    ),
    ('tickhouse_main_loop_age_seconds{instance="trader:19401"}', "9x10", "5m", ""),
    (
        'tickhouse_records_removed_unread_total{instance="trader:19401", topic="market.book"}',
        "0x3 7x20",
        "10m",
        "TickhouseRecordsRemovedUnread",
    ),
    (
        'tickhouse_records_removed_unread_total{instance="trader:19401", topic="market.book"}',
        "7x80",
        "70m",
        "",
    ),
    ("tickhouse_stream_progress_timestamp_seconds", "30x10", "4m", "TickhouseStreamStalled"),
    ("tickhouse_stream_progress_timestamp_seconds", "9000x10", "4m", "TickhouseStreamStalled"),
    ("tickhouse_stream_progress_timestamp_seconds", "0+60x10", "5m", ""),
    (
        'tickhouse_stream_lag_seconds{query="land", topic="market.book", partition="0"}',
        "70x10",
        "6m",
        "TickhouseStreamLate",
    ),
    (
        'tickhouse_stream_lag_seconds{query="land", topic="market.book", partition="0"}',
        "0 70 0 70x3 0x9",
        "6m",
        "",
    ),
    (
        'tickhouse_feed_messages_dropped_total{venue="binance"}',
        "0 0 5 5 5",
        "4m",
        "TickhouseMessagesDropped",
    ),
    ('tickhouse_feed_messages_dropped_total{venue="binance"}', "5x20", "15m", ""),
    (
        'tickhouse_feed_state{venue="gemini", state="stale"}',
        "1x5",
        "3m",
        "TickhouseFeedNotLive",
    ),
    ('tickhouse_feed_state{venue="gemini", state="live"}', "1x5", "3m", ""),
    (
        'tickhouse_feed_events_total{venue="gemini", shard="1", event="frames"}',
        "100x20",
        "10m",
        "TickhouseFeedSilent",
    ),
    (
        'tickhouse_feed_events_total{venue="gemini", shard="1", event="frames"}',
        "0+100x20",
        "10m",
        "",
    ),
    (
        'tickhouse_feed_events_total{venue="gemini", event="rejects"}',
        "0+20x10",
        "5m",
        "TickhouseFramesRejected",
    ),
    ("tickhouse_trader_last_decision_timestamp_seconds", "60x20", "6m", "TickhouseTraderSilent"),
    ("tickhouse_trader_last_decision_timestamp_seconds", "0+60x20", "6m", ""),
    (
        "tickhouse_bars_last_refresh_timestamp_seconds",
        "60x20",
        "6m",
        "TickhouseMinutesStale",
    ),
]


def product_metrics() -> list[Metric]:
    """Every metric that a process has, with something in each."""
    server = SimpleNamespace(get_sessions=list)
    state = SimpleNamespace(offsets={("market.book", 0): 7}, postgres=SimpleNamespace(seen_s=1.0))
    lag = QueryLag("land", "market.book", 0, behind=7, waiting_s=1.5)
    progress = StreamProgress(5.0, (QueryProgress("land", batch_ms=250, rows_per_s=9.0),))
    publisher = SimpleNamespace(spooled=1, dropped=0)
    outlet = SimpleNamespace(producer=SimpleNamespace(acknowledged=5), publisher=publisher)
    events = Counter({"frames": 3, "messages book": 2, "rejects": 1})
    return [
        *feed_metrics(
            FeedShard("gemini"),
            [events],
            outlet=outlet,  # type: ignore[arg-type]
        ),
        *watcher_metrics.lag_metrics([lag]),
        *watcher_metrics.progress_metrics(progress),
        *watcher_metrics.feed_metrics([FeedHealth("gemini", "live", since="", cause=None)]),
        *watcher_metrics.watcher_metrics(looks=2, failures=0),
        *TraderMetrics(["main"]).metrics(),
        *Counters().metrics(),
        *dashboard_metrics(server, state),  # type: ignore[arg-type]
    ]


def exposition() -> str:
    registry = CollectorRegistry()
    HEARTBEAT.beat()  # each process's page has its age too
    registry.register(_MetricsCollector(product_metrics))
    return generate_latest(registry).decode()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_a_rule_reads_metrics_that_exist_and_names_its_entry(
    rule: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(removed_by_topic, "market.book", 3)  # shown where something was removed
    text = exposition()
    names = set(re.findall(r"\btickhouse_\w+", rule["expr"]))
    assert {name for name in names if f"\n{name}" not in f"\n{text}"} == set()
    path, _, anchor = rule["annotations"]["runbook"].partition("#")
    assert (path, anchor) == ("docs/runbook.md", rule["alert"].lower())


def test_the_runbook_has_an_entry_for_every_alert_and_no_other() -> None:
    assert set(ENTRIES) == {*KINDS, *(rule["alert"] for rule in RULES)}
    for entry in ENTRIES.values():
        assert re.findall(r"^- \*\*(.+?):\*\*", entry, re.MULTILINE) == ["Means", "Look at", "Do"]


def test_every_rule_has_a_case_in_which_it_is_due() -> None:
    assert {due for *_, due in CASES if due} == {rule["alert"] for rule in RULES}


@NEEDS_PROMTOOL
def test_the_metrics_pass_prometheus_own_check() -> None:
    check = subprocess.run(
        ["promtool", "check", "metrics"],
        input=exposition(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (check.returncode, check.stdout, check.stderr) == (0, "", "")


@NEEDS_PROMTOOL
def test_the_rules_pass_prometheus_own_check() -> None:
    check = subprocess.run(
        ["promtool", "check", "rules", RULES_FILE], capture_output=True, text=True, check=False
    )
    assert check.returncode == 0, check.stderr
    assert f"{len(RULES)} rules found" in check.stdout


@NEEDS_PROMTOOL
@pytest.mark.parametrize(("series", "values", "at", "due"), CASES)
def test_a_rule_is_due_when_it_should_be(
    tmp_path: Path, series: str, values: str, at: str, due: str
) -> None:
    """The tool compares labels and texts too, so only the names are taken from what it prints."""
    tests = {
        "rule_files": [str(RULES_FILE)],
        "evaluation_interval": "30s",
        "tests": [
            {
                "interval": "1m",
                "input_series": [{"series": series, "values": values}],
                "alert_rule_test": [
                    {"eval_time": at, "alertname": rule["alert"], "exp_alerts": []}
                    for rule in RULES
                ],
            }
        ],
    }
    file = tmp_path / "tests.yml"
    file.write_text(yaml.safe_dump(tests))
    run = subprocess.run(
        ["promtool", "test", "rules", file], capture_output=True, text=True, check=False
    )
    output = run.stdout + run.stderr
    fired = set(re.findall(r"alertname: ?(\w+)", output)) if run.returncode else set()
    assert fired == ({due} if due else set()), output
