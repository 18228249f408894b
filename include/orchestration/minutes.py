"""What the task of `restate_minutes` does, with this process's clock."""

from datetime import UTC, datetime, timedelta

from include.errors import HistoryError
from include.orchestration.subprocesses import run_module

USUAL = timedelta(days=2)


def restate_span(*, first: datetime | None, until: datetime | None) -> int:
    """Write the minutes from `first` to before `until` anew; give their number.

    Raises:
        HistoryError: the span is empty.
    """
    end = until or datetime.now(UTC)
    start = first or end - USUAL
    if start >= end:
        raise HistoryError(f"no minute lies between {start.isoformat()} and {end.isoformat()}")
    return int(run_module("streaming.minutes", start.isoformat(), end.isoformat()))
