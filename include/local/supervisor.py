"""supervisord keeps every process: its configuration file, and the way to talk to it."""

import http.client
import sys
import time
import xmlrpc.client
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from include.atomic_files import write_file
from include.errors import PlatformError, Unreachable
from include.local.program import BRIDGE, Program
from include.local.restarts import paced_command
from include.local.tool import run_tool
from include.settings import ROOT, Settings

OVER = {"stopped", "exited", "fatal"}
SHUTDOWN_STATE = 6  # supervisor.xmlrpc.Faults
PID_FILE = "supervisord.pid"
CONTROL = """\
[supervisord]
logfile={logs}/supervisord.log
logfile_maxbytes={log_mb}MB
pidfile={home}/supervisord.pid
childlogdir={logs}
directory={root}
nodaemon=false
minfds=1024
[inet_http_server]
port={host}:{port}
username=tickhouse
password={password}
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=http://{host}:{port}
username=tickhouse
password={password}
"""
PROGRAM = """\
[program:{name}]
command={command}
directory={directory}
autostart=false
autorestart={restarts}
startsecs={start_s}
startretries=1000000
stopsignal={stop_signal}
stopwaitsecs={stop_s}
stopasgroup={stop_as_group}
killasgroup=true
redirect_stderr=true
stdout_logfile={logs}/{name}.log
stdout_logfile_maxbytes={log_mb}MB
stdout_logfile_backups=2
"""


def write_configuration(settings: Settings, programs: Sequence[Program]) -> Path:
    """Supervisord's configuration of this world, readable by its owner alone."""
    logs = settings.home / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    parts = [
        CONTROL.format(
            logs=logs,
            home=settings.home,
            root=ROOT,
            host=settings.ports.host,
            port=settings.ports.supervisor,
            log_mb=settings.supervisor.log_mb,
            password=_escape(settings.supervisor.password.reveal()),
        )
    ]
    parts += [_render_program(program, settings, logs) for program in programs]
    target = settings.home / "supervisord.conf"
    write_file(target, "\n".join(parts), mode=0o600)
    return target


def start(settings: Settings, configuration: Path, environ: dict[str, str]) -> None:
    """Start supervisord in the background, with no program running yet.

    Raises:
        PlatformError: it did not start.
    """
    binary = Path(sys.executable).with_name("supervisord")
    command = [str(binary), "-c", str(configuration)]
    run_tool(command, failure="supervisord did not start", env=environ, cwd=ROOT)


def supervisor_pid(settings: Settings) -> int | None:
    """The process id in supervisord's file; null if there is none."""
    try:
        return int((settings.home / PID_FILE).read_text())
    except (OSError, ValueError):
        return None


@dataclass(frozen=True)
class ProcessState:
    """A process that supervisord keeps; `state` is supervisord's own word in lower case."""

    name: str
    state: str
    pid: int | None
    uptime_s: int


class SupervisorClient:
    """A client of the running supervisord."""

    def __init__(self, settings: Settings) -> None:
        password = settings.supervisor.password.reveal()
        ports = settings.ports
        url = f"http://tickhouse:{password}@{ports.host}:{ports.supervisor}/RPC2"
        self._server = xmlrpc.client.ServerProxy(url)

    def processes(self) -> list[ProcessState]:
        """What supervisord knows of each process; a bridge of a feed is one while it runs.

        Raises:
            Unreachable: no supervisord answers.
        """
        return [
            ProcessState(
                name=info["name"],
                state=info["statename"].lower(),
                pid=info["pid"] or None,
                uptime_s=info["now"] - info["start"] if info["pid"] else 0,
            )
            for info in self._ask("getAllProcessInfo")
            if info["pid"] or not info["name"].endswith(BRIDGE)
        ]

    def is_running(self) -> bool:
        """Whether a supervisord answers."""
        try:
            self.processes()
        except Unreachable:
            return False
        return True

    def runs(self, name: str) -> bool:
        """Whether a process has lived for longer than `startsecs`."""
        return any(
            process.name == name and process.state == "running" for process in self.processes()
        )

    def has(self, name: str) -> bool:
        """Whether there is such a process, running or not."""
        return any(info["name"] == name for info in self._ask("getAllProcessInfo"))

    def start(self, name: str) -> None:
        """Start a process; one that runs already is left alone."""
        try:
            self._ask("startProcess", name, False)
        except xmlrpc.client.Fault as fault:
            if "ALREADY_STARTED" not in fault.faultString:
                raise PlatformError(f"{name} did not start: {fault.faultString}") from fault

    def stop(self, name: str) -> None:
        """Stop a process; one that does not run is left alone."""
        try:
            self._ask("stopProcess", name, True)
        except xmlrpc.client.Fault as fault:
            if "NOT_RUNNING" not in fault.faultString:
                raise PlatformError(f"{name} did not stop: {fault.faultString}") from fault

    def stop_together(self, names: Collection[str], *, within_s: float) -> None:
        """Stop processes, all at once, and wait so long for them; some may still run afterwards."""
        for name in names:
            with suppress(xmlrpc.client.Fault):  # it does not run
                self._ask("stopProcess", name, False)
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            running = {process.name for process in self.processes() if process.state not in OVER}
            if not running.intersection(names):
                return
            time.sleep(0.1)

    def shutdown(self) -> None:
        """Stop every process and supervisord itself."""
        self._ask("shutdown")

    def _ask(self, method: str, *arguments: Any) -> Any:
        try:
            return getattr(self._server.supervisor, method)(*arguments)
        except xmlrpc.client.Fault as fault:
            if fault.faultCode == SHUTDOWN_STATE:
                raise Unreachable("the supervisor is shutting down") from fault
            raise
        except (OSError, http.client.HTTPException, xmlrpc.client.ProtocolError) as error:
            raise Unreachable(f"no supervisor answers: {error}") from error


def _render_program(program: Program, settings: Settings, logs: Path) -> str:
    command = paced_command(
        program.command,
        name=program.name,
        home=settings.home,
        user=program.user,
        floor_mb=settings.supervisor.disk_floor_mb if program.needs_space else 0,
    )
    text = PROGRAM.format(
        name=program.name,
        command=" ".join(_quote(part) for part in command),
        directory=ROOT,
        stop_s=program.stop_s,
        stop_signal=program.stop_signal,
        stop_as_group=str(not program.stops_children).lower(),
        restarts=str(not program.is_transient).lower(),
        start_s=0 if program.is_transient else 1,
        logs=logs,
        log_mb=settings.supervisor.log_mb,
    )
    if program.env:
        pairs = ",".join(f'{name}="{_escape(value)}"' for name, value in program.env.items())
        text += f"environment={pairs}\n"
    return text


def _quote(part: str) -> str:
    plain = _escape(part)
    return f"'{plain}'" if any(mark in part for mark in " *;$") else plain


def _escape(text: str) -> str:
    return text.replace("%", "%%")
