"""An alert reaches log, webhook and mail; a channel that is away costs only itself."""

import asyncio
import email
import json
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from email import policy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from include import alerts
from include.alert_log import AlertLog
from include.alerts import Alert, send
from include.setting_fields import Secret
from include.settings import Settings, load
from tests.conftest import make_environment
from tests.support.airflow_listener import airflow_api
from tests.support.alert_log import read_alerts
from tests.support.listeners import mail_server, webhook
from tests.support.services import free_ports

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
GATE = Alert(
    "gate_failed",
    "ingest_history.check failed: GateFailed: gate history",
    "zwölf Zeilen",
    "http://127.0.0.1:8080/dags/ingest_history",
)


def settings(folder: Path, **channels: Any) -> Settings:
    variables = {f"TICKHOUSE_ALERTS_{name.upper()}": str(value) for name, value in channels.items()}
    return load({"TICKHOUSE_VAR": str(folder), "TICKHOUSE_WORLD": "sim"} | variables)


def test_without_a_channel_an_alert_is_in_the_log(tmp_path: Path) -> None:
    world = settings(tmp_path)
    assert send(world, GATE, now=NOW) == {}
    (line,) = (tmp_path / "sim" / "alerts.log").read_text().splitlines()
    assert json.loads(line) == {
        "at": "2026-11-21T09:30:00+00:00",
        "world": "sim",
        "what": "gate_failed",
        "title": GATE.title,
        "detail": "zwölf Zeilen",
        "link": GATE.link,
        "runbook": "docs/runbook.md#gate_failed",
        "text": f"Tickhouse (sim): {GATE.title}\nWhat to do: docs/runbook.md#gate_failed",
        "outcomes": {},
    }


def test_a_webhook_and_a_mail_server_get_it(tmp_path: Path) -> None:
    with webhook() as (url, posted), mail_server() as (port, mailed):
        world = settings(
            tmp_path,
            webhook=url,
            email_to="a@example.org, b@example.org",
            smtp_port=port,
            runbook="https://wiki/run",
        )
        assert send(world, GATE, now=NOW) == {"webhook": "sent", "email": "sent"}
    text = f"Tickhouse (sim): {GATE.title}\nWhat to do: https://wiki/run#gate_failed"
    assert [(body["what"], body["detail"], body["text"]) for body in posted] == [
        ("gate_failed", "zwölf Zeilen", text)
    ]
    (sent,) = mailed
    mail = email.message_from_bytes(sent, policy=policy.default)
    assert (mail["To"], mail["X-Tickhouse-Alert"]) == ("a@example.org, b@example.org", GATE.kind)
    assert mail["Subject"].strip() == f"Tickhouse (sim): {GATE.title}"
    body = mail.get_content()
    assert "zwölf Zeilen" in body and GATE.link in body and "2026-11-21T09:30:00" in body
    assert "What to do: https://wiki/run#gate_failed" in body


def test_a_channel_that_refuses_or_is_away_is_in_the_log_and_keeps_no_other_back(
    tmp_path: Path,
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens
        with webhook(status=500) as (url, _):
            world = settings(
                tmp_path, webhook=url, email_to="a@example.org", smtp_port=taken.getsockname()[1]
            )
            outcomes = send(world, GATE, now=NOW)
    assert outcomes["webhook"] == "OSError: the webhook answered 500"
    assert outcomes["email"].startswith("ConnectionRefusedError")
    assert read_alerts(world)[-1]["outcomes"] == outcomes


@pytest.mark.parametrize(
    ("dag", "message", "what"),
    [
        ("ingest_history", "GateFailed: gate history: 1 of 9 failed", "gate_failed"),
        ("publish_forecast", "GateFailed: gate forecast: worse than", "model_refused"),
        ("publish_forecast", "ForecastError: no model", "task_failed"),
        ("heal_gaps", "Unreachable: venue\nand more", "task_failed"),
    ],
)
def test_a_failed_task_is_told_as_what_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dag: str, message: str, what: str
) -> None:
    from include.orchestration.alerting import alert_task_failure

    monkeypatch.setenv("TICKHOUSE_VAR", str(tmp_path))
    monkeypatch.setenv("TICKHOUSE_PORTS_AIRFLOW", str(free_ports(1)[0]))  # nobody listens
    task = SimpleNamespace(dag_id=dag, task_id="check", run_id="manual__1")
    alert_task_failure({"ti": task, "exception": RuntimeError(message)})
    (alert,) = read_alerts(settings(tmp_path))
    assert (alert["what"], alert["detail"]) == (what, message)
    assert alert["title"] == f"{dag}.check failed: {message.splitlines()[0]}"
    assert alert["link"].endswith(f"/dags/{dag}/runs/manual__1")


def test_why_a_run_failed_stands_in_its_note(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from include.orchestration.alerting import alert_task_failure

    environment = make_environment(tmp_path, AIRFLOW_PASSWORD="for-tests-only")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    run = "manual__2026-11-21T05:00:00+00:00"
    task = SimpleNamespace(dag_id="publish_forecast", task_id="check", run_id=run)
    with airflow_api(load(environment)) as notes:
        message = "GateFailed: gate forecast: 1 of 9 failed\n- worse than the body in use"
        alert_task_failure({"ti": task, "exception": RuntimeError(message)})
        (note,) = notes.values()
        assert list(notes) == [("publish_forecast", run)]
        assert note == (
            "**check failed:** GateFailed: gate forecast: 1 of 9 failed\n\n"
            "- worse than the body in use\n\n"
            "[Quality report](/tickhouse/quality/manual__2026-11-21T05%3A00%3A00%2B00%3A00)"
        )
        alert_task_failure({"ti": task, "exception": RuntimeError("HistoryError: no minutes")})
        assert list(notes.values()) == ["**check failed:** HistoryError: no minutes"]


@pytest.mark.parametrize("state", ["failed", "success"])
def test_a_run_that_is_over_is_not_told_as_late(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    from include.orchestration.alerting import alert_missed_deadline

    monkeypatch.setenv("TICKHOUSE_VAR", str(tmp_path))
    run = {"dag_id": "retrain_forecast", "dag_run_id": "scheduled__2", "state": state}
    asyncio.run(alert_missed_deadline(minutes=60, context={"dag_run": run}))
    assert read_alerts(settings(tmp_path)) == []


def test_a_missed_deadline_is_told_with_its_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from include.orchestration.alerting import alert_missed_deadline

    monkeypatch.setenv("TICKHOUSE_VAR", str(tmp_path))
    context = {
        "dag_run": {"dag_id": "retrain_forecast", "dag_run_id": "scheduled__2", "state": "running"}
    }
    asyncio.run(alert_missed_deadline(minutes=60, context=context))
    (alert,) = read_alerts(settings(tmp_path))
    assert alert["what"] == "deadline_missed"
    assert alert["title"] == "retrain_forecast is not over after 60 min"
    assert alert["detail"] == "run scheduled__2"


def test_the_log_is_bounded_and_the_newest_alerts_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alerts, "MB", 500)
    world = settings(tmp_path, log_mb=2)
    for number in range(30):
        send(world, Alert("not_working", f"alert {number}"), now=NOW)
    logs = list((tmp_path / "sim").glob("alerts*"))
    assert sum(path.stat().st_size for path in logs) < 3000
    titles = [alert["title"] for alert in read_alerts(world)]
    assert titles[-4:] == ["alert 26", "alert 27", "alert 28", "alert 29"]


@pytest.mark.parametrize(
    "channel",
    [
        {"webhook": "http://127.0.0.1:port/x"},
        {"webhook": "http://127.0.0.1/a b"},
        {"webhook": "nonsense"},
        {"email_to": "a@"},
        {"email_to": "Foo <a@"},
        {"email_to": "a@[1.2"},
    ],
)
def test_an_impossible_address_costs_only_itself(tmp_path: Path, channel: dict[str, str]) -> None:
    world = settings(tmp_path, timeout_s=1, smtp_port=1)
    channels = {k: Secret(v) if k == "webhook" else v for k, v in channel.items()}
    world = replace(world, alerts=replace(world.alerts, **channels))  # past what settings refuse
    ((name, outcome),) = send(world, GATE, now=NOW).items()
    assert name in {"webhook", "email"} and outcome != "sent"
    (alert,) = read_alerts(world)
    assert (alert["title"], alert["outcomes"]) == (GATE.title, {name: outcome})


@pytest.mark.parametrize(
    "answer", [b"SSH-2.0-x\r\n", b"HTTP/1.1 200 OK\r\nX: " + b"a" * 70_000, b""]
)
def test_garbage_from_a_webhook_costs_only_itself(tmp_path: Path, answer: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def reply() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(answer)

        thread = threading.Thread(target=reply, daemon=True)
        thread.start()
        world = settings(tmp_path, webhook=f"http://127.0.0.1:{server.getsockname()[1]}/")
        assert send(world, GATE, now=NOW)["webhook"] != "sent"
        thread.join(5)
    assert len(read_alerts(world)) == 1


def test_a_channel_that_hangs_holds_no_alert_up_for_long(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.listen()

        def drip() -> None:
            connection, _ = server.accept()
            with connection, suppress(OSError):
                connection.sendall(b"HTTP/1.1 200 OK\r\n")
                while True:
                    connection.sendall(b"X: y\r\n")
                    time.sleep(0.05)

        threading.Thread(target=drip, daemon=True).start()
        world = settings(
            tmp_path, webhook=f"http://127.0.0.1:{server.getsockname()[1]}/", timeout_s=0.2
        )
        began = time.monotonic()
        assert send(world, GATE, now=NOW)["webhook"] != "sent"
        assert time.monotonic() - began < 5
    assert len(read_alerts(world)) == 1


CHANNEL_THAT_KILLS = """
import os, sys
from include import alerts
from include.alert_log import AlertLog
from include.settings import load
alerts._post = lambda *_: os.kill(os.getpid(), 9)
settings = load({"TICKHOUSE_VAR": sys.argv[1], "TICKHOUSE_ALERTS_WEBHOOK": "http://127.0.0.1:9/"})
alerts.send(settings, alerts.Alert("not_working", "killed between"))
"""


def test_an_alert_is_in_the_log_before_any_channel_is_asked(tmp_path: Path) -> None:
    world = settings(tmp_path)
    send(world, GATE, now=NOW)
    killed = subprocess.run(
        [sys.executable, "-c", CHANNEL_THAT_KILLS, str(tmp_path)], check=False, timeout=60
    )
    assert killed.returncode == -signal.SIGKILL
    send(world, Alert("not_working", "after"), now=NOW)
    first, between, last = read_alerts(world)
    assert (first["title"], last["title"]) == (GATE.title, "after")
    assert between["title"] == "killed between"
    assert between["outcomes"] == {"webhook": "being sent"}


def test_what_became_of_an_alert_is_put_in_its_own_line(tmp_path: Path) -> None:
    alert_log = AlertLog(tmp_path, max_bytes=10**6)
    for title in "abc":
        alert_log.append({"title": title}, {"webhook": "being sent"})
    for title, outcome in (("b", "sent"), ("a", "OSError: the webhook answered 500"), ("c", "x")):
        alert_log.complete({"title": title}, {"webhook": "being sent"}, {"webhook": outcome})
    lines = [json.loads(line) for line in (tmp_path / "alerts.log").read_text().splitlines()]
    assert [(line["title"], line["outcomes"]["webhook"]) for line in lines] == [
        ("a", "OSError: the webhook answered 500"),
        ("b", "sent"),
        ("c", "x"),
    ]


def test_what_became_of_an_alert_finds_its_line_in_the_older_log_too(tmp_path: Path) -> None:
    alert_log = AlertLog(tmp_path, max_bytes=10)
    alert_log.append({"title": "older"}, {"email": "being sent"})
    alert_log.append({"title": "newer"}, {"email": "being sent"})
    alert_log.complete({"title": "older"}, {"email": "being sent"}, {"email": "sent"})
    assert json.loads((tmp_path / "alerts.old.log").read_text())["outcomes"] == {"email": "sent"}
    assert len((tmp_path / "alerts.log").read_text().splitlines()) == 1


def test_text_that_is_no_unicode_is_written_all_the_same(tmp_path: Path) -> None:
    with webhook() as (url, posted):
        world = settings(tmp_path, webhook=url)
        alert = Alert("task_failed", "half \udc80", "a pair \ud83d")
        assert send(world, alert, now=NOW) == {"webhook": "sent"}
    assert read_alerts(world)[0]["title"] == "half \\udc80"
    assert posted[0]["detail"] == "a pair \\ud83d"


@pytest.mark.parametrize(
    ("exception", "said"),
    [
        (MemoryError(), "MemoryError"),
        (AssertionError(), "AssertionError"),
        (TimeoutError(), "TimeoutError"),
        (KeyError(), "KeyError"),
        (ValueError("\n \n"), "ValueError"),
        (ValueError("\n\nsecond"), "second"),
        (None, "no message"),
    ],
)
def test_a_task_that_failed_without_words_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exception: BaseException | None, said: str
) -> None:
    from include.orchestration import alerting

    monkeypatch.setenv("TICKHOUSE_VAR", str(tmp_path))
    monkeypatch.setattr(alerting, "note_at", lambda *_, **__: None)
    task = SimpleNamespace(dag_id="heal_gaps", task_id="heal", run_id="r")
    alerting.alert_task_failure({"ti": task, "exception": exception})
    (alert,) = read_alerts(settings(tmp_path))
    assert alert["title"] == f"heal_gaps.heal failed: {said}"


def test_no_callback_of_airflow_raises(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from include.orchestration import alerting

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("anything")

    monkeypatch.setenv("TICKHOUSE_VAR", str(tmp_path))
    monkeypatch.setattr(alerting, "note_at", broken)
    alerting.alert_task_failure({})
    assert read_alerts(settings(tmp_path))[0]["title"] == "unknown.unknown failed: no message"
    monkeypatch.setattr(alerting.alerts, "send", broken)
    alerting.alert_task_failure({"exception": ValueError("x")})
    asyncio.run(alerting.alert_missed_deadline(minutes=1))
    monkeypatch.setenv("TICKHOUSE_PORTS_KAFKA", "no number")
    alerting.alert_task_failure({"exception": ValueError("x")})
    asyncio.run(alerting.alert_missed_deadline(minutes=1))


@pytest.mark.parametrize("time", ["0001-01-01T00:00+14:00", "9999-12-31T23:59:59-01:00", "x"])
def test_a_time_at_the_edge_is_named(time: str) -> None:
    from include.errors import HistoryError
    from include.orchestration.policies import parse_time

    with pytest.raises(HistoryError, match="is not a"):
        parse_time(time)
