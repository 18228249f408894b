"""Minutes of trades, always recomputed whole from the landed rows: late and repeated ones too.

A repeat (a reconnect, a healed hole) is left out by the venue's own trade id: the row that landed
first counts. A minute is complete if no entry of the feed ledger in it records a hole; where
trades are much older than their receipt (a tape), that cannot be said.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

import pyarrow as pa

from include.lake.reading import connect, create_empty_view
from include.lake.tables import TABLES, TRADE_MINUTES
from include.lake.writing import arrow_schema

if TYPE_CHECKING:
    import duckdb

TOUCHED = """
CREATE TEMP TABLE touched AS
SELECT DISTINCT venue, symbol, date_trunc('minute', traded_at) AS minute
FROM trades LEFT JOIN reader_offsets USING ("partition")
WHERE event_index >= 0 AND {which}
"""
NEWER = '"offset" >= coalesce(next_offset, 0)'
OLDER = '"offset" < next_offset'
BETWEEN = "traded_at >= $first AND traded_at < $until"
COUNTED_ALL = "CREATE TEMP VIEW counted AS SELECT * FROM trades"
# What a reader at these offsets has counted: no more than what was landed before them.
COUNTED_BEFORE = f"""
CREATE TEMP VIEW counted AS
SELECT trades.* FROM trades JOIN reader_offsets USING ("partition") WHERE {OLDER}
"""
RECOMPUTE = """
WITH bounds AS (SELECT min(minute) AS first, max(minute) + INTERVAL 1 MINUTE AS until FROM touched),
distinct_trades AS (
    SELECT DISTINCT ON (venue, symbol, trade_id) *, date_trunc('minute', traded_at) AS minute
    FROM counted
    WHERE event_index >= 0 AND traded_at >= (SELECT first FROM bounds)
      AND traded_at < (SELECT until FROM bounds)
    ORDER BY venue, symbol, trade_id, "partition", "offset", event_index),
holes AS (
    SELECT DISTINCT venue, date_trunc('minute', received_time) AS minute FROM feed_ledger
    WHERE entry IN ('connect', 'disconnect', 'gap', 'stale', 'dropped'))
SELECT venue, symbol, minute,
    count(*) FILTER (side = 'buy') AS total_count_buy,
    count(*) FILTER (side = 'sell') AS total_count_sell,
    coalesce(sum(quantity) FILTER (side = 'buy'), 0) AS total_base_buy,
    coalesce(sum(quantity) FILTER (side = 'sell'), 0) AS total_base_sell,
    coalesce(sum(CAST(price * quantity AS DECIMAL(38, 18))) FILTER (side = 'buy'), 0)
        AS total_quote_buy,
    coalesce(sum(CAST(price * quantity AS DECIMAL(38, 18))) FILTER (side = 'sell'), 0)
        AS total_quote_sell,
    arg_min(price, ROW(traded_at, "offset", event_index)) AS open,
    max(price) AS high, min(price) AS low,
    arg_max(price, ROW(traded_at, "offset", event_index)) AS close,
    CAST(sum(price::DOUBLE * quantity::DOUBLE) / sum(quantity::DOUBLE) AS DOUBLE) AS vwap,
    CASE WHEN max(received_time) - max(traded_at) < INTERVAL 1 DAY
         THEN NOT bool_or(holes.minute IS NOT NULL) END AS complete
FROM distinct_trades JOIN touched USING (venue, symbol, minute)
LEFT JOIN holes USING (venue, minute)
GROUP BY venue, symbol, minute ORDER BY venue, symbol, minute
"""
REACHED = 'SELECT "partition", max("offset") + 1 AS next_offset FROM trades GROUP BY 1'


def changed_minutes(lake: str, offsets: Mapping[int, int]) -> tuple[pa.Table, dict[int, int]]:
    """The minutes with trades at or after `offsets`, recomputed, and the next offsets.

    Offsets are those of market.trades by partition; rows have TRADE_MINUTES' columns.
    """
    with _trades(lake, offsets) as connection:
        if connection is None:
            return arrow_schema(TRADE_MINUTES).empty_table(), dict(offsets)
        reached = dict(connection.execute(REACHED).fetchall())
        connection.execute(TOUCHED.format(which=NEWER))
        connection.execute(COUNTED_ALL)
        return _recompute(connection), dict(offsets) | reached


def minutes_between(
    lake: str, first: datetime, until: datetime, *, offsets: Mapping[int, int]
) -> pa.Table:
    """The minutes of trades made from `first` to before `until`, as a reader there holds them."""
    with _trades(lake, offsets) as connection:
        if connection is None:
            return arrow_schema(TRADE_MINUTES).empty_table()
        which = f"{BETWEEN} AND {OLDER}"
        connection.execute(TOUCHED.format(which=which), {"first": first, "until": until})
        connection.execute(COUNTED_BEFORE)
        return _recompute(connection)


def minutes_before(lake: str, offsets: Mapping[int, int]) -> pa.Table:
    """Every minute, from the trades below `offsets` alone: what a reader there must hold."""
    with _trades(lake, offsets) as connection:
        if connection is None:
            return arrow_schema(TRADE_MINUTES).empty_table()
        connection.execute(TOUCHED.format(which=OLDER))
        connection.execute(COUNTED_BEFORE)
        return _recompute(connection)


def _recompute(connection: "duckdb.DuckDBPyConnection") -> pa.Table:
    minutes: pa.Table = connection.sql(RECOMPUTE).to_arrow_table()
    return minutes.cast(arrow_schema(TRADE_MINUTES))


@contextmanager
def _trades(lake: str, offsets: Mapping[int, int]) -> Iterator["duckdb.DuckDBPyConnection | None"]:
    """A connection with trades, ledger and reader offsets; null if no trade was ever landed."""
    connection = connect(lake, ("trades", "feed_ledger"))
    try:
        existing = {row[0] for row in connection.execute("SHOW TABLES").fetchall()}
        if "trades" not in existing:
            yield None
            return
        if "feed_ledger" not in existing:
            create_empty_view(connection, TABLES["feed_ledger"])
        connection.execute(
            'CREATE TEMP TABLE reader_offsets ("partition" INTEGER, next_offset BIGINT)'
        )
        for partition, offset in offsets.items():
            connection.execute("INSERT INTO reader_offsets VALUES (?, ?)", [partition, offset])
        yield connection
    finally:
        connection.close()
