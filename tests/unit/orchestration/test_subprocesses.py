"""A child gives its result, or its error by name; one that was killed is worth another try."""

import logging
import subprocess
import sys

import psutil
import pytest

from include.errors import HistoryError, Permanent, TickhouseError, Transient, Unreachable
from include.orchestration.subprocesses import run_module
from include.settings import ROOT
from tests.support.absences import absent_programs

CHILD = "tests.support.spoken_child"
NO_SETPRIV = absent_programs("setpriv", package="util-linux")


def test_the_last_line_is_the_result_and_every_line_is_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO):
        assert run_module(CHILD, "number") == "4320"
    assert caplog.messages == ["a line of its log", "4320"]


@pytest.mark.parametrize(
    ("error_line", "kind", "message"),
    [
        ("error: HistoryError: broken zip b.zip", HistoryError, "broken zip b.zip"),
        ("error: Unreachable: no answer", Unreachable, "no answer"),
        ("error: OSError: no space", Transient, "died with exit code 1: OSError: no space"),
    ],
)
def test_a_named_fault_comes_back_as_itself_with_its_cause_in_the_first_line(
    error_line: str, kind: type[TickhouseError], message: str
) -> None:
    with pytest.raises(TickhouseError) as caught:
        run_module(CHILD, error_line)
    assert type(caught.value) is kind
    assert str(caught.value).removeprefix(f"{CHILD} ") == message


def test_a_killed_child_is_worth_another_try() -> None:
    with pytest.raises(Transient, match=r"died with exit code -9: a line of its log") as caught:
        run_module(CHILD, "killed")
    assert not isinstance(caught.value, Permanent)


PARENT = f"""
import logging
logging.basicConfig(level=logging.INFO, format="%(message)s")
from include.orchestration.subprocesses import run_module
run_module({CHILD!r}, "waits")
"""


@pytest.mark.skipif(bool(NO_SETPRIV), reason=NO_SETPRIV)
def test_a_child_does_not_outlive_a_killed_task() -> None:
    command = [sys.executable, "-c", PARENT]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as task:
        pid_lines = (line for line in task.stderr or () if line.startswith("pid "))
        child = psutil.Process(int(next(pid_lines).removeprefix("pid ")))
        assert child.ppid() == task.pid
        task.kill()
        child.wait(timeout=30)
    assert not child.is_running()
