"""A real Airflow server takes the note of an evaluation, made by a real run of the DAG."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from include.errors import Unreachable
from include.local import airflow
from include.local.airflow import AirflowApi
from include.settings import ROOT, load
from tests.conftest import make_environment
from tests.support.forecast_world import wave, write_history
from tests.support.services import eventually, running

RUN = f"""
from airflow.dag_processing.dagbag import DagBag
dag = DagBag(dag_folder={str(ROOT / "dags" / "retrain_forecast.py")!r}).dags["retrain_forecast"]
dag.deadline = None  # Airflow cannot store a deadline on SQLite; test_alerting.py looks at them
print("STATE", dag.test(run_conf={{"train_days": 1}}).state)
"""


def own(home: Path) -> dict[str, str]:
    """The environment of an Airflow on SQLite in a folder of its own, with its server's port."""
    variables = make_environment(
        home / "var",
        AIRFLOW_PASSWORD="for-tests-only",
        FORECAST_EVALUATE_ORIGINS="1",
        AIRFLOW_JWT_SECRET="a-secret-for-tests-only-a-secret-for-tests-only-0123456789abcdef",
    )
    settings = load(variables)
    airflow.prepare(settings)
    airflow_variables = airflow.build_environment(settings)
    airflow_variables.pop("AIRFLOW__CORE__FERNET_KEY")
    airflow_variables["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = f"sqlite:///{home}/airflow.db"
    kept_variables = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AIRFLOW", "TICKHOUSE"))
    }
    return kept_variables | airflow_variables | variables


@pytest.mark.timeout(600)
def test_the_figures_stand_in_the_note_of_the_run(tmp_path: Path) -> None:
    env = own(tmp_path)
    settings = load({name: v for name, v in env.items() if name.startswith("TICKHOUSE_")})
    write_history(settings, wave(4))
    command = str(Path(sys.executable).with_name("airflow"))
    subprocess.run([command, "db", "migrate"], env=env, check=True, capture_output=True)
    with running([command, "api-server"], log=tmp_path / "server.log", env=env, cwd=ROOT):
        api = AirflowApi(settings)
        eventually(lambda: answers(api), timeout_s=120, every_s=0.5, what="Airflow's server")
        run = subprocess.run(
            [sys.executable, "-c", RUN],
            env=env,
            capture_output=True,
            text=True,
            check=True,
            cwd=ROOT,
        )
        assert "STATE success" in run.stdout, run.stdout[-3000:] + run.stderr[-3000:]
        (dag_run,) = api.runs("retrain_forecast")
    note = str(dag_run.note)
    assert note.startswith("**BTC-USD**\n")
    assert "Smallest error over 1 origins: " in note
    assert "| 1440 |" in note
    with sqlite3.connect(tmp_path / "airflow.db") as link:
        assert link.execute("SELECT content FROM dag_run_note").fetchall() == [(note,)]


def answers(api: AirflowApi) -> bool:
    try:
        api.has_dag("retrain_forecast")
    except Unreachable:
        return False
    return True
