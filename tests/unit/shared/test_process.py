"""The entry point that all processes share: stops by signal, one line for an error of ours."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from include.errors import PlatformError, RateLimited, Unreachable
from include.process import run_job

THREADED = """
from include.errors import PlatformError
from include.process import run_process
def work(settings, stop):
    print(settings.world, flush=True)
    {body}
run_process("worker", work)
"""
ASYNC = """
from include.process import run_async_process
async def work(settings, stop):
    print(settings.world, flush=True)
    await stop.wait()
run_async_process("worker", work)
"""


UNWOUND = """
import time
from include.process import unwind_on_sigterm
unwind_on_sigterm(SystemExit(3))
try:
    print("open", flush=True)
    time.sleep(60)
finally:
    print("closed", flush=True)
"""


def start(program: str, **environ: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", program],
        env={**os.environ, "TICKHOUSE_WORLD": "sim", **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("program", [THREADED.format(body="stop.wait()"), ASYNC])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_work_with_exit_code_0(program: str, number: int) -> None:
    process = start(program)
    assert process.stdout is not None
    assert process.stdout.readline() == "sim\n"
    began = time.monotonic()
    process.send_signal(number)
    _, log = process.communicate(timeout=10)
    assert process.returncode == 0
    assert time.monotonic() - began < 5
    assert log.endswith(" INFO worker process stopped\n")


def test_sigterm_unwinds_what_is_open() -> None:
    process = start(UNWOUND)
    assert process.stdout is not None
    assert process.stdout.readline() == "open\n"
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=10)
    assert (process.returncode, output) == (3, "closed\n")


def test_an_error_of_ours_is_one_line_and_exit_code_1() -> None:
    process = start(THREADED.format(body="raise PlatformError('no such jar')"))
    _, log = process.communicate(timeout=10)
    assert process.returncode == 1
    assert log.count("\n") == 1
    assert log.endswith(" ERROR worker process failed error='no such jar'\n")


def test_wrong_settings_are_such_an_error() -> None:
    process = start(THREADED.format(body="stop.wait()"), TICKHOUSE_PORTS_KAFKA="many")
    _, log = process.communicate(timeout=10)
    assert process.returncode == 1
    assert "TICKHOUSE_PORTS_KAFKA" in log
    assert "Traceback" not in log


def test_a_fault_of_the_code_keeps_its_traceback() -> None:
    process = start(THREADED.format(body="raise ValueError('bug')"))
    _, log = process.communicate(timeout=10)
    assert process.returncode == 1
    assert "Traceback" in log


@pytest.mark.parametrize(
    ("error", "code"),
    [(PlatformError("x"), 1), (Unreachable("away"), 75), (RateLimited("wait", 3.0), 75)],
)
def test_a_job_says_which_error_ended_it(
    error: Exception, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended, run_job("worker"):
        raise error
    assert ended.value.code == code
    assert capsys.readouterr().err == f"error: {type(error).__name__}: {error}\n"


def test_a_job_logs_under_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    with run_job("worker") as log:
        log.info("done")
    assert capsys.readouterr().err.endswith(" INFO worker done\n")


@pytest.mark.parametrize(
    ("module", "arguments"),
    [
        ("spark_jobs.fit_forecasts", ["--output", "models"]),
        ("spark_jobs.compact_tables", []),
        ("spark_jobs.load_history", ["land", "--run-id", "one"]),
    ],
)
def test_every_job_says_in_one_line_that_its_settings_are_wrong(
    module: str, arguments: list[str], tmp_path: Path
) -> None:
    process = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        env={**os.environ, "TICKHOUSE_VAR": str(tmp_path), "TICKHOUSE_PORTS_KAFKA": "many"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 1
    assert process.stderr.splitlines()[-1].startswith("error: SettingsError: ")
    assert "Traceback" not in process.stderr
