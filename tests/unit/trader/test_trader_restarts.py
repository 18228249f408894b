"""After an outage the trader starts a new session; only failures in a row lengthen the wait."""

import threading
from collections.abc import Callable

import pytest

from include.backoff import Backoff
from include.errors import Unreachable
from include.heartbeat import Heartbeat
from include.settings import Settings
from streaming.trader import __main__ as trader
from streaming.trader.session import Session


class RecordingStop(threading.Event):
    """Records the waits, and is set after `most` of them."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.waits: list[float] = []
        self._most = most

    def wait(self, timeout: float | None = None) -> bool:
        self.waits.append(timeout or 0.0)
        if len(self.waits) == self._most:
            self.set()
        return self.is_set()


def waits(monkeypatch: pytest.MonkeyPatch, settings: Settings, settled: str) -> list[int]:
    """Seconds before each restart of sessions that all fail, `+` once settled and `-` before."""
    ends = iter(settled)

    def run(session: Session, stopped: Callable[[], bool]) -> None:
        session.is_settled = next(ends) == "+"
        raise Unreachable("Kafka does not answer")

    def wait_s(_: Backoff, failures: int) -> float:
        return failures

    monkeypatch.setattr(Session, "run", run)
    monkeypatch.setattr(Backoff, "wait_s", wait_s)
    monkeypatch.setattr(Heartbeat, "wait", lambda _, stop, seconds: stop.wait(seconds))
    stop = RecordingStop(len(settled))
    trader.trade(settings, stop)
    return [round(wait) for wait in stop.waits]


def test_failures_in_a_row_lengthen_the_wait(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    assert waits(monkeypatch, settings, "---") == [0, 1, 2]


def test_a_session_that_settled_ends_the_row(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    assert waits(monkeypatch, settings, "---+--") == [0, 1, 2, 0, 1, 2]
