"""A broker of its own for a measurement: free ports, a folder that is thrown away."""

import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from socket import socket
from subprocess import DEVNULL, Popen

from include.errors import Unreachable
from include.local import kafka
from include.settings import Settings, load

READY_S = 60.0


@contextmanager
def scratch_broker(more: Mapping[str, str] | None = None) -> Iterator[Settings]:
    """Settings of a scratch world whose broker runs; `more` are further TICKHOUSE_ settings.

    Raises:
        Unreachable: the broker did not answer in time.
    """
    ports = free_ports(2)
    with tempfile.TemporaryDirectory() as folder:
        settings = load(
            {"TICKHOUSE_VAR": folder, "TICKHOUSE_PORTS_KAFKA": ports[0],
             "TICKHOUSE_PORTS_KAFKA_CONTROLLER": ports[1], **(more or {})}
        )  # fmt: skip
        kafka.prepare(settings)
        broker = Popen(kafka.command(settings), stdout=DEVNULL, stderr=DEVNULL)
        try:
            deadline = time.monotonic() + READY_S
            while not kafka.answers(settings):
                if time.monotonic() > deadline:
                    raise Unreachable("the benchmark's broker does not answer")
                time.sleep(0.2)
            yield settings
        finally:
            broker.terminate()
            broker.wait(30)


def free_ports(count: int) -> list[str]:
    """Ports that were free a moment ago."""
    sockets = [socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [str(one.getsockname()[1]) for one in sockets]
    finally:
        for one in sockets:
            one.close()
