"""The figures of an evaluation arrive in the note of the DAG run that made them."""

import logging

import pytest

from include.errors import PlatformError
from include.forecast import training
from include.local.airflow import AirflowApi
from include.orchestration.tasks import evaluate_model, note_evaluations
from include.settings import Settings, load
from tests.conftest import make_environment
from tests.support.airflow_listener import airflow_api, described
from tests.support.forecast_world import NOW, wave, write_history

DAG, RUN = "retrain_forecast", "manual__2026-11-21T05:00:00.123456+00:00"


@pytest.fixture
def world(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A world of this process's own environment, with three days of minutes."""
    variables = make_environment(tmp_path_factory.mktemp("w"), AIRFLOW_PASSWORD="for-tests-only")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    settings = load(variables)
    write_history(settings, wave(4))
    return settings


def trained(settings: Settings) -> str:
    record = training.train(settings, symbol="BTC-USD", as_of=None, train_days=2, now=NOW)
    return record.model


def test_an_evaluation_is_noted_at_its_run(world: Settings) -> None:
    model = trained(world)
    with airflow_api(world) as notes:
        text = note_evaluations([evaluate_model(model, run_id=RUN)], dag=DAG, run_id=RUN)
    assert notes == {(DAG, RUN): text}
    lines = text.splitlines()
    assert lines[0] == "**BTC-USD**"
    lines = lines[2:]
    assert lines[0].startswith("Smallest error over ")
    names = ["prophet", "last price", "last price and usual day", "drift"]
    heads = [cell.strip() for cell in lines[2].strip("|").split("|")]
    assert heads == ["minutes ahead", *names, "to last price", "side right", "in interval"]
    table = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[4:8]]
    assert [row[0] for row in table] == ["10", "60", "360", "1440"]
    assert all(float(cell) >= 0 for row in table for cell in row[1:6])
    assert all(row[7].endswith("%") for row in table)


def test_without_airflow_the_evaluation_is_made_and_its_absence_said(
    world: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        text = note_evaluations([evaluate_model(trained(world), run_id=RUN)], dag=DAG, run_id=RUN)
    assert "| 1440 |" in text
    assert "run note not written" in caplog.text


def test_a_note_is_cut_to_what_airflow_takes_and_a_refusal_is_an_error(world: Settings) -> None:
    kinds = described()[1]["properties"]["note"]["anyOf"]
    max_length = next(kind["maxLength"] for kind in kinds if "maxLength" in kind)
    with airflow_api(world) as notes:
        AirflowApi(world).note(DAG, "r1", "x" * max_length)
        AirflowApi(world).note(DAG, "r2", "x" * (max_length + 1))
        with pytest.raises(PlatformError, match="404"):
            AirflowApi(world).note("no/dag", "r3", "")
    assert notes == {(DAG, "r1"): "x" * max_length, (DAG, "r2"): "x" * (max_length - 1) + "…"}
