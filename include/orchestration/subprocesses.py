"""A module run as a process of its own: Spark lives and dies outside Airflow's task process."""

import logging
import shutil
import subprocess
import sys

from include import errors

log = logging.getLogger("tickhouse.orchestration")
ERROR = "error: "


def run_module(module: str, *arguments: str) -> str:
    """Run `python -m module`, its lines into the task's log; give its last line.

    It is ended when this process dies, however that comes about: the task's retry is alone.

    Raises:
        TickhouseError: the error that the child named on its `error: Class: message` line.
        Transient: it died without a word.
    """
    lines = [""]
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
            lines.append(line.strip())
        code = child.wait()
    finally:
        if child.poll() is None:
            child.terminate()
    if code != 0:
        raise _named(module, code, lines)
    return lines[-1]


def _ends_with_parent() -> list[str]:
    """The kernel's word for it (util-linux); without that program a child may outlive a kill."""
    found = shutil.which("setpriv")
    return [found, "--pdeathsig", "TERM"] if found else []


def _named(module: str, code: int, lines: list[str]) -> errors.TickhouseError:
    said = next((line for line in lines if line.startswith(ERROR)), "").removeprefix(ERROR)
    name, _, message = said.partition(": ")
    kind = getattr(errors, name, None) if name else None
    if isinstance(kind, type) and issubclass(kind, errors.TickhouseError):
        return kind(message)
    last = next((line for line in reversed(lines) if line), "no word")
    return errors.Transient(f"{module} died with exit code {code}: {said or last}")
