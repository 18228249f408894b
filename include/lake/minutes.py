"""Minutes of trades, always recomputed whole from the landed rows: late and repeated ones too.

A repeat (a reconnect, a healed hole) is left out by the venue's own trade id: the row that landed
first counts. Trades of the continuous book alone are counted: an auction gives one price to many
orders, and a block trade is published long after it was made. A minute is complete if no hole lies
in it or reaches into it (`minute_holes`); where trades are much older than their receipt (a tape),
that is not known.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable

from include.lake.believed_times import RECEIPT
from include.lake.file_selection import (
    files_from_offsets,
    files_in_spans,
    files_not_in,
    join_steps,
    list_files,
    list_uris,
)
from include.lake.floors import whole_minutes_from
from include.lake.minute_holes import (
    find_edges,
    incomplete_sql,
    open_ledger,
    touch_minutes,
)
from include.lake.reading import connect, create_view, open_table
from include.lake.tables import TRADE_MINUTES
from include.lake.writing import arrow_schema
from include.market.time import MINUTE
from include.market.tops import MAX_QUOTE

if TYPE_CHECKING:
    import duckdb

TOUCHED = """
CREATE TEMP TABLE touched AS
SELECT DISTINCT venue, symbol, date_trunc('minute', traded_at) AS minute
FROM examined_trades LEFT JOIN reader_offsets USING ("partition")
WHERE event_index >= 0 AND {condition}
"""
# What retention has dropped cannot be counted again: the minutes that were written stand.
FORGET_DROPPED = "DELETE FROM touched WHERE minute < $whole_from"
NEWER = '"offset" >= coalesce(next_offset, 0)'
CHUNK_HOURS = 6
TOUCHED_MINUTES = "SELECT DISTINCT minute FROM touched ORDER BY minute"
COUNTED_ALL = "CREATE TEMP VIEW counted AS SELECT * FROM trades"
# Trades whose forced order was on one side: the taker's, or against a taker of the other.
LIQUIDATED = (
    "side = '{taker}' AND liquidation IN ('taker', 'both')"
    " OR side = '{maker}' AND liquidation IN ('maker', 'both')"
)
RECOMPUTE = f"""
WITH bounds AS (SELECT min(minute) AS first, max(minute) + INTERVAL 1 MINUTE AS until FROM touched),
distinct_trades AS (
    SELECT DISTINCT ON (venue, symbol, trade_id, minute) *,
        date_trunc('minute', traded_at) AS minute,
        CAST(CASE WHEN amount IS NOT NULL THEN amount
             WHEN price::DOUBLE * quantity::DOUBLE < {MAX_QUOTE} THEN price * quantity
             END AS DECIMAL(38, 18)) AS quote
    FROM counted
    WHERE event_index >= 0 AND condition IS NULL AND traded_at >= (SELECT first FROM bounds)
      AND traded_at < (SELECT until FROM bounds)
    ORDER BY venue, symbol, trade_id, minute, "partition", "offset", event_index),
{incomplete_sql()}
SELECT venue, symbol, minute,
    count(*) FILTER (side = 'buy') AS total_count_buy,
    count(*) FILTER (side = 'sell') AS total_count_sell,
    coalesce(sum(quantity) FILTER (side = 'buy'), 0) AS total_base_buy,
    coalesce(sum(quantity) FILTER (side = 'sell'), 0) AS total_base_sell,
    coalesce(sum(quote) FILTER (side = 'buy'), 0) AS total_quote_buy,
    coalesce(sum(quote) FILTER (side = 'sell'), 0) AS total_quote_sell,
    arg_min(price, ROW(traded_at, "offset", event_index)) AS open,
    max(price) AS high, min(price) AS low,
    arg_max(price, ROW(traded_at, "offset", event_index)) AS close,
    CAST(sum(price::DOUBLE * quantity::DOUBLE) / sum(quantity::DOUBLE) AS DOUBLE) AS vwap,
    CASE WHEN max({RECEIPT}) - max(traded_at) < INTERVAL 1 DAY
         THEN NOT bool_or(incomplete.minute IS NOT NULL) END AS complete,
    count(*) FILTER (liquidation IS NOT NULL) AS liquidation_count,
    coalesce(sum(quantity) FILTER ({LIQUIDATED.format(taker="buy", maker="sell")}), 0)
        AS liquidated_base_buy,
    coalesce(sum(quantity) FILTER ({LIQUIDATED.format(taker="sell", maker="buy")}), 0)
        AS liquidated_base_sell
FROM distinct_trades JOIN touched USING (venue, symbol, minute)
LEFT JOIN incomplete USING (venue, symbol, minute)
GROUP BY venue, symbol, minute ORDER BY venue, symbol, minute
"""
REACHED = 'SELECT "partition", max("offset") + 1 AS next_offset FROM examined_trades GROUP BY 1'


class ChangedMinutes(NamedTuple):
    """Recomputed minutes, next offsets of market.trades by partition, the files counted.

    `ledger_offsets` are those of market.ledger.
    """

    minutes: pa.Table
    offsets: dict[int, int]
    counted_files: frozenset[str]
    ledger_offsets: dict[int, int]


def changed_minutes(
    lake: str,
    offsets: Mapping[int, int],
    *,
    ledger_offsets: Mapping[int, int] | None = None,
    counted_files: frozenset[str] = frozenset(),
) -> ChangedMinutes:
    """The minutes with trades at or after `offsets`, recomputed, in TRADE_MINUTES' columns.

    So are those of which a row of the ledger at or after `ledger_offsets` opens or heals a hole.
    Files of `counted_files` have no such trade: an earlier call that ended at these offsets gave
    them.
    """
    trades = open_table(lake, "trades")
    if trades is None:
        return ChangedMinutes(no_minutes(), dict(offsets), frozenset(), dict(ledger_offsets or {}))
    files = list_files(trades)
    new_files = files_from_offsets(files_not_in(files, counted_files), offsets)
    with open_reader(offsets) as connection:
        create_view(connection, "examined_trades", trades, files=list_uris(new_files))
        next_offsets = {
            partition: max(next_offset, offsets.get(partition, 0))
            for partition, next_offset in connection.execute(REACHED).fetchall()
        }
        connection.execute(TOUCHED.format(condition=NEWER))
        ledger_reached = touch_minutes(connection, lake, files, trades, ledger_offsets or {})
        touched_minutes = fetch_touched_minutes(connection, lake)
    minutes = recompute(lake, trades, files, touched_minutes, offsets=offsets, counted=COUNTED_ALL)
    all_offsets = dict(offsets) | next_offsets
    return ChangedMinutes(minutes, all_offsets, frozenset(list_uris(files)), ledger_reached)


def no_minutes() -> pa.Table:
    """No row in TRADE_MINUTES' columns."""
    return arrow_schema(TRADE_MINUTES).empty_table()


def fetch_touched_minutes(connection: "duckdb.DuckDBPyConnection", lake: str) -> pa.Table:
    """The touched minutes in order, but for those of which retention has dropped trades."""
    connection.execute(FORGET_DROPPED, {"whole_from": whole_minutes_from(lake)})
    touched_minutes: pa.Table = connection.sql("FROM touched ORDER BY ALL").to_arrow_table()
    return touched_minutes


def recompute(
    lake: str,
    trades: DeltaTable,
    files: pa.Table,
    touched_minutes: pa.Table,
    *,
    offsets: Mapping[int, int],
    counted: str,
) -> pa.Table:
    """The touched minutes, from the files that hold trades or ledger entries of their time.

    Some hours at a time: whatever the history, memory holds the trades of those alone.
    """
    if not touched_minutes.num_rows:
        return no_minutes()
    parts = pc.floor_temporal(touched_minutes["minute"], CHUNK_HOURS, unit="hour")
    recomputed = []
    for part in pc.unique(parts):
        with open_reader(offsets) as connection:
            connection.register("chunk", touched_minutes.filter(pc.equal(parts, part)))
            connection.execute("CREATE TEMP TABLE touched AS FROM chunk")
            recomputed.append(_recompute_chunk(connection, lake, trades, files, counted=counted))
    minutes = pa.concat_tables(recomputed)
    return minutes.sort_by([(name, "ascending") for name in TRADE_MINUTES.key])


def _recompute_chunk(
    connection: "duckdb.DuckDBPyConnection",
    lake: str,
    trades: DeltaTable,
    files: pa.Table,
    *,
    counted: str,
) -> pa.Table:
    touched = [minute for (minute,) in connection.execute(TOUCHED_MINUTES).fetchall()]
    spans = join_steps(touched, MINUTE)
    counted_files = list_uris(files_in_spans(files, "traded_at", spans))
    create_view(connection, "trades", trades, files=counted_files)
    open_ledger(connection, lake, start_at=touched[0])
    find_edges(connection, files, trades)
    connection.execute(counted)
    minutes: pa.Table = connection.sql(RECOMPUTE).to_arrow_table()
    return minutes.cast(arrow_schema(TRADE_MINUTES))


@contextmanager
def open_reader(offsets: Mapping[int, int]) -> Iterator["duckdb.DuckDBPyConnection"]:
    """A connection that has the reader's offsets as a table."""
    connection = connect("", ())
    try:
        connection.execute(
            'CREATE TEMP TABLE reader_offsets ("partition" INTEGER, next_offset BIGINT)'
        )
        for partition, offset in offsets.items():
            connection.execute("INSERT INTO reader_offsets VALUES (?, ?)", [partition, offset])
        yield connection
    finally:
        connection.close()
