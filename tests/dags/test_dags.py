"""Every DAG loads light, is what its file says, is joined by assets, and runs twice to the same."""

import ast
import json
import math
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from include.lake.reading import query
from include.settings import ROOT, load
from tests.conftest import make_environment
from tests.support.services import eventually, running

DAGS = sorted((ROOT / "dags").glob("*.py"))
HEAVY = ("pandas", "numpy", "prophet", "pyspark", "great_expectations", "duckdb", "deltalake")
LOADED = f"""
import json, sys
from datetime import UTC, datetime
from airflow.dag_processing.dagbag import DagBag
from airflow.serialization.serialized_objects import DagSerialization
from airflow.timetables.base import TimeRestriction
bag = DagBag(dag_folder={str(ROOT / "dags")!r})

def names(condition):
    if condition is None:
        return []
    parts = getattr(condition, "objects", None)
    return sorted(sum(map(names, parts), [])) if parts is not None else [condition.name]
def consumed(dag):
    return names(getattr(dag.timetable, "asset_condition", None))

now = datetime.now(UTC)
def begins(dag):
    anew = TimeRestriction(earliest=None, latest=None, catchup=False)
    first = dag.timetable.next_dagrun_info(last_automated_data_interval=None, restriction=anew)
    return first is None or first.run_after > now

loaded = {{
    "errors": bag.import_errors,
    "heavy": [name for name in {HEAVY!r} if name in sys.modules],
    "dags": {{
        dag_id: {{
            "file": dag.fileloc, "doc": dag.doc_md, "catchup": dag.catchup,
            "max_active_runs": dag.max_active_runs,
            "consumes": consumed(dag),
            "begins_in_time_to_come": begins(
                DagSerialization.from_dict(DagSerialization.to_dict(dag))
            ),
            "produces": sorted(o.name for t in dag.tasks for o in t.outlets),
            "params": {{name: dag.params.get_param(name).description for name in dag.params}},
            "retries": [t.retries for t in dag.tasks],
        }} for dag_id, dag in bag.dags.items()
    }},
}}
print("RESULT" + json.dumps(loaded))
"""
RUN = """
import json, sys
from airflow.dag_processing.dagbag import DagBag
dags = DagBag(dag_folder=sys.argv[1]).dags
for dag_id, conf in json.loads(sys.argv[2]):
    # Airflow cannot store a deadline on SQLite; test_alerting.py looks at them.
    dags[dag_id].deadline = None
    print("STATE", dag_id, dags[dag_id].test(run_conf=conf).state)
"""


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of an Airflow on SQLite in a folder of its own."""
    home = tmp_path_factory.mktemp("airflow")
    env = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AIRFLOW", "TICKHOUSE"))
    }
    env |= {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "GX_ANALYTICS_ENABLED": "false",
        **make_environment(home / "var", STREAM_DRIVER_MEMORY="1g", FORECAST_HORIZON_MINUTES="300"),
    }
    command = [str(Path(sys.executable).with_name("airflow")), "db", "migrate"]
    subprocess.run(command, env=env, check=True, capture_output=True)
    return env


def python(env: dict[str, str], *arguments: str) -> str:
    child = subprocess.run(
        [sys.executable, "-c", *arguments], env=env, capture_output=True, text=True, check=False
    )
    assert child.returncode == 0, child.stdout[-3000:] + child.stderr[-3000:]
    return child.stdout


@pytest.fixture(scope="module")
def loaded(airflow: dict[str, str]) -> dict[str, Any]:
    line = next(line for line in python(airflow, LOADED).splitlines() if line.startswith("RESULT"))
    return dict(json.loads(line.removeprefix("RESULT")))


def test_every_dag_loads_and_nothing_heavy_with_it(loaded: dict[str, Any]) -> None:
    assert loaded["errors"] == {}
    assert loaded["heavy"] == []
    assert len(loaded["dags"]) == len(DAGS) >= 3


def test_a_dags_id_is_its_files_name_and_it_explains_itself(loaded: dict[str, Any]) -> None:
    for dag_id, dag in loaded["dags"].items():
        assert Path(dag["file"]).stem == dag_id
        assert len(dag["doc"]) > 200
        assert all(dag["params"].values())
        assert dag["catchup"] is False
        assert dag["max_active_runs"] == 1
        assert min(dag["retries"]) >= 1


def test_a_new_installation_begins_with_no_run_of_the_time_before_it(
    loaded: dict[str, Any],
) -> None:
    assert [name for name, dag in loaded["dags"].items() if not dag["begins_in_time_to_come"]] == []


def test_each_consumed_asset_has_a_producer(loaded: dict[str, Any]) -> None:
    produced = {name for dag in loaded["dags"].values() for name in dag["produces"]}
    consumed = {name for dag in loaded["dags"].values() for name in dag["consumes"]}
    assert consumed == {"history_minutes", "forecast_model"}
    assert consumed <= produced
    assert loaded["dags"]["retrain_forecast"]["consumes"] == ["history_minutes"]
    assert loaded["dags"]["publish_forecast"]["consumes"] == ["forecast_model"]


@pytest.mark.parametrize("path", DAGS, ids=lambda path: path.stem)
def test_a_dag_file_is_sixty_lines_of_wiring(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= 60
    decorated = [
        node
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef)
        and any("dag" == getattr(getattr(d, "func", d), "id", "") for d in node.decorator_list)
    ]
    assert [node.name for node in decorated] == [path.stem]


def write_bars(path: Path) -> None:
    """Three days of a random walk in the six-column edition, each seventh minute untraded."""
    draw, price = random.Random(7), 100.0
    lines = ["Timestamp,Open,High,Low,Close,Volume\n"]
    for n in range(3 * 1440):
        volume = 0 if n % 7 == 0 else 1.5
        lines.append(
            f"{1_500_000_000 // 60 * 60 + n * 60}.0,{price:.2f},{price + 1:.2f},"
            f"{price - 1:.2f},{price:.2f},{volume}\n"
        )
        price *= math.exp(draw.gauss(0, 5e-4))
    path.write_text("".join(lines))


@pytest.fixture(scope="module")
def world(airflow: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The same Airflow with a Postgres to serve from."""
    from include.local import postgres

    settings = load({name: v for name, v in airflow.items() if name.startswith("TICKHOUSE_")})
    postgres.prepare(settings)
    log = settings.home / "postgres.log"
    user = postgres.system_user()
    with running(postgres.build_command(settings), log=log, user=user, cwd=Path("/")):
        eventually(lambda: postgres.answers(settings), what="Postgres answers")
        postgres.create_databases(settings)
        yield settings, airflow


def run(env: dict[str, str], *runs: tuple[str, dict[str, Any]]) -> str:
    """Run DAGs one after the other in one process; give its whole log."""
    return python(env, RUN, str(ROOT / "dags"), json.dumps(runs))


def seen(settings: Any) -> list[Any]:
    from include.forecast.forecast_file import load_current
    from include.serving.connection import transaction

    counts = query(
        settings.lake,
        "SELECT (SELECT count(*) FROM history_minutes), (SELECT count(*) FROM forecasts),"
        " (SELECT count(*) FROM history_minutes WHERE NOT traded)",
    )[1]
    with transaction(settings.dsn()) as link, link.cursor() as cursor:
        cursor.execute("SELECT count(*), max(made_at), max(model) FROM forecast_points")
        served = cursor.fetchall()
    return [counts, served, load_current(settings.forecasts).manifest]


@pytest.mark.timeout(1200)
def test_the_three_dags_run_twice_and_leave_the_same(world: Any, tmp_path: Path) -> None:
    settings, env = world
    source = tmp_path / "bars.csv"
    write_bars(source)
    ingest = ("ingest_history", {"source": str(source)})
    outcomes = []
    for _ in range(2):
        log = run(env, ingest, ("retrain_forecast", {}), ("publish_forecast", {}))
        assert log.count(" success\n") == 3
        outcomes.append(seen(settings))
    assert outcomes[0] == outcomes[1]
    counts, served, manifest = outcomes[0]
    assert counts == [(4320, 300, 618)]  # every seventh of 0 … 4319: 0, 7, … 4319
    assert served[0][0] == 300
    assert manifest.rows == 300
    # the last minute, the 4319th, had no trade
    assert manifest.trained_until.timestamp() == 1_500_000_000 // 60 * 60 + 4318 * 60

    source.write_text(source.read_text().replace("100.00,101.00", "100.00,-101.00", 1))
    log = run(env, ingest)
    assert "STATE ingest_history failed" in log
    fault = "1 rows of bars.csv cannot be used, first '1500000000.0,100.00,-101.00,"
    assert f"HistoryError: {fault}" in log
    assert seen(settings) == outcomes[0]
