"""Forecast tasks, killed at each of their steps and retried, leave what one whole run leaves."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from include.forecast.forecast_file import current_id, load_current
from include.forecast.publications import PUBLICATIONS
from include.lake.reading import query
from include.serving.connection import transaction
from include.settings import ROOT, Settings, load
from tests.conftest import make_environment
from tests.support.forecast_world import write_history
from tests.support.postgres import fetch_tuples
from tests.support.services import eventually, running

NIGHTLY, PUBLISHING_RUN = (
    "scheduled__2026-11-21T00:15:00+00:00",
    "asset_triggered__2026-11-21T00:16:00",
)
HORIZON = 240
SIGKILLED = -9
MADE_ANEW = ("made_at", "fit_s", "checked_at", "evaluated_at")


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of a world with a Postgres; each test's own world lies beside it."""
    from include.local import postgres

    variables = make_environment(
        tmp_path_factory.mktemp("served"),
        FORECAST_EVALUATE_ORIGINS="1",
        FORECAST_HORIZON_MINUTES=str(HORIZON),
        FORECAST_KEEP="2",
    )
    settings = load(variables)
    postgres.prepare(settings)
    user, log = postgres.system_user(), settings.home / "postgres.log"
    with running(postgres.build_command(settings), log=log, user=user, cwd=Path("/")):
        eventually(lambda: postgres.answers(settings), what="Postgres answers")
        postgres.create_databases(settings)
        yield variables


class World:
    """A world of its own whose tasks run, and die, in processes of their own."""

    def __init__(self, settings: Settings, child: "subprocess.Popen[str]") -> None:
        self.settings, self.child = settings, child
        self.kills = 0

    def once(self, function: str, stop: int, arguments: dict[str, Any]) -> dict[str, Any]:
        assert self.child.stdin is not None and self.child.stdout is not None
        request = {"function": function, "arguments": arguments, "stop": stop}
        self.child.stdin.write(json.dumps(request) + "\n")
        self.child.stdin.flush()
        return dict(json.loads(self.child.stdout.readline()))

    def done(self, function: str, **arguments: Any) -> Any:
        """A task never killed."""
        outcome = self.once(function, -1, arguments)
        assert outcome["ended"] == 0, outcome
        assert outcome["steps"], f"{function} passes no step: a kill there would test nothing"
        return outcome["result"]

    def killed(self, function: str, **arguments: Any) -> Any:
        """A task killed at its first step, retried and killed at the second, till it succeeds."""
        for stop in range(100):
            outcome = self.once(function, stop, arguments)
            if outcome["ended"] == 0:
                # killed between two tasks: it had succeeded, and is asked for again
                assert self.once(function, -1, arguments)["result"] == outcome["result"]
                return outcome["result"]
            assert outcome["ended"] == SIGKILLED, outcome
            self.kills += 1
        raise AssertionError(f"{function} has no end")


@contextmanager
def world(variables: dict[str, str], var: Path) -> Iterator[World]:
    environment = variables | {"TICKHOUSE_VAR": str(var)}
    settings = load(environment)
    with transaction(settings.dsn()) as link, link.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS forecast_points CASCADE")
    command = [sys.executable, "-m", "tests.support.forecast_child"]
    with (
        (var.parent / f"{var.name}.log").open("w") as log,
        subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            cwd=ROOT,
            env={"HOME": str(var), "GX_ANALYTICS_ENABLED": "false", **environment},
        ) as child,
    ):
        yield World(settings, child)
        assert child.stdin is not None
        child.stdin.close()


def prices(days: int) -> list[float | None]:
    draw = np.random.default_rng(5)
    return [round(float(x), 2) for x in 9000 * np.exp(np.cumsum(draw.normal(0, 4e-4, days * 1440)))]


def chain(task: Any) -> None:
    """Both DAGs' tasks in their order."""
    record = task("train_model", symbol=None, as_of=None, train_days=2)
    task("evaluate_model", name=record["model"], run_id=NIGHTLY)
    drafted = task("make_draft", name=record["model"], horizon_minutes=None)
    task("check_forecast", forecast_id=drafted, run_id=PUBLISHING_RUN)
    task("land_forecast", forecast_id=drafted)
    task("publish_file", forecast_id=drafted)


def left(settings: Settings) -> dict[str, Any]:
    """All that the tasks leave behind, without the times at which it was made."""
    remains: dict[str, Any] = {"current": current_id(settings.forecasts)}
    for table in ("forecasts", "forecast_evaluations", "quality_results"):
        names, table_rows = query(settings.lake, f"SELECT * FROM {table} ORDER BY ALL")
        keep = [n for n, name in enumerate(names) if name not in MADE_ANEW]
        remains[table] = sorted(str([row[n] for n in keep]) for row in table_rows)
    statement = "SELECT symbol, model, ds, yhat, yhat_lower, yhat_upper FROM forecast_points"
    remains["served"] = sorted(fetch_tuples(settings.dsn(), statement))
    for folder in ("models", "forecasts", "forecast_drafts", "quality"):
        remains[folder] = {
            str(path.relative_to(settings.home)): content_of(path)
            for path in sorted((settings.home / folder).rglob("*"))
            if path.is_file()
        }
    return remains


def content_of(path: Path) -> Any:
    if path.suffix == ".json" and path.name != "model.json":
        fields = json.loads(path.read_bytes())
        fields = fields.get("state", fields)  # of a file with a checksum
        if path.name == PUBLICATIONS:
            return [forecast_id for _, forecast_id in fields]
        return {name: value for name, value in fields.items() if name not in MADE_ANEW}
    if path.suffix == ".sha256":  # of a file that holds times; this one has to match it
        beside = path.with_suffix("")
        return path.read_text() == f"{sha256_of(beside)}  {beside.name}\n"
    if path.suffix == ".md":
        return [line for line in path.read_text().splitlines() if not line.startswith("Checked at")]
    return sha256_of(path)


def sha256_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.timeout(900)
def test_tasks_killed_at_each_step_and_retried_leave_what_a_run_never_killed_leaves(
    environment: dict[str, str], tmp_path: Path
) -> None:
    outcomes = []
    for name in ("whole", "killed"):
        with world(environment, tmp_path / name) as own_world:
            write_history(own_world.settings, prices(5))
            chain(getattr(own_world, "done" if name == "whole" else "killed"))
            outcomes.append(left(own_world.settings))
            kills = own_world.kills
    undisturbed, killed = outcomes
    assert len(undisturbed["forecasts"]) and len(undisturbed["served"]) == HORIZON
    for part in undisturbed:
        assert killed[part] == undisturbed[part], part
    assert load_current(own_world.settings.forecasts).manifest.rows == HORIZON
    assert kills > 40
    print(f"{kills} kills")
