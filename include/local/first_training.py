"""The first ingest -> retrain -> publish of a world, so that its trader has a forecast."""

import time

from include.errors import PlatformError, TickhouseError, Unreachable
from include.lake.archive import has_simulated_history
from include.local.airflow import FIRST_DAG, LOOP_DAGS, OVER, AirflowApi
from include.log import PrintLine
from include.settings import Settings

FIND_DAG_S = 300.0
TRAINING_S = 900.0


class FirstTraining:
    """The first training of one `up`: it begins as soon as Airflow works, beside all other starts.

    That it could not be begun takes nothing down: `raise_fault` raises it once all else runs.
    """

    def __init__(self, settings: Settings, *, print_line: PrintLine, until: str = "") -> None:
        self._settings, self._print_line, self._until = settings, print_line, until
        self._has_begun = False
        self._fault: TickhouseError | None = None

    def start(self) -> None:
        """Start it, if this world has had none."""
        try:
            self._has_begun = start(self._settings, print_line=self._print_line, until=self._until)
        except TickhouseError as fault:
            self._fault = fault

    def wait(self) -> None:
        """Wait for its forecast, if it was started.

        Raises:
            TickhouseError: it could not be started.
        """
        self.raise_fault()
        if self._has_begun:
            wait(self._settings, print_line=self._print_line)

    def raise_fault(self) -> None:
        """Raise what kept it from starting."""
        if self._fault is not None:
            raise self._fault


def start(settings: Settings, *, print_line: PrintLine, until: str = "") -> bool:
    """Start it unless this world has ingested before or has no history; whether it did.

    `until` (ISO, UTC) leaves out later minutes.

    Raises:
        PlatformError: Airflow does not find the DAG.
        Unreachable: it has not answered.
    """
    if not settings.forecast.history and not has_simulated_history(settings):
        print_line(
            "no history given (--history FILE): the trader holds until a forecast is published"
        )
        return False
    if (settings.forecasts / "CURRENT").exists():
        return False
    api = AirflowApi(settings)
    deadline = time.monotonic() + FIND_DAG_S
    triggered = False
    fault: TickhouseError = PlatformError(f"Airflow has not found {FIRST_DAG} in dags/")
    while time.monotonic() < deadline:
        try:
            has_dag = api.has_dag(FIRST_DAG)
            if has_dag and api.runs(FIRST_DAG):
                return triggered
            if has_dag:
                triggered = True  # if only the answer is lost, the next round finds the run
                api.trigger(FIRST_DAG, conf={"until": until} if until else None)
                print_line(
                    "started the first ingest_history -> retrain_forecast -> publish_forecast"
                )
                return True
        except Unreachable as error:
            fault = error
        time.sleep(1)
    raise fault


def wait(settings: Settings, *, print_line: PrintLine) -> None:
    """Wait for the published forecast, or for a run that failed; prints which it was."""
    api = AirflowApi(settings)
    deadline = time.monotonic() + TRAINING_S
    announced: set[str] = set()
    while not (settings.forecasts / "CURRENT").exists():
        for dag, state in _read_states(api):
            if state in OVER and dag not in announced:
                announced.add(dag)
                print_line(f"{dag}: {state}")
            if state == "failed":
                print_line(f"no forecast: see why {dag} failed in Airflow; the trader holds")
                return
        if time.monotonic() > deadline:
            print_line(f"no forecast after {TRAINING_S:.0f} s: see Airflow; the trader holds")
            return
        time.sleep(1)
    print_line("the forecast is published")


def _read_states(api: AirflowApi) -> list[tuple[str, str]]:
    try:
        return [(dag, run.state) for dag in LOOP_DAGS for run in api.runs(dag)[:1]]
    except Unreachable:
        return []
