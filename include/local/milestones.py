"""What happened since `up`, printed once each: rows, DAG runs, forecast, decisions, restarts."""

import time
from collections.abc import Iterator
from contextlib import suppress

from include.errors import TickhouseError
from include.lake.reading import count_rows
from include.local.airflow import LOOP_DAGS, AirflowApi
from include.local.status import process_states
from include.local.supervisor import SupervisorClient
from include.log import PrintLine
from include.serving.connection import fetch_rows
from include.settings import Settings

EVERY_S = 3.0


def watch_milestones(settings: Settings, *, print_line: PrintLine) -> None:
    """Print each milestone as it is reached, until Ctrl-C, or until it was taken down elsewhere."""
    print_line("running; Ctrl-C takes everything down (or use --detach)")
    api, announced = AirflowApi(settings), set[str]()
    supervisor = SupervisorClient(settings)
    try:
        while supervisor.is_running():
            for milestone in list_milestones(settings, api):
                if milestone not in announced:
                    announced.add(milestone)
                    print_line(milestone)
            time.sleep(EVERY_S)
    except KeyboardInterrupt:
        return
    print_line("it was taken down elsewhere")


def list_milestones(settings: Settings, api: AirflowApi) -> Iterator[str]:
    """Every milestone that holds now; a part that does not answer has none."""
    for read in (
        _landing_milestones,
        _forecast_milestones,
        _decision_milestones,
        _failure_milestones,
    ):
        try:
            yield from read(settings)
        except TickhouseError:
            continue
    try:
        yield from _run_milestones(api)
    except TickhouseError:
        return


def _landing_milestones(settings: Settings) -> Iterator[str]:
    for name, count in count_rows(settings.lake).items():
        if count:
            yield f"rows are landing in {name}"


def _run_milestones(api: AirflowApi) -> Iterator[str]:
    for dag in LOOP_DAGS:
        for run in api.runs(dag):
            yield f"{dag} {run.state} ({run.run_id})"


def _forecast_milestones(settings: Settings) -> Iterator[str]:
    pointer = settings.forecasts / "CURRENT"
    with suppress(OSError, ValueError):  # none is published, or what names it is damaged
        yield f"forecast {pointer.read_text().strip()} is published"


def _decision_milestones(settings: Settings) -> Iterator[str]:
    statement = "SELECT action, min(reasons) AS reasons FROM decisions GROUP BY action"
    for row in fetch_rows(settings.dsn(), statement):
        yield f"the trader's first {row['action']}: {row['reasons']}"


def _failure_milestones(settings: Settings) -> Iterator[str]:
    for process in process_states(settings):
        if process.state in {"fatal", "backoff", "exited"}:
            yield f"{process.name} is {process.state}: ./tickhouse logs {process.name}"
