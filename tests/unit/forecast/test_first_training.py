"""The first training of a world is asked for once, however slowly Airflow answers at first."""

from typing import Any

import pytest

from include.errors import PlatformError, Unreachable
from include.local import first_training
from include.local.airflow import DagRun
from include.settings import Settings


class SlowAirflow:
    """An API whose first answers are these; it keeps the runs it was asked for."""

    def __init__(self, *troubles: str) -> None:
        self.troubles = list(troubles)
        self.made: list[str] = []

    def _answer(self, what: str) -> None:
        if self.troubles and self.troubles[0] == what:
            self.troubles.pop(0)
            raise Unreachable("Airflow: timed out")

    def has_dag(self, dag: str) -> bool:
        self._answer("has_dag")
        return True

    def runs(self, dag: str) -> list[DagRun]:
        self._answer("runs")
        return [DagRun("a run", "running") for _ in self.made]

    def trigger(self, dag: str, *, conf: dict[str, Any] | None = None) -> str:
        self.made.append(dag)
        self._answer("trigger")
        return "a run"


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("include.local.first_training.time.sleep", lambda _: None)


@pytest.mark.parametrize(
    "troubles", [[], ["has_dag"], ["runs", "has_dag"], ["trigger"], ["trigger", "runs"]]
)
def test_a_late_answer_costs_neither_the_training_nor_a_second_one(
    troubles: list[str], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    airflow = SlowAirflow(*troubles)
    monkeypatch.setattr(first_training, "AirflowApi", lambda _: airflow)
    assert first_training.start(settings, print_line=lambda _: None) is True
    assert airflow.made == ["ingest_history"] and not airflow.troubles
    assert (
        first_training.start(settings, print_line=lambda _: None) is False
    )  # this world has one now


def test_an_airflow_that_never_finds_the_dag_is_named(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    airflow = SlowAirflow()
    monkeypatch.setattr(airflow, "has_dag", lambda _: False)
    monkeypatch.setattr(first_training, "AirflowApi", lambda _: airflow)
    monkeypatch.setattr(first_training, "FIND_DAG_S", 0.01)
    with pytest.raises(PlatformError, match="ingest_history"):
        first_training.start(settings, print_line=lambda _: None)


def test_a_training_that_cannot_begin_is_reported_after_the_start_and_keeps_a_tape_from_playing(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    airflow = SlowAirflow()
    monkeypatch.setattr(airflow, "has_dag", lambda _: False)
    monkeypatch.setattr(first_training, "AirflowApi", lambda _: airflow)
    monkeypatch.setattr(first_training, "FIND_DAG_S", 0.01)
    training = first_training.FirstTraining(settings, print_line=lambda _: None)
    training.raise_fault()
    training.start()
    for report in (training.raise_fault, training.wait):
        with pytest.raises(PlatformError, match="ingest_history"):
            report()
