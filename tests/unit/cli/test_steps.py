"""The steps of a long command: one line each; a terminal sees how long the last one lasts."""

import io
from types import SimpleNamespace

import pytest
from rich.console import Console

from cli import console
from tests.support.services import eventually


def capture(monkeypatch: pytest.MonkeyPatch, *, terminal: bool) -> io.StringIO:
    out = io.StringIO()
    monkeypatch.setattr(
        console,
        "ERR",
        Console(file=out, force_terminal=terminal, width=80, _environ={"TERM": "xterm-256color"}),
    )
    return out


def test_a_terminal_sees_the_seconds_pass_and_the_next_step_below_the_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out, times = capture(monkeypatch, terminal=True), [100.0]
    monkeypatch.setattr(console, "time", SimpleNamespace(monotonic=lambda: times[-1]))
    steps = console.Steps()
    with steps.show_elapsed_time():
        steps("fetching")
        times.append(114.0)
        eventually_seen(out, "for 14 s")
        steps("starting")
        times.append(117.0)
        eventually_seen(out, "for 3 s")
    lines = [line.rpartition("\x1b[2K")[2] for line in out.getvalue().split("\n")]
    assert any("fetching" in line for line in lines) and "   14 s" in out.getvalue()
    assert "\x1b[?25h" in out.getvalue(), "the cursor is back"


def test_a_log_has_the_steps_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    out = capture(monkeypatch, terminal=False)
    steps = console.Steps()
    with steps.show_elapsed_time():
        steps("fetching")
    assert out.getvalue().splitlines() == ["    0 s  fetching"]


def eventually_seen(out: io.StringIO, text: str) -> None:
    eventually(lambda: text in out.getvalue(), timeout_s=10, what=text)
