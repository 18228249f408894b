"""Retention of tables that are made from others: rows older than their days are deleted.

Nothing is sealed of them: they follow from the landed tables, whose rows the audit remembers. The
table's log remembers up to when rows were dropped (`include/lake/floors.py`).
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta

from deltalake.exceptions import CommitFailedError

from include.clock import utc_now
from include.lake.believed_times import newest_in
from include.lake.columns import Table
from include.lake.derived_tables import (
    BOOK_CHECKPOINTS,
    BOOK_SECONDS,
    FORECAST_EVALUATIONS,
    QUALITY_RESULTS,
)
from include.lake.floors import DROPPED_UNTIL, whole_minutes_from
from include.lake.reading import open_table
from include.lake.tables import FORECASTS, SIGNALS, TRADE_MINUTES
from include.lake.writing import delete_before
from include.settings import Settings

TIME_OF = {
    SIGNALS: "timestamp",
    TRADE_MINUTES: "minute",
    FORECASTS: "trained_until",  # so that a forecast goes whole
    FORECAST_EVALUATIONS: "evaluated_at",
    QUALITY_RESULTS: "checked_at",
    BOOK_SECONDS: "second",
    BOOK_CHECKPOINTS: "received_time",
}
ATTEMPTS = 5  # the table's own writer may merge into a file that is read
ExcludeWriters = Callable[[str], AbstractContextManager[object]]


def drop_derived_rows(
    settings: Settings, *, exclude_writers: ExcludeWriters = lambda _: nullcontext()
) -> dict[str, int]:
    """Delete the rows older than the settings keep, counted back from the newest, by table.

    A row of the future makes no other one old. Minutes go below the floors of
    their trades alone: above them each is made again.

    Raises:
        CommitFailedError: another writer replaced the same files again and again.
    """
    days = settings.lake_keep_days.by_derived_table
    row_counts = {}
    for table in TIME_OF:
        if table.name in days:
            with exclude_writers(table.name):
                row_counts[table.name] = _drop_rows(
                    settings.lake, table, timedelta(days=days[table.name])
                )
    return row_counts


def _drop_rows(lake: str, table: Table, keep: timedelta) -> int:
    newest_at = newest_in(open_table(lake, table.name), TIME_OF[table], now=utc_now())
    if newest_at is None:
        return 0
    for attempt in range(ATTEMPTS):
        before_at = newest_at - keep
        if table is TRADE_MINUTES:
            before_at = min(before_at, whole_minutes_from(lake))
        watermarks = {DROPPED_UNTIL: int(before_at.timestamp())}
        try:
            return delete_before(
                lake, table, column=TIME_OF[table], before_at=before_at, watermarks=watermarks
            )
        except CommitFailedError:
            if attempt == ATTEMPTS - 1:
                raise
    raise AssertionError(ATTEMPTS)
