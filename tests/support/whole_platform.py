"""The whole platform as a person starts it: `./tickhouse` in a scratch folder on free ports."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from include.lake.reading import count_rows
from include.local.airflow import AirflowApi
from include.local.status import process_states
from include.settings import ROOT, Settings, load, read_env
from tests.conftest import make_environment

TICKHOUSE = str(ROOT / "tickhouse")
# The same with the processes alone that carry messages (tests/support/message_platform.py).
MESSAGES_ALONE = (sys.executable, "-m", "tests.support.message_platform")
UP_S = 900.0  # a cluster's servers on a busy machine


class PlatformRun:
    """One installation: its environment, its verbs, its settings once it is up.

    `command` is what runs a verb; `more` are further TICKHOUSE_ settings.
    """

    def __init__(self, var: Path, command: Sequence[str] = (TICKHOUSE,), **more: str) -> None:
        self.var, self.command = var, command
        self.environ = make_environment(var, **more)
        del self.environ["TICKHOUSE_POSTGRES_PASSWORD"]

    def verb(self, *arguments: str, timeout_s: float = 300.0) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self.command, *arguments],
            env=os.environ | self.environ,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    def told(self, *arguments: str, timeout_s: float = 300.0) -> Any:
        """A verb's JSON."""
        done = self.verb(*arguments, timeout_s=timeout_s)
        assert done.stdout, done.stderr
        return json.loads(done.stdout)

    def sql(self, statement: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.told("sql", statement, "--format", "json")
        return rows

    @property
    def settings(self) -> Settings:
        files = [self.var / "secrets.env", self.var / "current.env"]
        values = {
            key: one for path in files for key, one in read_env(path, prefix="TICKHOUSE_").items()
        }
        return load(values | self.environ)

    @property
    def airflow(self) -> AirflowApi:
        return AirflowApi(self.settings)

    def pid(self, name: str) -> int | None:
        processes = process_states(self.settings)
        return next((process.pid for process in processes if process.name == name), None)

    def rows(self) -> int:
        """Rows of all tables."""
        return sum(count_rows(self.settings.lake).values())

    def await_ok(self, *, within_s: float, besides: str = "nothing") -> None:
        """Until `status` has no cause against the platform but one; fails with its causes."""
        deadline = time.monotonic() + within_s
        while causes := [c for c in self.told("status", "--json")["causes"] if besides not in c]:
            assert time.monotonic() < deadline, f"after {within_s:g} s: {causes}"
            time.sleep(1)

    def behind(self) -> int | None:
        """Offsets that the stream has not read yet; none while it tells nothing."""
        lag = [one["behind"] for one in self.told("status", "--json")["lag"]]
        return sum(lag) if lag else None


@contextmanager
def up(run: PlatformRun, *flags: str) -> Iterator[PlatformRun]:
    """`./tickhouse up --detach`, and down at the end whatever happened."""
    try:
        done = run.verb("up", "--detach", *flags, timeout_s=UP_S)
        assert done.returncode == 0, done.stderr
        yield run
    finally:
        run.verb("down")
