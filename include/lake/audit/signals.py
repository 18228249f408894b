"""The audit of the signals that Postgres serves: the same rows as the lake's, in its span."""

from typing import TYPE_CHECKING

from include.checks import Check
from include.lake.audit.differences import check_served_rows
from include.lake.reading import connect
from include.lake.tables import SIGNALS

if TYPE_CHECKING:
    import pyarrow as pa

SPAN = """
CREATE VIEW landed AS
SELECT signals.* FROM signals,
    (SELECT min(window_start) AS first, max(window_start) AS last FROM served)
WHERE first IS NULL OR window_start BETWEEN first AND last
"""


def check_signals(lake: str, served: "pa.Table") -> Check:
    """Whether Delta and Postgres hold the same signals, from Postgres' first window to its last.

    `served` has the table's columns and was read from Postgres before: Delta gets a signal first.
    Outside of its span are rows that its retention deleted, and those that are not in it yet.
    """
    with connect(lake, [SIGNALS.name], all_tables=True) as connection:
        connection.register("served", served)
        connection.execute(SPAN)
        return check_served_rows(connection, SIGNALS, count=served.num_rows)
