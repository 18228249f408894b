"""A server on this machine that has a certificate, and answers nothing behind the handshake."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from include.local.certificates import ensure_certificates

HOST = "127.0.0.1"


@contextmanager
def tls_server(folder: Path, *, signed_at: datetime) -> Iterator[tuple[str, Path]]:
    """Its host:port, and the file of its authority; both certificates are made at that time."""
    made = ensure_certificates(folder, host=HOST, now=signed_at)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(made.server)

    def shake_hands(connection: socket.socket) -> None:
        with suppress(OSError), context.wrap_socket(connection, server_side=True) as wrapped:
            wrapped.recv(4096)

    def serve() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=shake_hands, args=(connection,), daemon=True).start()

    with socket.create_server((HOST, 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        try:
            yield f"{HOST}:{listener.getsockname()[1]}", made.ca
        finally:
            listener.shutdown(socket.SHUT_RDWR)  # or the waiting thread takes one more
