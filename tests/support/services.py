"""Real services for tests: free ports, a process that is ended with its children, waiting."""

import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

SHARED_DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


def free_ports(count: int) -> list[int]:
    """So many ports of 127.0.0.1 that nobody listens on.

    They are below those that the system gives away by itself, or a client's connection might take
    one before its server does, and each worker of a parallel run has its own.
    """
    first = 20_000 + 3000 * int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    found: list[int] = []
    for port in random.sample(range(first, first + 3000), 3000):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            found.append(port)
        if len(found) == count:
            return found
    raise AssertionError(f"no {count} ports are free from {first} on")


def eventually(
    claim: Callable[[], object], *, timeout_s: float = 60.0, every_s: float = 0.1, what: str = ""
) -> object:
    """The first truthy value of `claim`; fails when the time is over."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = claim()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout_s} s: {what or claim}, last {value!r}")
        time.sleep(every_s)


@contextmanager
def running(
    command: Sequence[str],
    *,
    log: Path,
    env: dict[str, str] | None = None,
    user: str | None = None,
    cwd: Path | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """A process in a session of its own; it and its children are ended at the end."""
    with log.open("ab") as out:
        process = subprocess.Popen(
            command,
            stdout=out,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(env or {})},
            start_new_session=True,
            user=user,
            cwd=cwd,
        )
    try:
        yield process
    finally:
        end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """Ask the process and its children to stop, then make them."""
    for sign, patience_s in ((signal.SIGTERM, 15), (signal.SIGKILL, 10)):
        try:
            os.killpg(process.pid, sign)
        except ProcessLookupError:
            break
        try:
            process.wait(patience_s)
        except subprocess.TimeoutExpired:
            continue
        break
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def free_block(count: int) -> int:
    """The first of so many ports in a row that were free a moment ago, below the system's own."""
    for first in random.sample(range(29_000, 32_000, count), 100):
        with ExitStack() as held:
            try:
                for port in range(first, first + count):
                    held.enter_context(closing(socket.create_server(("127.0.0.1", port))))
            except OSError:
                continue
            return first
    raise AssertionError(f"no {count} free ports in a row")
