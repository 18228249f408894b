"""What `up` starts waits for what it needs, and for nothing else; `down` goes the other way."""

from typing import Any

import pytest

from include.local import platform as platform_module
from include.local.platform import Platform
from include.local.program import Program
from include.local.programs import list_programs
from include.settings import Settings


class Recorded:
    """A supervisor whose processes run at once; it keeps what was asked of it, in order."""

    def __init__(self) -> None:
        self.steps: list[str] = []

    def start(self, name: str) -> None:
        if name not in self.steps:
            self.steps.append(name)

    def runs(self, name: str) -> bool:
        assert name in self.steps, f"{name} is waited for and not started"
        return True

    def stop_together(self, names: list[str], *, within_s: float) -> None:
        self.steps.append(f"stopped {sorted(names)}")


def start(settings: Settings, monkeypatch: pytest.MonkeyPatch, *, migrates: bool) -> list[str]:
    """The order in which things are started, and the hooks called."""
    recorded = Recorded()
    note = recorded.steps.append

    class Migration:
        was_started = migrates

        def __init__(self, *_: Any) -> None:
            note("migration")

        def wait(self) -> None:
            note("migrated")

    platform = Platform(
        settings,
        print_line=lambda _: None,
        make_topics=lambda: note("topics"),
        with_airflow=lambda: note("training"),
        before_feeds=lambda: note("before feeds"),
    )
    monkeypatch.setattr(platform, "supervisor", recorded)
    monkeypatch.setattr(platform_module, "Migration", Migration)
    monkeypatch.setattr(platform_module, "create_serving_database", lambda *_: None)
    monkeypatch.setattr(platform_module, "fill_empty", lambda *_, **__: {})
    monkeypatch.setattr(platform_module.postgres, "create_databases", lambda _: note("databases"))
    monkeypatch.setattr(platform_module, "process_environment", lambda _: {})
    platform._start([_ready_at_once(program) for program in list_programs(settings)])
    return recorded.steps


def _ready_at_once(program: Program) -> Program:
    return Program(program.name, program.stage, program.command, lambda: True)


@pytest.mark.parametrize("migrates", [False, True])
def test_each_part_starts_after_what_it_needs(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, migrates: bool
) -> None:
    steps = start(settings, monkeypatch, migrates=migrates)
    place = {name: steps.index(name) for name in steps}
    assert {"kafka", "postgres", "simulator"} == set(steps[:3])
    assert place["databases"] < place["migration"] < place["airflow-scheduler"] < place["training"]
    assert place["topics"] < place["stream"] < place["before feeds"]
    assert place["training"] < place["before feeds"]
    last = [name for name in steps if place[name] > place["before feeds"]]
    assert "watcher" in last and all(name.startswith("feed-") for name in last if name != "watcher")
    if migrates:
        assert place["topics"] < place["migrated"] < place["airflow-api-server"]
        assert place["stream"] < place["migrated"]
    else:
        assert place["airflow-api-server"] < place["topics"]


def test_servers_are_stopped_after_everything_that_uses_them(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform, recorded = Platform(settings, print_line=print, make_topics=list), Recorded()
    monkeypatch.setattr(platform, "supervisor", recorded)
    platform._stop_programs()
    first, last = recorded.steps
    assert "stream" in first and "kafka" not in first
    assert last == "stopped ['kafka', 'postgres', 'simulator']"
