"""Minutes recounted from the trades below a reader's offsets: what the reader must hold."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from typing import TYPE_CHECKING

import pyarrow as pa
from deltalake import DeltaTable

from include.lake.file_selection import files_from_offsets, files_in_spans, list_files, list_uris
from include.lake.minutes import TOUCHED, fetch_touched_minutes, no_minutes, open_reader, recompute
from include.lake.reading import create_view, open_table

if TYPE_CHECKING:
    import duckdb

TOUCHED_DAYS = "SELECT DISTINCT CAST(minute AS DATE) FROM touched"
OLDER = '"offset" < next_offset'
BETWEEN = "traded_at >= $first AND traded_at < $until"
UNMOVED = "FROM counted_minutes ANTI JOIN touched USING (venue, symbol, minute)"
# What a reader at these offsets has counted: no more than what was landed before them.
COUNTED_BEFORE = f"""
CREATE TEMP VIEW counted AS
SELECT trades.* FROM trades JOIN reader_offsets USING ("partition") WHERE {OLDER}
"""


def minutes_between(
    lake: str, start_at: datetime, end_at: datetime, *, offsets: Mapping[int, int]
) -> pa.Table:
    """Minutes of trades made from `start_at` to before `end_at`, as a reader there holds them."""
    trades = open_table(lake, "trades")
    if trades is None:
        return no_minutes()
    files = list_files(trades)
    with open_reader(offsets) as connection:
        within = files_in_spans(files, "traded_at", [(start_at, end_at)])
        create_view(connection, "examined_trades", trades, files=list_uris(within))
        condition = f"{BETWEEN} AND {OLDER}"
        connection.execute(
            TOUCHED.format(condition=condition), {"first": start_at, "until": end_at}
        )
        touched_minutes = fetch_touched_minutes(connection, lake)
    return recompute(lake, trades, files, touched_minutes, offsets=offsets, counted=COUNTED_BEFORE)


def minutes_before(lake: str, offsets: Mapping[int, int]) -> pa.Table:
    """Every minute, from the trades below `offsets` alone: what a reader there must hold."""
    trades = open_table(lake, "trades")
    if trades is None:
        return no_minutes()
    files = list_files(trades)
    with open_reader(offsets) as connection:
        create_view(connection, "examined_trades", trades, files=list_uris(files))
        connection.execute(TOUCHED.format(condition=OLDER))
        touched_minutes = fetch_touched_minutes(connection, lake)
    return recompute(lake, trades, files, touched_minutes, offsets=offsets, counted=COUNTED_BEFORE)


def move_minutes(
    lake: str,
    counted_minutes: pa.Table,
    *,
    old_offsets: Mapping[int, int],
    offsets: Mapping[int, int],
) -> pa.Table:
    """What `minutes_before` gives at `offsets`, from what it gave at `old_offsets`.

    Only minutes with trades between the two are recomputed.
    """
    trades = open_table(lake, "trades")
    if trades is None:
        return no_minutes()
    files = list_files(trades)
    with _touch_between(trades, files, old_offsets, offsets) as connection:
        touched_minutes = fetch_touched_minutes(connection, lake)
        connection.register("counted_minutes", counted_minutes)
        unmoved = connection.sql(UNMOVED).to_arrow_table().cast(counted_minutes.schema)
    recomputed = recompute(
        lake, trades, files, touched_minutes, offsets=offsets, counted=COUNTED_BEFORE
    )
    return pa.concat_tables([unmoved, recomputed])


def list_traded_days(
    lake: str, offsets: Mapping[int, int], other_offsets: Mapping[int, int]
) -> set[date]:
    """The days (UTC) of which readers at these offsets can hold other minutes."""
    trades = open_table(lake, "trades")
    if trades is None:
        return set()
    with _touch_between(trades, list_files(trades), offsets, other_offsets) as connection:
        return {day for (day,) in connection.execute(TOUCHED_DAYS).fetchall()}


@contextmanager
def _touch_between(
    trades: DeltaTable,
    files: pa.Table,
    offsets: Mapping[int, int],
    other_offsets: Mapping[int, int],
) -> Iterator["duckdb.DuckDBPyConnection"]:
    """A connection with the minutes as `touched` that have trades between two readers' offsets."""
    parts = {*offsets, *other_offsets}
    bounds = {part: (offsets.get(part, 0), other_offsets.get(part, 0)) for part in parts}
    lowest = {part: min(pair) for part, pair in bounds.items()}
    with open_reader({part: max(pair) for part, pair in bounds.items()}) as connection:
        between = list_uris(files_from_offsets(files, lowest))
        create_view(connection, "examined_trades", trades, files=between)
        not_below = " OR ".join(
            f'"partition" = {part} AND "offset" >= {offset}' for part, offset in lowest.items()
        )
        connection.execute(TOUCHED.format(condition=f"{OLDER} AND ({not_below or 'FALSE'})"))
        yield connection
