"""A measurement that is ended from outside ends the servers that it started."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

STARTED_S, ENDED_S = 60.0, 60.0


def list_servers(folder: Path) -> list[psutil.Process]:
    """The Java processes whose command names the folder."""
    return [
        process
        for process in psutil.process_iter(["name", "cmdline"])
        if process.info["name"] == "java" and str(folder) in " ".join(process.info["cmdline"] or ())
    ]


def test_sigterm_ends_a_measurement_with_its_broker(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "cli.main", "bench", "growth"]
    environ = os.environ | {"TMPDIR": str(tmp_path)}
    with subprocess.Popen(
        command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        deadline = time.monotonic() + STARTED_S
        while not list_servers(tmp_path):
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.2)
        process.send_signal(signal.SIGTERM)
        assert process.wait(ENDED_S) == 130
    assert list_servers(tmp_path) == []
    assert not [entry.name for entry in tmp_path.iterdir() if entry.is_dir()]
