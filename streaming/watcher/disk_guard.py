"""Stops broker, feeds, stream and trader cleanly before the disk is full, and starts them again.

A broker that meets a full disk dies, and one that starts on it may lose every topic; one that is
stopped loses nothing. Meanwhile nothing is written; the feeds' ledger has the hole.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from include.errors import PlatformError, StateError, Unreachable
from include.local.causes import free_mb
from include.local.programs import list_programs
from include.local.supervisor import SupervisorClient
from include.log import event
from include.settings import Settings
from include.state_files import move_aside, read_checked_file, write_checked_file

EVERY_S = 2.0
SPARE = 1.2  # so many times the floor must be free to start again, or it would go to and fro
STOP_S = 40.0
log = logging.getLogger("tickhouse.watcher")


class DiskGuard:
    """What it has stopped is recorded in a file, so that a restarted watcher knows it."""

    def __init__(
        self,
        settings: Settings,
        *,
        supervisor: SupervisorClient,
        names: Sequence[str],
        free_mb: Callable[[Path], float] = free_mb,
    ) -> None:
        """`names` are the processes to stop, in the order of their start; the first one first."""
        self._floor_mb = settings.supervisor.disk_floor_mb
        self._var, self._note = settings.var, settings.home / "stopped_for_space.json"
        self._supervisor, self._names, self._free_mb = supervisor, list(names), free_mb
        self._noted: list[str] = []

    def watch_once(self) -> None:
        """Stop or start, if it is time for it."""
        free = self._free_mb(self._var)
        try:
            stopped = self._stopped_processes()
            if free < self._floor_mb and not stopped:
                self._stop(free)
            elif stopped and free >= self._floor_mb * SPARE:
                self._start(stopped, free)
        except (Unreachable, PlatformError) as error:
            log.warning(event("disk guard failed", error=error))

    def run(self, stop: threading.Event) -> None:
        """Look every two seconds until `stop`."""
        while not stop.wait(EVERY_S):
            self.watch_once()

    def _stop(self, free: float) -> None:
        states = {process.name: process.state for process in self._supervisor.processes()}
        running = [name for name in self._names if states.get(name) in {"running", "starting"}]
        if not running:
            return
        log.warning(event("disk nearly full, stopping", free_mb=round(free), names=running))
        self._write_note(running)
        self._supervisor.stop_together(running[1:], within_s=STOP_S)
        self._supervisor.stop(running[0])

    def _start(self, stopped: Sequence[str], free: float) -> None:
        log.warning(event("space is back, starting", free_mb=round(free), names=stopped))
        for name in stopped:
            self._supervisor.start(name)
        self._noted = []
        self._note.unlink(missing_ok=True)

    def _write_note(self, names: list[str]) -> None:
        """Note what is stopped for the next watcher; this one knows it though the disk is full."""
        self._noted = names
        try:
            write_checked_file(self._note, names)
        except OSError as error:
            log.warning(event("note of stopped processes not written", error=error))

    def _stopped_processes(self) -> list[str]:
        """What was stopped; of a damaged note all that it may have had and that does not run."""
        try:
            noted = read_checked_file(self._note, list[str], or_unchecked=True)
        except StateError as error:
            log.warning(event("note of stopped processes damaged", error=error))
            stopped = self._list_stopped()
            move_aside(self._note)
            self._write_note(stopped)
            return stopped
        return self._noted if noted is None else noted

    def _list_stopped(self) -> list[str]:
        states = {process.name: process.state for process in self._supervisor.processes()}
        return [name for name in self._names if states.get(name) not in {"running", "starting"}]


def start_disk_guard(settings: Settings, stop: threading.Event) -> None:
    """Guard the disk in a thread until `stop`; where no supervisord keeps the processes, not."""
    names = [program.name for program in list_programs(settings) if program.needs_space]
    guard = DiskGuard(settings, supervisor=SupervisorClient(settings), names=names)
    threading.Thread(target=guard.run, args=(stop,), daemon=True, name="disk guard").start()
