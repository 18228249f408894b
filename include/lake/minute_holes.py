"""Which minutes of trades have holes, by the feed ledger and the venues' own numbers of trades.

A hole of trade numbers reaches from the last trade before it to the first one behind it: every
minute with trades from the one to the other lacks some, until the hole is healed. What the ledger
reports without numbers, or of frames whose trades are unknown, counts in the minute of its receipt.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pyarrow as pa
from deltalake import DeltaTable

from include.lake.believed_times import RECEIPT
from include.lake.file_selection import files_from_offsets, files_in_spans, list_files, list_uris
from include.lake.open_holes import open_parts_sql
from include.lake.reading import create_empty_view, create_view, open_table
from include.lake.tables import TABLES
from include.lake.views import IS_OF_SUPPLIER, MARKET_LEDGER, create_views
from include.market.time import ALL_TIME, MINUTE
from include.market.venues import (
    BETWEEN_CONNECTIONS,
    DROPPED_TRADES,
    VENUES,
    HealedByRest,
    TradeNumbers,
)

if TYPE_CHECKING:
    import duckdb

LEDGER = "feed_ledger"
# How long before a ledger row the trades lie that it concerns: no venue lists older ones again.
REACH = timedelta(days=7)
INCOMPLETE = """
numbered AS (
    SELECT venue, symbol, minute, min({number}) AS low, max({number}) AS high
    FROM distinct_trades GROUP BY ALL),
{open_parts},
incomplete AS (
    SELECT DISTINCT venue, symbol, minute FROM numbered JOIN parts USING (venue, symbol)
    WHERE minute <= reported_at AND high >= first_seq - 1 AND low <= last_seq + 1
    UNION
    SELECT touched.venue, touched.symbol, touched.minute FROM touched
    JOIN market_ledger row ON row.venue = touched.venue AND row.symbol IN (touched.symbol, '')
        AND date_trunc('minute', {receipt}) = touched.minute
    WHERE {is_point} AND NOT {is_hole}
    UNION FROM edges)
"""
# Whatever else the ledger reports of a venue whose trades have no numbers is a hole.
POINTS = "row.entry IN ('gap', 'jump', 'renumbered', 'dropped')"
UNNUMBERED = "row.entry IN ('connect', 'disconnect', 'stale') AND row.venue NOT IN ({known})"
TOUCHED_BY_LEDGER = """
INSERT INTO touched
SELECT DISTINCT venue, symbol, date_trunc('minute', traded_at) FROM concerned_trades
JOIN new_entries USING (venue, symbol)
WHERE event_index >= 0 AND {number} BETWEEN first_seq - 1 AND last_seq + 1
EXCEPT SELECT venue, symbol, minute FROM touched
"""
NEW_ENTRIES = f"""
CREATE TEMP TABLE new_entries AS
SELECT DISTINCT venue, symbol, first_seq, last_seq, received_time FROM new_ledger
LEFT JOIN ledger_offsets USING ("partition")
WHERE "offset" >= coalesce(next_offset, 0) AND entry IN ('gap', 'dropped', 'healed')
    AND first_seq IS NOT NULL AND last_seq >= first_seq AND NOT {IS_OF_SUPPLIER}
"""
LEDGER_REACHED = 'SELECT "partition", max("offset") + 1 AS next_offset FROM new_ledger GROUP BY 1'
# A connection's beginning is a hole if no trade came before, its end until the next one comes:
# between two trades the venue's numbers show whether one is missing.
EDGES = f"""
SELECT touched.venue, touched.symbol, minute, entry = 'connect', max({RECEIPT})
FROM touched JOIN market_ledger ledger
    ON ledger.venue = touched.venue AND ledger.symbol IN (touched.symbol, '')
    AND date_trunc('minute', {RECEIPT}) = minute
WHERE entry IN ('connect', 'disconnect', 'stale') GROUP BY ALL
"""
EARLIER = "SELECT 1 FROM earlier_trades WHERE venue = ? AND symbol = ? AND traded_at < ? LIMIT 1"
LATER = f"SELECT 1 FROM later_trades WHERE venue = ? AND symbol = ? AND {RECEIPT} > ? LIMIT 1"
# So long after the end of a connection its minute is looked at again, with each new trade.
UNDECIDED = timedelta(hours=1)
EARLIEST_NEWEST = """
SELECT min(minute)
FROM (SELECT max(minute) AS minute FROM touched GROUP BY venue, symbol)"""
TOUCHED_ENDS = f"""
INSERT INTO touched
SELECT DISTINCT newest.venue, newest.symbol, date_trunc('minute', {RECEIPT})
FROM market_ledger ledger
JOIN (SELECT venue, symbol, max(minute) AS minute FROM touched GROUP BY ALL) newest
    ON ledger.venue = newest.venue AND ledger.symbol IN (newest.symbol, '')
WHERE entry IN ('disconnect', 'stale') AND date_trunc('minute', {RECEIPT}) < newest.minute
    AND {RECEIPT} > newest.minute - to_seconds({UNDECIDED.total_seconds()})
EXCEPT SELECT venue, symbol, minute FROM touched
"""


def number_sql() -> str:
    """SQL for the venue's number of a trade in a row of `trades`; null where it has none."""
    by_id = "TRY_CAST(trade_id AS HUGEINT)"
    counted = [name for name, venue in VENUES.items() if venue.trades is TradeNumbers.SEQUENCE]
    in_sequence = f"coalesce(seq_first + event_index, {by_id})"
    return f"CASE WHEN venue IN ({_texts(counted)}) THEN {in_sequence} ELSE {by_id} END"


def hole_sql(alias: str) -> str:
    """SQL for whether a row of the ledger is a hole in the numbers of a symbol's trades."""
    by_rest = {
        HealedByRest.ALWAYS: f"{alias}.venue = '{{}}'",
        HealedByRest.BETWEEN_CONNECTIONS: (
            f"({alias}.venue = '{{}}' AND {alias}.cause = '{BETWEEN_CONNECTIONS}')"
        ),
        HealedByRest.NEVER: "FALSE",
    }
    gaps = [by_rest[venue.healed_by_rest].format(name) for name, venue in VENUES.items()]
    dropping = [name for name, venue in VENUES.items() if venue.heals(DROPPED_TRADES[0])]
    return (
        f"({alias}.first_seq IS NOT NULL AND {alias}.last_seq >= {alias}.first_seq AND "
        f"({alias}.entry = 'gap' AND ({' OR '.join(gaps)}) OR {alias}.entry = 'dropped' "
        f"AND {alias}.cause IN ({_texts(DROPPED_TRADES)}) "
        f"AND {alias}.venue IN ({_texts(dropping)})))"
    )


def incomplete_sql() -> str:
    """The common table expression `incomplete`: venue, symbol and minute of those with a hole."""
    return INCOMPLETE.format(
        receipt=RECEIPT,
        open_parts=open_parts_sql(is_hole=hole_sql("gap"), closed_by=("healed",)),
        number=number_sql(),
        is_point=f"({POINTS} OR {UNNUMBERED.format(known=_texts(VENUES))})",
        is_hole=hole_sql("row"),
    )


def touch_minutes(
    connection: "duckdb.DuckDBPyConnection",
    lake: str,
    files: pa.Table,
    trades: DeltaTable,
    ledger_offsets: Mapping[int, int],
) -> dict[int, int]:
    """Add to `touched` the minutes whose holes the ledger's rows at or after offsets change.

    Gives the next offsets of market.ledger by partition. `files` are those of `trades`.
    """
    ledger = open_table(lake, LEDGER)
    if ledger is None:
        return dict(ledger_offsets)
    new_files = files_from_offsets(list_files(ledger), ledger_offsets)
    create_view(connection, "new_ledger", ledger, files=list_uris(new_files))
    connection.execute('CREATE TEMP TABLE ledger_offsets ("partition" INTEGER, next_offset BIGINT)')
    for partition, offset in ledger_offsets.items():
        connection.execute("INSERT INTO ledger_offsets VALUES (?, ?)", [partition, offset])
    _touch_ends(connection, lake)
    connection.execute(NEW_ENTRIES)
    times = [at for (at,) in connection.execute("SELECT received_time FROM new_entries").fetchall()]
    if times:
        span = (min(times) - REACH, max(times) + MINUTE)
        within = files_in_spans(files, "traded_at", [span])
        create_view(connection, "concerned_trades", trades, files=list_uris(within))
        connection.execute(TOUCHED_BY_LEDGER.format(number=number_sql()))
    return dict(ledger_offsets) | {
        partition: max(next_offset, ledger_offsets.get(partition, 0))
        for partition, next_offset in connection.execute(LEDGER_REACHED).fetchall()
    }


def _touch_ends(connection: "duckdb.DuckDBPyConnection", lake: str) -> None:
    """Add the minutes in which a connection ended shortly before the touched ones."""
    (earliest,) = connection.execute(EARLIEST_NEWEST).fetchone() or (None,)
    if earliest is None:
        return
    open_ledger(connection, lake, start_at=earliest - UNDECIDED)
    connection.execute(TOUCHED_ENDS)
    connection.execute(f"DROP VIEW {LEDGER}")  # the minutes added may need more of it


def open_ledger(connection: "duckdb.DuckDBPyConnection", lake: str, *, start_at: datetime) -> None:
    """A view of the ledger's rows that can concern minutes from `start_at` on; of feeds alone."""
    ledger = open_table(lake, LEDGER)
    if ledger is None:
        create_empty_view(connection, TABLES[LEDGER])
    else:
        entries = files_in_spans(list_files(ledger), "received_time", [(start_at, ALL_TIME[1])])
        create_view(connection, LEDGER, ledger, files=list_uris(entries))
    create_views(connection, MARKET_LEDGER)


def find_edges(
    connection: "duckdb.DuckDBPyConnection", files: pa.Table, trades: DeltaTable
) -> None:
    """Make `edges`: touched minutes in which the trades of a symbol began, or have ended so far."""
    connection.execute("CREATE TEMP TABLE edges (venue TEXT, symbol TEXT, minute TIMESTAMPTZ)")
    edge_rows = connection.execute(EDGES).fetchall()
    if not edge_rows:
        return
    minutes, times = [row[2] for row in edge_rows], [row[4] for row in edge_rows]
    before = files_in_spans(files, "traded_at", [(ALL_TIME[0], max(minutes))])
    create_view(connection, "earlier_trades", trades, files=list_uris(before))
    behind = files_in_spans(files, "received_time", [(min(times), ALL_TIME[1])])
    create_view(connection, "later_trades", trades, files=list_uris(behind))
    for venue, symbol, minute, is_beginning, at in edge_rows:
        statement, bound = (EARLIER, minute) if is_beginning else (LATER, at)
        if not connection.execute(statement, [venue, symbol, bound]).fetchone():
            connection.execute("INSERT INTO edges VALUES (?, ?, ?)", [venue, symbol, minute])


def _texts(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in names) or "NULL"
