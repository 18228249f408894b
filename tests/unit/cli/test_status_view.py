"""`status` on a terminal: columns in line, all of it on line screen, q ends it."""

import io
import os
import pty
import sys
import termios
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from rich.console import Console

from cli import status_view
from cli.status_view import keys, render_screen, watch_status
from include.local.query_lag import QueryLag
from include.local.status import FeedHealth, LastAudit, ProcessState, Status

STATUS = Status(
    ok=True,
    world="sim",
    processes=[
        ProcessState("kafka", "running", pid=7, uptime_s=5),
        ProcessState("feed_gemini", "fatal", pid=None, uptime_s=12345),
    ],
    feeds=[
        FeedHealth(
            "gemini",
            "live",
            cause="[start]",
            since=datetime(2026, 11, 20, 9, 30, 1, 999, tzinfo=UTC),
        )
    ],
    lag=[QueryLag("land", "market.book", 0, behind=12, waiting_s=0.25, batch_ms=640)],
    rows={"trades": 1234567},
    audit=LastAudit(ok=True, age_s=9),
    links={"airflow": "http://127.0.0.1:8080/", "dashboard": "http://127.0.0.1:5006/"},
)


def lines(width: int, **more: Any) -> list[str]:
    console = Console(file=io.StringIO(), width=width)
    console.print(
        render_screen(replace(STATUS, **more), login="admin / x", width=width, now="10:00:00")
    )
    return [line.rstrip() for line in console.file.getvalue().splitlines()]  # type: ignore[attr-defined]


def test_numbers_stand_under_each_other_and_a_wide_screen_has_two_sides() -> None:
    painted = lines(120)
    assert painted[0].startswith("world sim  up")
    assert painted[0].endswith("10:00:00  q or Ctrl-C ends this")
    assert painted[1] == "audit clean, 9 s ago"
    assert painted[2] == "airflow    http://127.0.0.1:8080/   log-in admin / x"
    kafka, feed = (
        next(line for line in painted if line.startswith(name)) for name in ("kafka", "feed_gemini")
    )
    assert kafka.index("5 s") + len("5 s") == feed.index("12345 s") + len("12345 s")
    assert "gemini" in kafka and "2026-11-20 09:30:01" in kafka and "[start]" in kafka
    assert any("0.2 s" in line and "640 ms" in line for line in painted)
    assert any(line.startswith("trades") and "1,234,567" in line for line in painted)


def test_a_narrow_screen_has_everything_below_each_other() -> None:
    painted = lines(80)
    assert max(map(len, painted)) <= 80
    names = ("world", "airflow", "process", "feed ", "stream", "lake table")
    order = [next(i for i, line in enumerate(painted) if line.startswith(name)) for name in names]
    assert order == sorted(order)


def test_a_platform_that_is_down_says_so() -> None:
    painted = lines(120, ok=False, processes=[], feeds=[], lag=[], rows={}, audit=None)
    assert (
        "not all is running" in painted[0] and painted[1] == "audit: none yet (./tickhouse audit)"
    )
    assert "nothing runs (./tickhouse up)" in "\n".join(painted)


@pytest.fixture
def typist(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The far end of a terminal that standard input is."""
    far, near = pty.openpty()
    with os.fdopen(near, "r") as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        yield far
    os.close(far)


def test_a_key_is_read_at_once_and_the_terminal_is_left_as_it_was(typist: int) -> None:
    before = termios.tcgetattr(sys.stdin)
    with keys() as pressed:
        assert pressed(0.0) == ""
        os.write(typist, b"q")
        assert pressed(5.0) == "q"
    assert termios.tcgetattr(sys.stdin) == before


def test_watching_ends_with_q_and_paints_over_without_clearing(
    typist: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = Console(
        file=io.StringIO(),
        force_terminal=True,
        width=120,
        height=30,
        _environ={"TERM": "xterm-256color"},
    )
    monkeypatch.setattr(status_view, "OUT", out)
    looks = []

    def read() -> Status:
        looks.append(1)
        if len(looks) == 3:
            os.write(typist, b"q")
        return STATUS

    watch_status(read, login="l", every_s=0.01)
    painted = out.file.getvalue()  # type: ignore[attr-defined]
    assert len(looks) == 3 and painted.count("world ") >= 3
    assert "\x1b[2J" not in painted.partition("world ")[2], "cleared once: no flicker"
    assert "\x1b[?1049l" in painted, "the screen before is back"
