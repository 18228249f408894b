"""Notes of runs in Airflow's UI."""

import logging
from urllib.parse import quote

from include.errors import PlatformError, Unreachable
from include.log import event
from include.settings import Settings

log = logging.getLogger("tickhouse.orchestration")


def note_at(settings: Settings, *, dag: str, run_id: str, text: str) -> None:
    """Set the note of a run; a run outside of Airflow's server (`airflow dags test`) has none."""
    from include.local.airflow import AirflowApi

    try:
        AirflowApi(settings).note(dag, run_id, text)
    except (Unreachable, PlatformError) as error:
        log.warning(event("run note not written", run=run_id, cause=error))


def failure_note(task: str, *, run_id: str, message: str, gate: bool) -> str:
    """The note of a run that failed: which task, why, and where the report of its gate is.

    Airflow shows a note's first line until it is clicked, so the reason begins there.
    """
    first_line, *other_lines = message.strip().splitlines() or ["no message"]
    lines = [f"**{task} failed:** {first_line}", *other_lines]
    if gate:
        lines.append(f"[Quality report](/tickhouse/quality/{quote(run_id, safe='')})")
    return "\n\n".join(lines)
