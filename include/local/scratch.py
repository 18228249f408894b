"""Servers of its own for a measurement: free ports, a folder that is thrown away."""

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from socket import socket
from subprocess import DEVNULL, Popen
from typing import Any

from include.errors import Unreachable
from include.local import kafka, postgres
from include.serving.tables import create_tables
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
            {
                "TICKHOUSE_VAR": folder,
                "TICKHOUSE_PORTS_KAFKA": ports[0],
                "TICKHOUSE_PORTS_KAFKA_CONTROLLER": ports[1],
                **(more or {}),
            }
        )
        kafka.prepare(settings)
        with run_in_background(kafka.build_command(settings)):
            wait_for(lambda: kafka.answers(settings), "broker")
            yield settings


def choose_postgres() -> dict[str, str]:
    """TICKHOUSE_ settings of a Postgres of the scratch world: a free port, a password."""
    return {
        "TICKHOUSE_PORTS_POSTGRES": free_ports(1)[0],
        "TICKHOUSE_POSTGRES_PASSWORD": "for-the-measurement",
    }


@contextmanager
def scratch_postgres(settings: Settings) -> Iterator[None]:
    """A Postgres of a scratch world, with its tables, on the port of the settings.

    Raises:
        Unreachable: it did not answer in time.
    """
    settings.var.chmod(0o755)  # Postgres runs as another user where this one is root
    postgres.prepare(settings)
    with run_in_background(postgres.build_command(settings), user=postgres.system_user(), cwd="/"):
        wait_for(lambda: postgres.answers(settings), "Postgres")
        postgres.create_databases(settings)
        create_tables(settings.dsn())
        yield


@contextmanager
def run_in_background(command: Sequence[str], **more: Any) -> Iterator[None]:
    """A process whose output is dropped, while the block runs."""
    process = Popen(command, stdout=DEVNULL, stderr=DEVNULL, **more)
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


def wait_for(ready: Callable[[], bool], server_name: str) -> None:
    """Wait for a server of the measurement.

    Raises:
        Unreachable: it did not answer in time.
    """
    deadline = time.monotonic() + READY_S
    while not ready():
        if time.monotonic() > deadline:
            raise Unreachable(f"the measurement's {server_name} does not answer")
        time.sleep(0.1)


def free_ports(count: int) -> list[str]:
    """Ports that were free a moment ago."""
    sockets = [socket() for _ in range(count)]
    try:
        for listener in sockets:
            listener.bind(("127.0.0.1", 0))
        return [str(listener.getsockname()[1]) for listener in sockets]
    finally:
        for listener in sockets:
            listener.close()
