"""Two servers on loopback that keep what they get: a webhook's, and a mail server's."""

import http.server
import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def webhook(*, status: int = 200) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The URL of a server that takes JSON, and what it got."""
    got: list[dict[str, Any]] = []

    class Taker(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            got.append(json.loads(self.rfile.read(length)))
            self.send_response(status)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            return

    with serving(http.server.ThreadingHTTPServer(("127.0.0.1", 0), Taker)) as port:
        yield f"http://127.0.0.1:{port}/hook", got


@contextmanager
def mail_server() -> Iterator[tuple[int, list[bytes]]]:
    """The port of a server that speaks SMTP (RFC 5321) as far as a client needs, and the mails."""
    got: list[bytes] = []

    class Taker(socketserver.StreamRequestHandler):
        def say(self, line: str) -> None:
            self.wfile.write(line.encode() + b"\r\n")

        def handle(self) -> None:
            self.say("220 127.0.0.1 here")
            for line in iter(self.rfile.readline, b""):
                word = line.decode().strip().partition(" ")[0].upper()
                if word == "DATA":
                    self.say("354 go on")
                    got.append(b"".join(iter(self.rfile.readline, b".\r\n")))
                    self.say("250 taken")
                elif word == "QUIT":
                    self.say("221 bye")
                    return
                else:
                    self.say("250 fine" if word in {"HELO", "EHLO", "MAIL", "RCPT"} else "502 no")

    with serving(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Taker)) as port:
        yield port, got


@contextmanager
def serving(server: socketserver.TCPServer) -> Iterator[int]:
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
