"""Notes beside a run in Airflow's UI: where a person looks first."""

import logging
from urllib.parse import quote

from include.errors import PlatformError, Unreachable
from include.log import event
from include.settings import Settings

log = logging.getLogger("tickhouse.orchestration")


def note_at(settings: Settings, *, dag: str, run: str, text: str) -> None:
    """Put a note at a run; one outside of Airflow's server (`airflow dags test`) has none."""
    from include.local.airflow import AirflowApi

    try:
        AirflowApi(settings).note(dag, run, text)
    except (Unreachable, PlatformError) as error:
        log.warning(event("no note at the run", run=run, cause=error))


def failure(task: str, *, run: str, said: str, gate: bool) -> str:
    """The note of a run that failed: which task, why, and where the report of its gate is.

    Airflow shows a note's first line until it is clicked, so the reason begins there.
    """
    first, *more = said.strip().splitlines() or ["no word"]
    lines = [f"**{task} failed:** {first}", *more]
    if gate:
        lines.append(f"[Quality report](/tickhouse/quality/{quote(run, safe='')})")
    return "\n\n".join(lines)
