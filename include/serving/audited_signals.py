"""The audit of the signals that Postgres serves: the lake's rows, but for those that wait."""

import time
from datetime import timedelta
from typing import TYPE_CHECKING

from include.checks import Check
from include.lake.audit.differences import check_served_rows
from include.lake.believed_times import newest_sql
from include.lake.floors import whole_minutes_from
from include.lake.reading import connect, create_empty_view, create_view, open_table
from include.lake.tables import SIGNALS
from include.serving.added_files import find_added_files, read_served
from include.serving.connection import Dsn

if TYPE_CHECKING:
    import pyarrow as pa

ATTEMPTS, PAUSE_S = 4, 3.0  # a version is served within seconds
BOUNDS = f"""
CREATE TABLE bounds AS SELECT
    {newest_sql('"timestamp"', "signals")} - $keep AS due_from,
    $dropped_until AS dropped_until"""
# Postgres may have more than it must: its retention runs once a day.
KEY = ", ".join(SIGNALS.key)
LANDED = f"""
CREATE VIEW landed AS SELECT signals.* FROM signals, bounds
WHERE "timestamp" >= dropped_until AND (
    "timestamp" >= due_from AND ({KEY}) NOT IN (SELECT ({KEY}) FROM waiting)
    OR ({KEY}) IN (SELECT ({KEY}) FROM of_postgres))"""
SERVED = """
CREATE VIEW served AS
SELECT of_postgres.* FROM of_postgres, bounds WHERE "timestamp" >= dropped_until"""


def audit_signals(dsn: Dsn, lake: str, *, keep_days: int) -> Check:
    """`check_signals` of Postgres, once it has been served the newest version or had its time.

    Raises:
        Unreachable: the server does not answer, or the table is not made yet.
    """
    for attempt in range(ATTEMPTS):
        next_version, served = read_served(dsn, SIGNALS)
        if attempt == ATTEMPTS - 1 or _is_current(lake, next_version):
            break
        time.sleep(PAUSE_S)
    return check_signals(lake, served, next_version=next_version, keep_days=keep_days)


def check_signals(lake: str, served: "pa.Table", *, next_version: int, keep_days: int) -> Check:
    """Whether Delta and Postgres have the same signals of the last `keep_days`, older ones too.

    `served` are Postgres' rows, served from the lake's versions below `next_version`: signals of
    newer versions may still be missing from it, whatever their window. Older than `keep_days`,
    Postgres may have some, which are the lake's too.
    """
    bounds = {
        "keep": timedelta(days=keep_days),
        "dropped_until": whole_minutes_from(lake, SIGNALS.name),
    }
    table = open_table(lake, SIGNALS.name)
    with connect("", ()) as connection:
        if table is None:
            create_empty_view(connection, SIGNALS)
            connection.execute("CREATE VIEW waiting AS FROM signals")
        else:  # of one version, however many more land meanwhile
            is_behind = next_version not in (0, table.version() + 1)
            waiting = find_added_files(table, next_version) if is_behind else []
            create_view(connection, SIGNALS.name, table)
            create_view(connection, "waiting", table, files=waiting)
        connection.register("of_postgres", served)
        connection.execute(BOUNDS, bounds)
        connection.execute(LANDED)
        connection.execute(SERVED)
        return check_served_rows(connection, SIGNALS, count=served.num_rows)


def _is_current(lake: str, next_version: int) -> bool:
    table = open_table(lake, SIGNALS.name)
    return next_version == (0 if table is None else table.version() + 1)
