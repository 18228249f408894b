"""The newest tickers, a price a second and symbol, read without opening the files before them."""

from collections.abc import Sequence
from datetime import timedelta

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from include.clock import utc_now
from include.lake.believed_times import newest_in, newest_of
from include.lake.reading import open_table
from include.market.time import CLOCK_AHEAD_US, EPOCH

# Deeper than any ticker is late: a feed's backlog after a broker's absence is drained in order.
LATE = timedelta(minutes=5)
# Whatever is further ahead of its receipt than clocks differ counts at its receipt.
AT = f"""CASE WHEN venue_time <= received_time + to_microseconds({CLOCK_AHEAD_US})
    THEN venue_time ELSE received_time END"""
MARKET_TIME = f"""
SELECT {newest_of(AT, now="$now")} FROM tickers"""
# Of one venue a symbol: two have two prices, and a series of both would jump each second.
SECONDS = f"""
WITH recent AS (
    SELECT *, date_trunc('second', {AT}) AS "at",
        coalesce(nullif(list_position($venues::VARCHAR[], venue), 0), 1000) AS rank
    FROM tickers WHERE {AT} > $since AND {AT} <= $until AND "last" IS NOT NULL),
chosen AS (SELECT symbol, arg_min(venue, ROW(rank, venue)) AS venue FROM recent GROUP BY symbol)
SELECT symbol, "at", median("last"::DOUBLE) AS close
FROM recent JOIN chosen USING (symbol, venue) GROUP BY ALL ORDER BY ALL
"""


def newest_seconds(lake: str, *, seconds: int, venues: Sequence[str] = ()) -> pd.DataFrame:
    """Rows (symbol, `ds` naive UTC, close) of the `seconds` before the newest ticker landed.

    Of several venues the first of `venues` that has any of the symbol counts, else the first by
    name; of several tickers in one second the median. Empty if there is no ticker.
    """
    empty = pd.DataFrame({"symbol": [], "ds": pd.DatetimeIndex([]), "close": []})
    table = open_table(lake, "tickers")
    if table is None:
        return empty
    now = utc_now()
    upto = newest_in(table, "received_time", now=now) or EPOCH
    earliest = pa.scalar(upto - timedelta(seconds=seconds) - LATE, pa.timestamp("us", tz="UTC"))
    is_recent = pc.field("received_time") > earliest
    columns = ["venue", "symbol", "venue_time", "received_time", "last"]
    rows = table.to_pyarrow_dataset().to_table(columns=columns, filter=is_recent)
    connection = duckdb.connect()
    try:
        connection.execute("SET TimeZone = 'UTC'")
        connection.register("tickers", rows)
        row = connection.execute(MARKET_TIME, {"now": now}).fetchone()
        if row is None or row[0] is None:
            return empty
        # a tape's own times lie far before their receipt: the market clock is the newest of them
        first = row[0] - timedelta(seconds=seconds)
        bindings = {"since": first, "until": row[0], "venues": list(venues)}
        prices_df = connection.execute(SECONDS, bindings).df()
    finally:
        connection.close()
    ds = prices_df["at"].dt.tz_convert("UTC").dt.tz_localize(None).astype("datetime64[ns]")
    return pd.DataFrame({"symbol": prices_df["symbol"], "ds": ds, "close": prices_df["close"]})
