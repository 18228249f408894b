"""`prepare --first-training`: what `up` does by itself, for containers and clusters."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cli.main import cli


class FakeAirflow(ThreadingHTTPServer):
    """Airflow's API with one DAG; a triggered run publishes a forecast into `folder`."""

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.folder, self.runs = folder, list[dict[str, Any]]()


class _Answers(BaseHTTPRequestHandler):
    server: FakeAirflow

    def do_GET(self) -> None:
        if "/dagRuns" in self.path:
            self._answer({"dag_runs": self.server.runs})
        else:
            self._answer({"dags": [{"dag_id": "ingest_history"}]})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/auth/token":
            self._answer({"access_token": "token"})
            return
        run = {"dag_run_id": "first", "state": "success", "triggered_by": "rest_api", "note": None}
        self.server.runs.append(run)
        self.server.folder.mkdir(parents=True, exist_ok=True)
        (self.server.folder / "CURRENT").write_text("v1")
        self._answer(run)

    def log_message(self, *_: Any) -> None:
        pass

    def _answer(self, body: Any) -> None:
        text = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


@pytest.fixture
def airflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeAirflow]:
    server = FakeAirflow(tmp_path / "sim" / "forecasts")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("TICKHOUSE_VAR", str(tmp_path))
    monkeypatch.setenv("TICKHOUSE_AIRFLOW_URL", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setattr("include.local.postgres.create_databases", lambda settings: None)
    monkeypatch.setattr(
        "include.serving.preparation.create_serving_database", lambda settings: None
    )
    monkeypatch.setattr("cli.preparing.make_topics", lambda settings: None)
    monkeypatch.setattr("cli.preparing.require_servers", lambda settings: None)
    yield server
    server.shutdown()
    server.server_close()


def test_it_begins_the_training_once_and_waits_for_the_forecast(airflow: FakeAirflow) -> None:
    for _ in range(2):
        done = CliRunner().invoke(cli, ["prepare", "--first-training"])
        assert done.exit_code == 0, done.output
        assert (airflow.folder / "CURRENT").exists()
    assert len(airflow.runs) == 1


def test_without_the_flag_no_training_begins(airflow: FakeAirflow) -> None:
    assert CliRunner().invoke(cli, ["prepare"]).exit_code == 0
    assert airflow.runs == []


def test_a_fault_of_airflow_is_one_sentence(
    airflow: FakeAirflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("include.local.first_training.FIND_DAG_S", 0.1)
    monkeypatch.setattr("include.local.first_training.FIRST_DAG", "absent_dag")
    done = CliRunner().invoke(cli, ["prepare", "--first-training"])
    assert done.exit_code == 1
    assert "Airflow has not found absent_dag in dags/" in done.output
