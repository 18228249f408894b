"""Retention of tables that are made from others: rows older than their days are deleted.

Nothing is sealed of them: they follow from the landed tables, whose rows the audit remembers.
"""

from datetime import UTC, datetime, timedelta

from deltalake.exceptions import CommitFailedError

from include.lake.columns import Table
from include.lake.derived_tables import BOOK_CHECKPOINTS, BOOK_SECONDS
from include.lake.file_selection import newest_in
from include.lake.reading import open_table
from include.lake.writing import delete_before
from include.settings import Settings

TIME_OF = {BOOK_SECONDS: "second", BOOK_CHECKPOINTS: "received_time"}
ATTEMPTS = 5  # the minutes process may merge into a file that is read


def drop_derived_rows(settings: Settings) -> dict[str, int]:
    """Delete the rows older than the settings keep, counted back from the newest, by table.

    A row of the future makes no other one old: from now on, then.

    Raises:
        CommitFailedError: another writer replaced the same files again and again.
    """
    days = settings.lake_keep_days.by_derived_table
    return {
        table.name: _drop_rows(settings.lake, table, timedelta(days=days[table.name]))
        for table in TIME_OF
        if table.name in days
    }


def _drop_rows(lake: str, table: Table, keep: timedelta) -> int:
    newest_at = newest_in(open_table(lake, table.name), TIME_OF[table])
    if newest_at is None:
        return 0
    for attempt in range(ATTEMPTS):
        try:
            before_at = min(newest_at, datetime.now(UTC)) - keep
            return delete_before(lake, table, column=TIME_OF[table], before_at=before_at)
        except CommitFailedError:
            if attempt == ATTEMPTS - 1:
                raise
    raise AssertionError(ATTEMPTS)
