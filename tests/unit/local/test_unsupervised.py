"""`status` where no supervisord runs: processes by their own pages, the lag from checkpoints."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from include.errors import Unreachable
from include.local import process_pages
from include.local import status as status_module
from include.local.airflow import AirflowApi
from include.local.process_pages import list_pages
from include.local.query_lag import query_lags
from include.local.status import read_status
from include.local.unsupervised import ask_pages, read_committed_progress
from include.market.wire import OffsetRanges, TopicPartition
from include.serving.stream_progress import QueryProgress, StreamProgress
from include.settings import Settings, load
from tests.support.services import free_ports

BOOK = TopicPartition("market.book", 0)


class Page(BaseHTTPRequestHandler):
    """A page of metrics of a process that has run for long; an error where there is another."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/metrics" else 500)
        self.end_headers()
        self.wfile.write(b"process_start_time_seconds 1.5e+09\n")

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def page() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


def external(tmp_path: Path, trader: int) -> Settings:
    """An installation whose broker is elsewhere, with one process that answers."""
    nobody = free_ports(11)
    names = ("WATCHER", "DASHBOARD", "MINUTES", "GEMINI", "BINANCE", "DERIBIT", "QUOTES")
    ports = dict(zip((f"TICKHOUSE_METRICS_{name}" for name in names), nobody, strict=False))
    return load(
        {
            "TICKHOUSE_VAR": str(tmp_path),
            "TICKHOUSE_KAFKA_BOOTSTRAP": "127.0.0.1:1",
            "TICKHOUSE_METRICS_TRADER": str(trader),
            "TICKHOUSE_PORTS_SPARK_UI": str(nobody[-1]),
            "TICKHOUSE_PORTS_AIRFLOW": str(nobody[-2]),
            "TICKHOUSE_PORTS_SUPERVISOR": str(nobody[-3]),
            "TICKHOUSE_PORTS_POSTGRES": str(nobody[-4]),
            **{name: str(port) for name, port in ports.items()},
        }
    )


def commit(settings: Settings, query: str, end: int) -> None:
    """A checkpoint whose only batch ended at an offset of the book."""
    folder = settings.checkpoints / query / "stream"
    for name in ("offsets", "commits"):
        (folder / name).mkdir(parents=True)
    (folder / "offsets" / "0").write_text("v1\n{}\n" + json.dumps({BOOK.topic: {"0": end}}))
    (folder / "commits" / "0").write_text("v1\n{}")


def test_a_process_runs_if_its_page_answers(tmp_path: Path, page: int) -> None:
    settings = external(tmp_path, page)
    states = {process.name: process for process in ask_pages(settings)[0]}
    assert states["trader"].state == "running" and states["trader"].uptime_s > 0
    others = {name: one.state for name, one in states.items() if name != "trader"}
    assert set(others.values()) == {"silent"}
    assert {"stream", "minutes", "feed-gemini", "feed-quotes", "airflow-api-server"} <= set(others)


def test_an_airflow_that_answers_with_an_error_does_not_run(tmp_path: Path, page: int) -> None:
    url = f"http://127.0.0.1:{page}"
    settings = load({"TICKHOUSE_VAR": str(tmp_path), "TICKHOUSE_AIRFLOW_URL": url})
    assert not AirflowApi(settings).is_healthy()


def test_the_pages_are_where_the_setting_says(tmp_path: Path) -> None:
    named = load(
        {
            "TICKHOUSE_VAR": str(tmp_path),
            "TICKHOUSE_METRICS_HOST": "{name}.market.svc",
            "TICKHOUSE_METRICS_MINUTES": "0",
            "TICKHOUSE_VENUES_DERIBIT_SYMBOLS": "",
        }
    )
    pages = list_pages(named)
    assert pages["trader"] == "http://trader.market.svc:19401/metrics"
    assert pages["stream"] == "http://stream.market.svc:4040/"
    assert "minutes" not in pages


def test_status_tells_the_lag_from_the_checkpoints(
    tmp_path: Path, page: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = external(tmp_path, page)
    commit(settings, "land", 40)
    monkeypatch.setattr(status_module, "read_row_counts", lambda _: ({}, []))
    monkeypatch.setattr(process_pages, "PAGE_S", 0.5)
    asked = read_status(
        settings, ranges=lambda _: {BOOK: (0, 100)}, times_ms=lambda parts: dict.fromkeys(parts, 0)
    )
    assert [(lag.query, lag.behind) for lag in asked.lag] == [("land", 60)]
    assert not asked.ok
    assert "minutes does not answer at the page that it serves" in asked.causes
    assert not any("trader" in cause for cause in asked.causes)
    assert "nothing runs: ./tickhouse up" not in asked.causes


def test_kafka_is_asked_before_the_first_batch(
    tmp_path: Path, page: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status_module, "read_row_counts", lambda _: ({}, []))
    monkeypatch.setattr(process_pages, "PAGE_S", 0.5)

    def refuse(_: object) -> OffsetRanges:
        raise Unreachable("Kafka at 10.0.0.1:9092 refuses the log-in")

    asked = read_status(external(tmp_path, page), ranges=refuse, times_ms=lambda _: {})
    assert any("refuses the log-in" in cause for cause in asked.causes)
    assert asked.lag == []


def test_what_kafka_does_not_tell_is_not_called_zero() -> None:
    progress = StreamProgress(queries=(QueryProgress("land", offsets={BOOK.topic: {0: 40}}),))
    (lag,) = query_lags(progress, {})
    assert lag.behind is None and lag.waiting_s is None
    (lag,) = query_lags(progress, {BOOK: (0, 40)})
    assert lag.behind == 0 and lag.waiting_s == 0.0


def test_committed_offsets_are_those_of_every_query(tmp_path: Path) -> None:
    settings = load({"TICKHOUSE_VAR": str(tmp_path)})
    commit(settings, "signals", 7)
    places = {
        query.name: query.next_offsets() for query in read_committed_progress(settings).queries
    }
    assert places["signals"] == {BOOK: 7} and places["land"] == {}
