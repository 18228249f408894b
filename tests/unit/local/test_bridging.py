"""A feed behind its bridge: what the command does when one of the processes ends or hangs."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from types import SimpleNamespace

import pytest

from include.errors import PlatformError
from include.local import bridging
from include.local.bridging import has_bridge, restart_behind_bridge
from include.local.feed_files import LIVE
from include.local.lock import exclusive_lock
from include.local.supervisor import ProcessState
from include.settings import Settings

FEED, BRIDGE = "feed-binance", "feed-binance-bridge"
Act = Callable[["Supervised"], None]


class Supervised:
    """Processes by pid; at each look the next act of the story happens."""

    def __init__(self, *story: Act) -> None:
        self.story, self.pids = list(story), {FEED: 10}
        self.steps: list[str] = []

    def has(self, name: str) -> bool:
        return name == BRIDGE

    def runs(self, name: str) -> bool:
        return name in self.pids

    def processes(self) -> list[ProcessState]:
        return [ProcessState(name, "running", pid, 5) for name, pid in self.pids.items()]

    def start(self, name: str) -> None:
        self.steps.append(f"start {name}")
        self.pids[name] = 20 if name == BRIDGE else 30

    def stop(self, name: str) -> None:
        self.steps.append(f"stop {name}")
        del self.pids[name]

    def sleep(self, _duration_s: float) -> None:
        if self.story:
            self.story.pop(0)(self)


def restart(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, supervised: Supervised, *, is_live: bool
) -> None:
    """Restart; the lock is held by this process, whose number is made that of the new feed."""
    folder = settings.home / "feeds"
    clock = SimpleNamespace(sleep=supervised.sleep, monotonic=time.monotonic)
    monkeypatch.setattr(bridging, "time", clock)
    monkeypatch.setattr("include.local.lock.os.getpid", lambda: 30)
    with ExitStack() as stack:
        stack.enter_context(exclusive_lock(folder / "binance.lock", name="it"))
        if is_live:
            note = folder / "binance.successor"
            stack.enter_context(exclusive_lock(note, name="it", note=LIVE))
        restart_behind_bridge(settings, supervised, FEED)  # type: ignore[arg-type]


def test_it_returns_when_the_new_process_publishes_and_the_bridge_has_ended(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def feed_is_new(supervised: Supervised) -> None:
        supervised.pids[FEED] = 30

    supervised = Supervised(feed_is_new, lambda supervised: supervised.stop(BRIDGE))
    restart(settings, monkeypatch, supervised, is_live=False)
    assert supervised.steps == [f"start {BRIDGE}", f"stop {BRIDGE}"] and not supervised.story


def test_a_bridge_that_ends_early_leaves_the_feed_as_it_was(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    supervised = Supervised(lambda supervised: supervised.stop(BRIDGE))
    with pytest.raises(PlatformError, match="feed-binance goes on as it was"):
        restart(settings, monkeypatch, supervised, is_live=False)
    assert supervised.pids == {FEED: 10}


def test_a_feed_that_does_not_end_for_its_live_bridge_is_stopped(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bridging, "ENDS_WITHIN_S", -1.0)
    supervised = Supervised(lambda _: None, lambda _: None, lambda one: one.stop(BRIDGE))
    restart(settings, monkeypatch, supervised, is_live=True)
    assert supervised.steps[:3] == [f"start {BRIDGE}", f"stop {FEED}", f"start {FEED}"]


def test_only_a_feed_that_runs_has_a_bridge() -> None:
    supervised = Supervised()
    assert has_bridge(supervised, FEED)  # type: ignore[arg-type]
    supervised.stop(FEED)
    assert not has_bridge(supervised, FEED)  # type: ignore[arg-type]
    assert not has_bridge(supervised, "trader")  # type: ignore[arg-type]
