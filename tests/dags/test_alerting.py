"""Every DAG alerts on a task that failed and on a run that is late."""

import json
import os
import subprocess
import sys
from pathlib import Path

from include.settings import ROOT
from tests.conftest import make_environment

LOADED = f"""
import json
from airflow.dag_processing.dagbag import DagBag
dags = DagBag(dag_folder={str(ROOT / "dags")!r}).dags
print("RESULT" + json.dumps({{dag_id: {{
    "deadlines": [(one.interval.total_seconds(), one.callback.path) for one in dag.deadline or []],
    "callbacks": [[f"{{call.__module__}}.{{call.__name__}}" for call in task.on_failure_callback]
                  for task in dag.tasks],
}} for dag_id, dag in dags.items()}}))
"""


def test_every_dag_alerts_on_failures_and_on_its_deadline(tmp_path: Path) -> None:
    env = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AIRFLOW", "TICKHOUSE"))
    }
    env |= {"AIRFLOW_HOME": str(tmp_path), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
    env |= make_environment(tmp_path / "var", ALERTS_DEADLINE_MINUTES="45")
    child = subprocess.run(
        [sys.executable, "-c", LOADED],
        env=env,
        cwd=ROOT,
        text=True,
        capture_output=True,
        check=True,
    )
    dags = json.loads(child.stdout.partition("RESULT")[2])
    assert set(dags) == {path.stem for path in (ROOT / "dags").glob("*.py")}
    for dag in dags.values():
        assert dag["deadlines"] == [
            [2700.0, "include.orchestration.alerting.alert_missed_deadline"]
        ]
        assert dag["callbacks"]
        assert all(
            callback == ["include.orchestration.alerting.alert_task_failure"]
            for callback in dag["callbacks"]
        )
