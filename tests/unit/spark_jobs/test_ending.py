"""The stream ends in time, whatever does not answer it."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from include.local.programs import list_programs
from include.settings import load
from spark_jobs.stream_market import END_S

STREAM = """
import socket
from include.process import run_process
from spark_jobs.ending import end_within

def serve(settings, stop):
    end_within(0.3, stop)
    with socket.create_connection(("127.0.0.1", {port})) as store:
        store.sendall(b"?")
        store.recv(1)  # as the JVM waits for its store, and Python for the JVM

run_process("stream", serve)
"""


def test_a_stream_whose_store_is_silent_ends_in_time_with_a_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        command = [sys.executable, "-c", STREAM.format(port=silent.getsockname()[1])]
        environ = os.environ | {"TICKHOUSE_VAR": str(tmp_path)}
        process = subprocess.Popen(command, env=environ, stderr=subprocess.PIPE, text=True)
        asked, _ = silent.accept()
        assert asked.recv(1) == b"?"
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=30)
        asked.close()
    assert process.returncode == 0
    assert time.monotonic() - began < 20
    assert "stream ends without its last answers waited_s=0.3" in log
    assert "the object store, Kafka or a worker does not answer" in log


def test_the_end_comes_before_the_stream_is_killed() -> None:
    (stream,) = (one for one in list_programs(load({})) if one.name == "stream")
    assert END_S + 5 < stream.stop_s
