"""The audit of the signals that Postgres serves: the same rows as the lake's, in its span."""

from typing import TYPE_CHECKING

from include.checks import Check
from include.lake.reading import connect
from include.lake.tables import SIGNALS

if TYPE_CHECKING:
    import pyarrow as pa

LIMIT = 5
# Compared as sets, in DuckDB: there are millions of them in the days that Postgres keeps.
DIFFERENT = """
WITH span AS (SELECT min(window_start) AS first, max(window_start) AS last FROM in_postgres),
in_delta AS (
    SELECT signals.* FROM signals, span
    WHERE first IS NULL OR window_start BETWEEN first AND last
)
SELECT venue, symbol, type, window_start, p.value, d.value, p.timestamp, d.timestamp,
    count(*) OVER () AS faults
FROM (SELECT *, row_number() OVER (PARTITION BY {key}) AS copy FROM in_postgres) p
FULL JOIN (SELECT *, row_number() OVER (PARTITION BY {key} ORDER BY value) AS copy FROM in_delta) d
USING ({key}, copy)
WHERE p.value IS DISTINCT FROM d.value OR p.timestamp IS DISTINCT FROM d.timestamp
ORDER BY {key} LIMIT {limit}
""".format(key=", ".join(SIGNALS.key), limit=LIMIT)


def check_signals(lake: str, in_postgres: "pa.Table") -> Check:
    """Whether Delta and Postgres hold the same signals, from Postgres' first window to its last.

    `in_postgres` has the table's columns and was read before: Delta gets a signal first. Outside
    of its span are rows that its retention deleted, and those that are not in it yet.
    """
    with connect(lake, [SIGNALS.name], all_tables=True) as connection:
        connection.register("in_postgres", in_postgres)
        different = connection.execute(DIFFERENT).fetchall()
    if not different:
        detail = f"{in_postgres.num_rows} signals are the same in Postgres and Delta"
        return Check("I3 signals", True, detail)
    remedy = "`./tickhouse doctor --repair` rebuilds what Postgres serves from the lake"
    first = "; ".join(
        f"{venue} {symbol} {kind} {start:%Y-%m-%d %H:%M}: {served} in Postgres, {landed} in Delta"
        if served != landed
        else f"{venue} {symbol} {kind} {start:%Y-%m-%d %H:%M}: window until {until} in Postgres, "
        f"until {landed_until} in Delta"
        for venue, symbol, kind, start, served, landed, until, landed_until, _ in different
    )
    return Check("I3 signals", False, f"{different[0][-1]} signals differ: {first}; {remedy}")
