"""An alert that a webhook sends elsewhere has not arrived: it is sent to nobody else."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from include.alerts import GATE_FAILED, Alert, send
from include.settings import load
from tests.support.alert_log import read_alerts


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_webhook_that_redirects_has_not_got_the_alert(tmp_path: Path, status: int) -> None:
    asked: list[str] = []

    class Redirect(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append("POST")
            self.send_response(status)
            self.send_header("Location", "/login")
            self.end_headers()

        def do_GET(self) -> None:
            asked.append("GET")
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_message: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Redirect) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/hook"
        world = load({"TICKHOUSE_VAR": str(tmp_path), "TICKHOUSE_ALERTS_WEBHOOK": url})
        outcome = send(world, Alert(GATE_FAILED, "gate history failed"))
        server.shutdown()
    assert outcome == {"webhook": f"OSError: the webhook answered {status}"}
    assert asked == ["POST"]
    assert read_alerts(world)[0]["outcomes"] == outcome
