"""A load of history that dies between any two of its steps, and is tried again, lands the same.

The process that dies leaves only what Delta has committed, so dying is an error that nothing
catches, raised where the driver stands between two of them.
"""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

from delta.tables import DeltaMergeBuilder
from pyspark.sql import SparkSession

from include.lake import archive
from include.lake.reading import query
from include.orchestration.tasks import check_history, land_staged, stage_file
from include.quality import results
from include.settings import Settings, load
from spark_jobs import load_history
from tests.conftest import make_environment
from tests.support.loading import loading_in_process

SIX = "Timestamp,Open,High,Low,Close,Volume"
LINES = ("60,1,1,1,1,1", "120,2,3,1,2,2", "180,2,2,2,2,0", "300,4,4,4,4,4")


class Killed(BaseException):
    """This process is no more."""


# Where a load can die: after these calls, in the order in which they come. After an append that
# is there, the next try finds known rows and merges.
STEPS: tuple[tuple[Any, str], ...] = (
    (archive, "fetch_archive"),
    (load_history, "_overwrite"),
    (load_history, "_refuse_bad"),
    (results, "replace_rows"),
    (results, "write_page"),
    (load_history, "create_table"),
    (load_history, "_append"),
    (DeltaMergeBuilder, "execute"),
)


def dying(work: Callable[..., Any]) -> Callable[..., Any]:
    """The work, done, and then death; the first time only."""
    died: list[bool] = []

    @functools.wraps(work)
    def wrapped(*args: Any, **named: Any) -> Any:
        answer = work(*args, **named)
        if not died:
            died.append(True)
            raise Killed
        return answer

    return wrapped


def retried(task: Callable[[], Any], deaths: list[str], name: str) -> Any:
    """A task as Airflow runs it: again, as often as it dies."""
    while True:
        try:
            return task()
        except Killed:
            deaths.append(name)


def loaded(source: Path, run: str) -> tuple[int, list[str]]:
    """The tasks of `ingest_history` in their order: the rows landed, and the task of each death."""
    deaths: list[str] = []

    def stage() -> str:
        return stage_file(source=str(source), symbol="BTC-USD", end_at=None, run_id=run)

    retried(stage, deaths, "stage")
    retried(lambda: check_history(run_id=run), deaths, "check")
    return int(retried(lambda: land_staged(run_id=run), deaths, "land")), deaths


def outcome(settings: Settings) -> list[Any]:
    landed = query(
        settings.lake,
        "SELECT source, symbol, minute, open, high, low, close, base_volume, traded"
        " FROM history_minutes ORDER BY minute",
    )[1]
    state = query(
        settings.lake,
        "SELECT run_id, suite, expectation, success, observed FROM quality_results ORDER BY ALL",
    )
    return [landed, state[1]]


def test_a_load_that_dies_at_each_step_and_is_tried_again_lands_the_rows_once(
    spark: SparkSession, tmp_path: Path
) -> None:
    source = tmp_path / "bars.csv"
    source.write_text("".join(f"{line}\n" for line in (SIX, *LINES)))
    environment = make_environment(tmp_path / "var")
    with loading_in_process(spark) as patched:
        for name, value in environment.items():
            patched.setenv(name, value)
        for step in STEPS:
            patched.setattr(*step, dying(getattr(*step)))
        rows, deaths = loaded(source, "r1")
    assert rows == len(LINES)
    assert deaths == ["stage"] * 3 + ["check"] * 2 + ["land"] * 3
    landed, state = outcome(load(environment))
    assert [(int(row[2].timestamp()), row[-1]) for row in landed] == [
        (60, True),
        (120, True),
        (180, False),
        (300, True),
    ]
    assert [None if row[6] is None else int(row[6]) for row in landed] == [1, 2, None, 4]
    assert len(state) == len({row[2] for row in state}) > 10
    assert all(row[3] for row in state)
