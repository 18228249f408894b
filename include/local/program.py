"""What a supervised process is, and how its readiness is asked for."""

import http.client
import socket
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus

PAGE_S = 20.0  # a busy machine takes seconds for a page
BRIDGE = "-bridge"  # how the name ends of what publishes while a feed is restarted
SERVERS_STAGE, WORK_STAGE, FEEDS_STAGE = 0, 1, 2


@dataclass(frozen=True)
class Program:
    """One supervised process: `ready` tests whether it does its work; `stage` orders the start.

    Servers come first, then all that works with them at once (stages that wait for one another
    leave cores idle), then what brings messages in, when the stream takes them.
    What is transient ends by itself and is not started again.
    What `needs_space` is stopped while less of the disk is free than the floor of the settings.
    """

    name: str
    stage: int
    command: list[str]
    ready: Callable[[], bool]
    ready_s: float = 120.0
    env: dict[str, str] = field(default_factory=dict)
    user: str | None = None
    stop_s: int = 15
    stop_signal: str = "TERM"
    stops_children: bool = False  # it ends its child processes itself, in its own order
    needs_space: bool = False
    is_transient: bool = False


def open_port(host: str, port: int) -> bool:
    """Whether something listens on this port."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((host, port)) == 0


def serves_page(url: str) -> bool:
    """Whether a page is served at this address: a process that dies again listens for a moment."""
    try:
        with urllib.request.urlopen(url, timeout=PAGE_S) as reply:
            return bool(reply.status == HTTPStatus.OK)
    except (OSError, http.client.HTTPException):
        return False
