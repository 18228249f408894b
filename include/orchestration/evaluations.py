"""What the task that evaluates a model's recipe does, with this process's settings and clock."""

import logging
from datetime import UTC, datetime, timedelta

from include.orchestration.notes import note_at
from include.settings import from_environment

log = logging.getLogger("tickhouse.orchestration")
MINUTE = timedelta(minutes=1)


def evaluate_model(name: str, *, dag: str, run: str) -> str:
    """Backtest a kept model's recipe; write the figures down, draw them, and note them at the run.

    Gives the note's text.
    """
    from include.forecast import evaluating, training

    settings = from_environment()
    record = training.record_of(settings, name)
    found = evaluating.evaluate(
        settings, symbol=record.symbol, as_of=record.as_of, run_id=run, now=datetime.now(UTC),
        span=record.trained_until - record.trained_from + MINUTE,
    )  # fmt: skip
    log.info("%s", evaluating.as_table(found))
    text = evaluating.as_note(found)
    note_at(settings, dag=dag, run=run, text=text)
    return text
