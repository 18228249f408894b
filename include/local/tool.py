"""Programs that run to their end here, such as `initdb`: their output, or one sentence."""

import subprocess
from collections.abc import Callable, Sequence
from typing import Any

from include.errors import PlatformError


def last_line(output: str) -> str:
    """The last line of a program's output, where most report what went wrong."""
    lines = output.strip().splitlines()
    return lines[-1] if lines else "it printed nothing"


def run_tool(
    command: Sequence[str],
    *,
    failure: str,
    reason: Callable[[str], str] = last_line,
    **options: Any,
) -> str:
    """Run a command to its end; gives what it printed.

    `options` are those of `subprocess.run`.

    Raises:
        PlatformError: it did not end well: `failure`, and the reason out of its output.
    """
    finished: subprocess.CompletedProcess[str] = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        **options,
    )
    if finished.returncode != 0:
        raise PlatformError(f"{failure}: {reason(finished.stdout)}")
    return finished.stdout
