"""A program is ready when it does its work, not when something listens on its port."""

import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from include.local.program import open_port, serves_page
from include.local.programs import list_programs
from include.settings import load


def test_a_port_that_is_open_but_answers_nothing_is_not_ready() -> None:
    """As a dashboard is that has bound its port and dies before it serves."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        def hang_up() -> None:
            for _ in range(2):
                listener.accept()[0].close()

        threading.Thread(target=hang_up, daemon=True).start()
        settings = load({"TICKHOUSE_PORTS_DASHBOARD": str(port)})
        (dashboard,) = [one for one in list_programs(settings) if one.name == "dashboard"]
        assert open_port("127.0.0.1", port)
        assert not dashboard.ready()


@pytest.mark.parametrize(("status", "is_ready"), [(200, True), (503, False), (404, False)])
def test_a_page_that_is_served_is_ready(status: int, is_ready: bool) -> None:
    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        assert serves_page(f"http://127.0.0.1:{server.server_port}/") is is_ready
    finally:
        server.shutdown()
        server.server_close()
