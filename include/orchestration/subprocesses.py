"""Runs a module as a process of its own, so that Spark is not inside Airflow's task process."""

import logging
import shutil
import subprocess
import sys

from include import errors

log = logging.getLogger("tickhouse.orchestration")
ERROR = "error: "


def run_module(module: str, *arguments: str) -> str:
    """Run `python -m module` with its output in the task's log; give its last line.

    It is ended when this process dies, for whatever reason, so that a retry never runs beside it.

    Raises:
        TickhouseError: the error of the child's `error: Class: message` line.
        Transient: it died without such a line.
    """
    output_lines = [""]
    child = subprocess.Popen(
        [*_ends_with_parent(), sys.executable, "-m", module, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    try:
        for line in child.stdout or ():
            log.info("%s", line.rstrip())
            output_lines.append(line.strip())
        code = child.wait()
    finally:
        if child.poll() is None:
            child.terminate()
    if code != 0:
        raise _child_error(module, code, output_lines)
    return output_lines[-1]


def _ends_with_parent() -> list[str]:
    """The prefix (util-linux) that does it; without that program a child may outlive a kill."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "TERM"] if setpriv else []


def _child_error(module: str, code: int, output_lines: list[str]) -> errors.TickhouseError:
    error_lines = (line for line in output_lines if line.startswith(ERROR))
    error_line = next(error_lines, "").removeprefix(ERROR)
    name, _, message = error_line.partition(": ")
    kind = getattr(errors, name, None) if name else None
    if isinstance(kind, type) and issubclass(kind, errors.TickhouseError):
        return kind(message)
    last_line = next((line for line in reversed(output_lines) if line), "no output")
    return errors.Transient(f"{module} died with exit code {code}: {error_line or last_line}")
