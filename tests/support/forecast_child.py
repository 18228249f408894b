"""What the forecast DAGs' tasks do, each in a process that kills itself at one of its steps.

`python -m tests.support.forecast_child` reads a JSON line for each task from its input:
`{"function": …, "arguments": …, "stop": N}`. It forks, does the task in the child with the settings
of its environment, and answers with a line: the steps passed, how the child ended, what the task
gave. At step number N (from 0; -1: never) the child kills itself with SIGKILL. The steps are the
calls that leave something behind: files, Delta commits, Postgres transactions; after each, and in
the middle of those that can be half done. It forks because Prophet takes seconds to import.
"""

import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from deltalake import DeltaTable

from include import atomic_files
from include.forecast import draft_forecast, evaluation_report, promotion, publishing
from include.lake import writing
from include.orchestration import tasks
from include.quality import gate
from include.serving import forecast_points
from include.settings import from_environment

Call = Callable[..., Any]
NEEDED = (
    draft_forecast,
    evaluation_report,
    promotion,
    publishing,
    gate,
)  # imported once, before any fork


class Steps:
    """Says the steps passed to a file and kills this process at one of them."""

    def __init__(self, stop: int, steps_fd: int, within: Path) -> None:
        self.stop, self.passed, self.steps_fd, self.within = stop, 0, steps_fd, str(within)

    def step(self, name: str) -> None:
        os.write(self.steps_fd, f"{name}\n".encode())
        if self.passed == self.stop:
            os.kill(os.getpid(), signal.SIGKILL)
        self.passed += 1

    def around(self, owner: Any, name: str, *, half: Call | None = None) -> None:
        """Make the calls of an owner's function on paths of this world steps."""
        work: Call = getattr(owner, name)

        def wrapped(*args: Any, **named: Any) -> Any:
            if args and isinstance(args[0], Path) and not str(args[0]).startswith(self.within):
                return work(*args, **named)
            about = f"{name} {Path(args[0]).name}" if args and isinstance(args[0], Path) else name
            if half is not None:
                half(work, *args)
                self.step(f"in {about}")
            outcome = work(*args, **named)
            self.step(f"after {about}")
            return outcome

        setattr(owner, name, wrapped)


def half_a_write(work: Call, path: Path, content: Any) -> None:
    work(path, content[: len(content) // 2])


def half_a_transaction(work: Call, cursor: Any, table: str, rows: Any) -> None:
    work(cursor, table, rows[: len(rows) // 2])


def break_at(steps: Steps) -> None:
    steps.around(atomic_files, "_write", half=half_a_write)
    steps.around(Path, "write_bytes", half=half_a_write)
    steps.around(Path, "write_text", half=half_a_write)
    steps.around(Path, "unlink")
    steps.around(os, "rename")
    steps.around(os, "replace")
    steps.around(DeltaTable, "create")
    steps.around(writing, "write_deltalake")
    steps.around(forecast_points, "upsert_with", half=half_a_transaction)
    steps.around(forecast_points, "serve_forecast")


def forked(request: dict[str, Any]) -> dict[str, Any]:
    """Do one task in a child and give what became of it."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        os._exit(_in_child(request, write))
    os.close(write)
    with os.fdopen(read) as lines:
        steps = lines.read().splitlines()
    ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    result = json.loads(steps.pop()) if ended == 0 else None
    return {"steps": steps, "ended": ended, "result": result}


def _in_child(request: dict[str, Any], steps_fd: int) -> int:
    try:
        break_at(Steps(request["stop"], steps_fd, from_environment().home))
        outcome = getattr(tasks, request["function"])(**request["arguments"])
        os.write(steps_fd, json.dumps(outcome, default=str).encode())
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(forked(json.loads(line))), flush=True)
