"""Processes of a world that outlived their supervisor: found by their environment, and ended."""

import os
from collections.abc import Callable, Iterator
from contextlib import suppress

import psutil

from include.errors import PlatformError
from include.settings import Settings

MARKER = "RUN_BY_TICKHOUSE"  # in the environment of every process of a world: its folder
TERMINATE_S, KILL_S = 5.0, 5.0


def end_left_overs(settings: Settings) -> None:
    """End every process that carries this world's marker: SIGTERM, and SIGKILL to what stays.

    Raises:
        PlatformError: some of them cannot be ended.
    """
    processes = list(find_left_overs(settings))
    for process in processes:
        _signal(process, psutil.Process.terminate)
    _, alive = psutil.wait_procs(processes, timeout=TERMINATE_S)
    # What was started in the meantime, by a task that was just ending, is killed with the rest.
    alive = [*alive, *(process for process in find_left_overs(settings) if process not in alive)]
    for process in alive:
        _signal(process, psutil.Process.kill)
    _, alive = psutil.wait_procs(alive, timeout=KILL_S)
    if alive:
        pids = ", ".join(str(process.pid) for process in alive)
        raise PlatformError(f"processes of this world still run: pid {pids}")


def find_left_overs(settings: Settings) -> Iterator[psutil.Process]:
    """Every running process with this world's marker, but this one."""
    for process in psutil.process_iter():
        try:
            is_ours = process.environ().get(MARKER) == str(settings.home)
        except (psutil.Error, OSError):
            continue
        if is_ours and process.pid != os.getpid():
            yield process


def _signal(process: psutil.Process, send: Callable[[psutil.Process], None]) -> None:
    with suppress(psutil.Error):
        send(process)
