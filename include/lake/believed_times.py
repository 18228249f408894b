"""Which times of rows are believed: the SQL of `include/market/time.py`, for every reader.

A receipt is believed up to its record's stamp, and a newest time up to the clock: a record of 2099
moves neither. What has no stamp (a minute, a signal, a row of Postgres) has the clock alone.
"""

from contextlib import closing
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable

from include.lake.file_selection import list_files, list_statistics, list_uris
from include.lake.reading import connect, create_view
from include.market.time import (
    AHEAD_OF_RECEIPT_US,
    CLOCKS_APART,
    EARLIEST_US,
    LATEST_US,
    SECOND_US,
    from_epoch_us,
    newest_believed_at,
)

AHEAD = f"INTERVAL '{AHEAD_OF_RECEIPT_US // SECOND_US}' SECOND"
_EARLIEST, _LATEST = (
    f"TIMESTAMP '{from_epoch_us(bound_us):%Y-%m-%d %H:%M:%S}'"
    for bound_us in (EARLIEST_US, LATEST_US)
)
# As `believed_receipt` has it, in the SQL of DuckDB and of Spark, whose sessions are in UTC.
RECEIPT = f"""CASE WHEN kafka_time >= {_EARLIEST} AND kafka_time < {_LATEST}
    AND received_time > kafka_time + {AHEAD} THEN kafka_time ELSE received_time END"""


def newest_sql(column: str, source: str, *, now: str = "now()") -> str:
    """`newest_believed_at` of a column, in SQL of DuckDB and of Postgres; null without a row."""
    newest = f"SELECT max({column}) FROM {source}"
    return f"coalesce(({newest} WHERE {column} <= {now} + {AHEAD}), ({newest}))"


def newest_of(column: str, *, now: str = "now()") -> str:
    """`newest_believed_at` of a column as an aggregate, in the same SQL."""
    return f"coalesce(max({column}) FILTER ({column} <= {now} + {AHEAD}), max({column}))"


def newest_in_column(time_column: pa.ChunkedArray, *, now: datetime) -> datetime | None:
    """`newest_believed_at` of a column of times."""
    return newest_believed_at(pc.unique(time_column).to_pylist(), now=now)


def newest_in(table: DeltaTable | None, column: str, *, now: datetime) -> datetime | None:
    """`newest_believed_at` of a table's column; null without the column, the table or a row.

    The table's log has it, but for files that hold later times beside believed ones.
    """
    if table is None:
        return None
    files, latest = list_files(table), now + CLOCKS_APART
    oldest, newest = (list_statistics(files, f"{side}.{column}") for side in ("min", "max"))
    mixed_files = [
        uri
        for uri, low, high in zip(list_uris(files), oldest, newest, strict=True)
        if high is not None and high > latest and (low is None or low <= latest)
    ]
    if mixed_files:
        with closing(connect("", ())) as connection:
            create_view(connection, "mixed", table, files=mixed_files)
            statement = f'SELECT max("{column}") FROM mixed WHERE "{column}" <= $latest'
            newest += connection.execute(statement, {"latest": latest}).fetchone() or ()
    return newest_believed_at(newest, now=now)
