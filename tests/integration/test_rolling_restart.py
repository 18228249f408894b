"""The real supervisord restarts programs one by one; at no time are two of them away."""

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from include.errors import PlatformError
from include.local import rolling, supervisor
from include.local.program import WORK_STAGE, Program
from include.local.rolling import await_ready, restart_programs
from include.local.supervisor import SupervisorClient
from include.settings import Settings
from tests.support.services import eventually

# Works half a second after its start by the value that it read then; says when it begins and ends.
WORKER = """
import pathlib, signal, sys, time
name, folder = sys.argv[1], pathlib.Path(sys.argv[2])
def write(line):
    with (folder / "lines").open("a") as lines:
        lines.write(f"{name} {line}\\n")
def end(*_):
    (folder / name).unlink()
    write("ends")
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
value = (folder / "value").read_text()
time.sleep(0.5)
(folder / name).write_text(value)
write("works by " + value)
while True:
    time.sleep(0.1)
"""
NAMES = ("first", "second")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "value").write_text("old")
    return tmp_path


@pytest.fixture
def platform(
    service_settings: Settings, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[SupervisorClient]:
    script = folder / "worker.py"
    script.write_text(WORKER)
    programs = [
        Program(
            name,
            WORK_STAGE,
            [sys.executable, str(script), name, str(folder)],
            (folder / name).exists,
            ready_s=30,
        )
        for name in NAMES
    ]
    monkeypatch.setattr(rolling, "list_programs", lambda _: programs)
    client = SupervisorClient(service_settings)
    configuration = supervisor.write_configuration(service_settings, programs)
    supervisor.start(service_settings, configuration, dict(os.environ))
    try:
        for program in programs:
            client.start(program.name)
            await_ready(service_settings, client, program)
        yield client
    finally:
        client.shutdown()
        eventually(lambda: not client.is_running(), what="supervisord ends")


def test_all_work_by_the_new_settings_and_never_are_two_away(
    service_settings: Settings, platform: SupervisorClient, folder: Path
) -> None:
    lines: list[str] = []
    (folder / "lines").write_text("")
    (folder / "value").write_text("new")
    with pytest.raises(PlatformError, match="no process is named 'third'; there are first, second"):
        restart_programs(service_settings, platform, ["first", "third"], print_line=lines.append)
    assert (folder / "lines").read_text() == "" and lines == []
    before = time.monotonic()
    restart_programs(service_settings, platform, NAMES, print_line=lines.append)
    assert (folder / "lines").read_text().splitlines() == [
        "first ends",
        "first works by new",
        "second ends",
        "second works by new",
    ]
    assert len(lines) == 4 and time.monotonic() - before >= 1.0, "each was waited for"
