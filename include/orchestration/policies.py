"""The policies that all DAGs share: retries, failures, schedules, and how parameters are read."""

import functools
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from airflow.sdk import Asset, CronTriggerTimetable, Param, task
from airflow.sdk.exceptions import AirflowFailException

from include.errors import HistoryError, Permanent
from include.market.time import parse_iso_time
from include.orchestration.alerting import alert_task_failure, make_deadline
from include.settings import from_environment

# Two retries: an address or database that was restarting is back within a minute. What no retry
# can fix fails at once (see `step`). The time limit ends work that hangs. No start date: with one,
# a new installation would begin with a run for the night before, when there was no history (see
# `at`).
POLICY: dict[str, Any] = {
    "catchup": False,
    "max_active_runs": 1,
    "tags": ["tickhouse"],
    "deadline": make_deadline(from_environment().alerts.deadline_minutes),
    "default_args": {
        "on_failure_callback": alert_task_failure,
        "owner": "tickhouse",
        "retries": 2,
        "retry_delay": timedelta(seconds=20),
        "execution_timeout": timedelta(minutes=30),
    },
}


def cron_timetable(cron: str) -> CronTriggerTimetable:
    """The times of a cron expression, in UTC, from the next one on.

    Airflow by itself begins with the last one if that is a tenth of the interval ago, at most: two
    hours of each night in which a new world would begin with a failed training.
    """
    return CronTriggerTimetable(cron, timezone="UTC", run_immediately=timedelta(seconds=1))


def step(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """An Airflow task that fails without a retry on an error that a retry cannot fix."""

    def decorate(task_function: Callable[..., Any]) -> Any:
        @functools.wraps(task_function)
        def run_task(*args: Any, **named: Any) -> Any:
            try:
                return task_function(*args, **named)
            except Permanent as error:
                raise AirflowFailException(f"{type(error).__name__}: {error}") from error

        return task(**options)(run_task)

    return decorate


def text_param(description: str) -> Param:
    """A parameter that may be left empty."""
    return Param(None, type=["null", "string"], description=description)


def number_param(description: str, *, minimum: int) -> Param:
    """A whole number that may be left empty."""
    return Param(None, type=["null", "integer"], minimum=minimum, description=description)


def parse_time(parameter: str | None) -> datetime | None:
    """A parameter's text as an aware UTC time; none if it is empty.

    Raises:
        HistoryError: it is not an ISO time, or outside `include.market.time.ALL_TIME`.
    """
    if not parameter:
        return None
    try:
        return parse_iso_time(parameter)
    except ValueError as error:
        raise HistoryError(str(error)) from error


def newest_by(asset_events: Mapping[Any, Any], asset: Asset, *, key: str, value: str) -> list[Any]:
    """Of the asset events that started this run, one entry of the newest extra of each `key`.

    Empty if the run was started by hand.
    """
    extras = [event.extra for event in asset_events.get(asset) or []]
    return list({extra[key]: extra[value] for extra in extras if key in extra}.values())
