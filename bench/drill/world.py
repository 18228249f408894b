"""A scratch world for drills: the processes of `up` but Airflow and dashboard, on free ports.

supervisord keeps them as it does under `up`, and `status` looks at them with its own code.
"""

import json
import re
import signal
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import psutil

from include.bus import ensure_topics, message_times_ms, offset_ranges
from include.errors import PlatformError, TickhouseError, Unreachable
from include.lake.checkpoint import committed_offsets
from include.lake.tables import LANDED_TOPICS
from include.local import kafka, postgres, supervisor
from include.local.left_overs import end_left_overs
from include.local.platform import process_environment
from include.local.program import SERVERS_STAGE, Program
from include.local.programs import AIRFLOW, list_programs
from include.local.rolling import last_log_line
from include.local.scratch import free_ports
from include.local.status import Status, read_status
from include.local.worlds import CURRENT, simulated_addresses, write_private
from include.log import PrintLine
from include.market.wire import OffsetRanges
from include.serving.connection import fetch_rows
from include.serving.preparation import create_serving_database
from include.settings import Settings, list_variables, load

PORT = re.compile(r"TICKHOUSE_PORTS_(?!HOST)")
METRICS = re.compile(r"TICKHOUSE_METRICS_(?!EVERY_S)")
NOT_DRILLED = ("dashboard", "sql-server")
CHOSEN = {
    "TICKHOUSE_POSTGRES_PASSWORD": "for-the-drill",
    "TICKHOUSE_SUPERVISOR_PASSWORD": "for-the-drill",
    "TICKHOUSE_SIMULATOR_HISTORY_DAYS": "3",
    "TICKHOUSE_SIMULATOR_SPEED": "2",
    "TICKHOUSE_STREAM_WINDOW_S": "10",
    "TICKHOUSE_VENUES_STALE_S": "5",
    "TICKHOUSE_ALERTS_DISK_SHARE": "0",
    "TICKHOUSE_STREAM_MINUTES_S": "3",
    # No drill lasts until the optimising compiler pays.
    "TICKHOUSE_STREAM_JAVA_OPTIONS": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
}
STOP_S, LOOK_S, CONTROL_S, FIRST_ROWS_S = 40.0, 0.25, 10.0, 300.0
SERVED_NAMES, FEWEST_ROWS = ("decisions", "signals", "trade_minutes"), 2


@dataclass
class DrillWorld:
    """One world; `env` is what its processes get, `status_settings` what `status` goes by."""

    settings: Settings
    env: Mapping[str, str]
    print_line: PrintLine
    further: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.supervisor = supervisor.SupervisorClient(self.settings)
        self.programs = [
            program
            for program in list_programs(self.settings)
            if not program.name.startswith(AIRFLOW) and program.name not in NOT_DRILLED
        ]

    def start(self) -> None:
        """Start supervisord and the processes by their stages, as `up` does.

        Raises:
            PlatformError: one of them did not start.
        """
        kafka.prepare(self.settings)
        postgres.prepare(self.settings)
        configuration = supervisor.write_configuration(self.settings, self.programs)
        supervisor.start(self.settings, configuration, dict(self.env))
        for stage in sorted({program.stage for program in self.programs}):
            starting = [program for program in self.programs if program.stage == stage]
            self.launch(*(program.name for program in starting))
            if stage == SERVERS_STAGE:
                postgres.create_databases(self.settings)
                create_serving_database(self.settings)
                ensure_topics(self.settings.bootstrap, self.settings.kafka)

    def launch(self, *program_names: str) -> None:
        """Start processes and wait until they are ready."""
        starting = [program for program in self.programs if program.name in program_names]
        for program in starting:
            self.supervisor.start(program.name)
        for program in starting:
            self._await_ready(program)

    def stop(self, *program_names: str) -> None:
        """Stop processes, all at once."""
        self.supervisor.stop_together(program_names, within_s=STOP_S)

    def take_down(self) -> None:
        """Stop everything, the servers last; ends what is left."""
        servers = [p.name for p in self.programs if p.stage == SERVERS_STAGE]
        with suppress(TickhouseError):
            self.resume(*self.names)
            self.stop(*(name for name in self.names if name not in servers))
            self.stop(*servers)
            self.supervisor.shutdown()
        end_left_overs(self.settings)

    @property
    def names(self) -> list[str]:
        """The processes in the order of their start."""
        return [program.name for program in self.programs]

    def pid(self, name: str) -> int:
        """The process id of a running process.

        Raises:
            PlatformError: it does not run.
        """
        pids = {process.name: process.pid for process in self.supervisor.processes()}
        pid = pids.get(name)
        if pid is None:
            raise PlatformError(f"{name} does not run; its last line: {self.last_line(name)}")
        return pid

    def family(self, name: str) -> list[psutil.Process]:
        """A process and all below it."""
        process = psutil.Process(self.pid(name))
        return [process, *process.children(recursive=True)]

    def kill(self, *program_names: str) -> None:
        """SIGKILL to processes, all at once; what is below them is left to itself."""
        for pid in [self.pid(name) for name in program_names]:
            psutil.Process(pid).send_signal(signal.SIGKILL)

    def suspend(self, *program_names: str) -> None:
        """Stop processes in their tracks, those below them too."""
        self._signal(signal.SIGSTOP, program_names)

    def resume(self, *program_names: str) -> None:
        """Let suspended processes go on."""
        self._signal(signal.SIGCONT, program_names)

    def _signal(self, sign: signal.Signals, program_names: tuple[str, ...]) -> None:
        for name in program_names:
            with suppress(PlatformError, psutil.Error):
                for process in self.family(name):
                    with suppress(psutil.Error):
                        process.send_signal(sign)

    def break_venues(self, *entries: Mapping[str, Any]) -> None:
        """Load faults into the simulator.

        Raises:
            PlatformError: it does not take them.
        """
        request = urllib.request.Request(
            f"{self.settings.simulator_url}/faults",
            data=json.dumps({"faults": list(entries)}).encode(),
            headers={"Content-Type": "application/json"},
        )
        try:
            urllib.request.urlopen(request, timeout=CONTROL_S).close()
        except OSError as error:
            raise PlatformError(f"the simulated venues take no faults: {error}") from error

    def set_further(self, **settings_text: str) -> None:
        """Settings for processes that start from now on, and for `status`; none: as before."""
        self.further = {f"TICKHOUSE_{name}": value for name, value in settings_text.items()}
        write_private(self.settings.var / CURRENT, self.further)

    def look(self) -> Status:
        """What `./tickhouse status` shows now."""
        floor_mb = self.further.get("TICKHOUSE_SUPERVISOR_DISK_FLOOR_MB")
        settings = self.settings
        if floor_mb is not None:
            limits = replace(settings.supervisor, disk_floor_mb=int(floor_mb))
            settings = replace(settings, supervisor=limits)
        return read_status(
            settings,
            ranges=partial(offset_ranges, settings.bootstrap),
            times_ms=partial(message_times_ms, settings.bootstrap),
        )

    def kafka_ranges(self) -> OffsetRanges:
        """First and next offset of every landed topic.

        Raises:
            Unreachable: the broker does not answer.
        """
        return offset_ranges(self.settings.bootstrap, LANDED_TOPICS)

    def has_landed(self, spans: OffsetRanges) -> bool:
        """Whether committed batches of `land` reach these ends."""
        committed = committed_offsets(self.settings.checkpoints / "land" / "stream")
        return all(committed.get(part, 0) >= end for part, (_, end) in spans.items() if end)

    def await_first_rows(self) -> None:
        """Wait until every table that a sabotage needs has rows, and Postgres too.

        Raises:
            PlatformError: they do not come.
        """
        dsn = self.settings.dsn()

        def is_filled() -> bool:
            counts = [fetch_rows(dsn, f"SELECT count(*) AS n FROM {name}") for name in SERVED_NAMES]
            return all(rows[0]["n"] > FEWEST_ROWS for rows in counts) and self.look().ok

        if not wait_until(is_filled, within_s=FIRST_ROWS_S):
            causes = "; ".join(self.look().causes) or "Postgres lacks rows"
            raise PlatformError(f"the scratch world does not work: {causes}")

    def last_line(self, name: str) -> str:
        """What a process logged last."""
        return last_log_line(self.settings, name)

    def _await_ready(self, program: Program) -> None:
        def is_ready() -> bool:
            return self.supervisor.runs(program.name) and program.ready()

        if not wait_until(is_ready, within_s=program.ready_s):
            raise PlatformError(
                f"{program.name} was not ready within {program.ready_s:.0f} s; its last line: "
                f"{self.last_line(program.name)}"
            )


def wait_until(claim: Callable[[], bool], *, within_s: float) -> bool:
    """Whether a claim comes true in time; a server that does not answer counts as not yet."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        with suppress(Unreachable):
            if claim():
                return True
        time.sleep(LOOK_S)
    return False


@contextmanager
def open_world(seed: int, *, print_line: PrintLine) -> Iterator[DrillWorld]:
    """A scratch world whose processes run while the block does."""
    names = list_variables()
    ports = [name for name in names if PORT.match(name)]
    with tempfile.TemporaryDirectory(prefix="tickhouse-drill-") as folder:
        Path(folder).chmod(0o755)  # Postgres runs as another user where this one is root
        environ: dict[str, str] = {
            **CHOSEN,
            **dict(zip(ports, free_ports(len(ports)), strict=True)),
            **{name: "0" for name in names if METRICS.match(name)},
            "TICKHOUSE_VAR": str(Path(folder) / "var"),
            "TICKHOUSE_SIMULATOR_SEED": str(seed),
        }
        environ |= simulated_addresses(load(environ))
        settings = load(environ)
        settings.home.mkdir(parents=True)
        world = DrillWorld(settings, process_environment(settings) | environ, print_line)
        try:
            world.start()
            yield world
        finally:
            world.take_down()
