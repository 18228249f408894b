"""Alerts from Airflow: a task that failed with no retry left, a missed deadline.

Airflow drops what a callback raises, and with it the alert: these never raise, and report
whatever the error is.
"""

import asyncio
import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from airflow.sdk.definitions.callback import AsyncCallback
from airflow.sdk.definitions.deadline import DeadlineAlert, DeadlineReference

from include import alerts
from include.errors import first_line
from include.log import event
from include.orchestration.notes import failure_note, note_at
from include.settings import Settings, from_environment

GATE = "GateFailed:"  # the error's class, as `step` puts it before its message
FINISHED = frozenset({"success", "failed"})
PUBLISHING = "publish_forecast"  # there it is a model's forecast that fails the gate
log = logging.getLogger("tickhouse.orchestration")


def alert_task_failure(context: Mapping[str, Any]) -> None:
    """Alert that a task failed with no retry left (Airflow's `on_failure_callback`).

    The reason also becomes the note of the run. It never raises.
    """
    try:
        settings, task = from_environment(), context.get("ti")
        dag, name, run_id = (
            str(getattr(task, attribute, "unknown"))
            for attribute in ("dag_id", "task_id", "run_id")
        )
        message = _describe_error(context.get("exception"))
        alert = alerts.Alert(
            kind=_kind_of_alert(dag, message),
            title=f"{dag}.{name} failed: {first_line(message)[:200]}",
            detail=message,
            link=run_link(settings, dag, run_id),
        )
        alerts.send(settings, alert)
        note = failure_note(name, run_id=run_id, message=message, gate=message.startswith(GATE))
        note_at(settings, dag=dag, run_id=run_id, text=note)
    except Exception as error:
        log.error(event("failure not reported", error=repr(error)))


def _describe_error(exception: object) -> str:
    """An exception's text; the name of its class if it has none."""
    if exception is None:
        return "no message"
    text = str(exception)
    return text if text.strip() else type(exception).__name__


def _kind_of_alert(dag: str, message: str) -> str:
    if not message.startswith(GATE):
        return alerts.TASK_FAILED
    return alerts.MODEL_REFUSED if dag == PUBLISHING else alerts.GATE_FAILED


async def alert_missed_deadline(minutes: int, context: Mapping[str, Any] | None = None) -> None:
    """Alert that a run is late (in Airflow's triggerer, which must not wait for the network).

    Airflow drops the deadline of a run that succeeded, but not of one that failed. It never raises.
    """
    try:
        run: Mapping[str, Any] = (context or {}).get("dag_run") or {}
        if run.get("state") not in FINISHED:
            await asyncio.to_thread(_report_late, run, minutes)
    except Exception as error:
        log.error(event("deadline not reported", error=repr(error)))


def _report_late(run: Mapping[str, Any], minutes: int) -> None:
    settings = from_environment()
    dag, name = str(run.get("dag_id", "a DAG")), str(run.get("dag_run_id", run.get("run_id", "")))
    alert = alerts.Alert(
        kind=alerts.DEADLINE_MISSED,
        title=f"{dag} is not over after {minutes} min",
        detail=f"run {name}",
        link=run_link(settings, dag, name),
    )
    alerts.send(settings, alert)


def run_link(settings: Settings, dag: str, run_id: str) -> str:
    """The page of a run in Airflow's UI."""
    return f"{settings.airflow_url}/dags/{dag}/runs/{run_id}"


def make_deadline(minutes: int) -> DeadlineAlert:
    """An alert for a run that has not finished so many minutes after it was queued."""
    return DeadlineAlert(
        reference=DeadlineReference.DAGRUN_QUEUED_AT,
        interval=timedelta(minutes=minutes),
        callback=AsyncCallback(alert_missed_deadline, kwargs={"minutes": minutes}),
        name=f"over within {minutes} min",
    )
