"""`down` ends what outlived the supervisor, and says a sentence when the supervisor is ending."""

import os
import subprocess
import sys
import xmlrpc.client
from pathlib import Path
from typing import Any

import psutil
import pytest

from include.errors import Unreachable
from include.local import left_overs
from include.local.left_overs import MARKER, end_left_overs, find_left_overs
from include.local.supervisor import SHUTDOWN_STATE, SupervisorClient
from include.settings import load

STUBBORN = "import signal, time; signal.signal(15, signal.SIG_IGN); print(1, flush=True)"


def start(program: str, home: Path) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-c", f"{program}\nimport time\ntime.sleep(600)"],
        env=os.environ | {MARKER: str(home)},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # as Airflow's tasks are
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "1\n"
    return process


def test_every_process_of_this_world_is_ended_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(left_overs, "TERMINATE_S", 0.5)
    settings = load({"TICKHOUSE_VAR": str(tmp_path)})
    ours = [start("print(1, flush=True)", settings.home), start(STUBBORN, settings.home)]
    other = start("print(1, flush=True)", tmp_path / "other")
    try:
        assert {process.pid for process in find_left_overs(settings)} == {
            process.pid for process in ours
        }
        end_left_overs(settings)
        assert [psutil.pid_exists(process.pid) for process in ours] == [False, False]
        assert other.poll() is None
    finally:
        for process in (*ours, other):
            process.kill()
            process.wait()
            if process.stdout:
                process.stdout.close()


def test_a_supervisor_that_is_shutting_down_is_one_that_does_not_answer() -> None:
    class Server:
        class supervisor:
            @staticmethod
            def getAllProcessInfo() -> Any:
                raise xmlrpc.client.Fault(SHUTDOWN_STATE, "SHUTDOWN_STATE")

    client = SupervisorClient(load({}))
    client._server = Server()  # type: ignore[assignment]
    with pytest.raises(Unreachable, match="shutting down"):
        client.processes()
    assert not client.is_running()
