"""What is asked of the lake for one book: its connections, its base, its levels (DuckDB).

`changes` is a view of the files of `book_changes` that may hold what is asked for.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

LEDGER_ROWS = """
WITH newest AS (
    SELECT conn FROM market_ledger WHERE venue = $venue AND symbol = $symbol AND entry = 'connect'
        AND received_time <= $at GROUP BY conn ORDER BY max(received_time) DESC LIMIT $limit)
SELECT conn, entry, cause, first_seq, detail, epoch_us(received_time) FROM market_ledger
WHERE venue = $venue AND symbol IN ($symbol, '') AND (conn IN (FROM newest)
    OR entry = 'connect' AND received_time > $at AND received_time <= $latest)
"""
HAS_LEDGER = "FROM duckdb_views() WHERE view_name = 'market_ledger'"
SYMBOLS = """
SELECT DISTINCT symbol FROM market_ledger WHERE venue = $venue AND symbol <> '' ORDER BY symbol"""
OF_CONNECTION = "conn = $conn AND venue = $venue AND symbol = $symbol"
COPY = """
CREATE TEMP TABLE copied AS
SELECT venue, symbol, conn, kind, "partition", "offset", event_index, received_time, side, price,
    remaining, reason, top_bid, top_bid_quantity, top_ask, top_ask_quantity
FROM changes WHERE received_time >= $first AND received_time <= $latest AND conn = $conn
"""
# A snapshot of an empty book has no event: it is known by the ledger, or begins a connection.
EMPTY = "kind = 'book' AND event_index < 0 AND top_bid IS NULL"
CHECKPOINT_BEFORE = f"""
SELECT "partition", "offset", epoch_us(snapshot_time), epoch_us(received_time), bids, asks
FROM book_checkpoints WHERE {OF_CONNECTION} AND received_time <= $at
ORDER BY "offset" DESC LIMIT 1
"""
SNAPSHOT_BEFORE = f"""
SELECT "partition", "offset", epoch_us(received_time) FROM changes
WHERE {OF_CONNECTION} AND received_time <= $at AND (reason = 'initial'
    OR {EMPTY} AND list_contains($resnapshots, epoch_us(received_time)))
ORDER BY "offset" DESC LIMIT 1
"""
FIRST_MESSAGE = f"""
SELECT "partition", "offset", epoch_us(received_time) - 1, {EMPTY} FROM changes
WHERE {OF_CONNECTION} AND received_time <= $at AND kind = 'book' ORDER BY "offset" LIMIT 1
"""
# A message has fewer than 2^20 events, so this counts events over all messages of a partition.
CHANGE_ORDER = '("offset" << 20) + event_index'
LEVELS = f"""
SELECT side, price, arg_max(remaining, {CHANGE_ORDER}) FROM changes
WHERE {OF_CONNECTION} AND "partition" = $partition AND "offset" >= $first_offset
    AND received_time <= $at AND event_index >= 0
GROUP BY side, price
"""
LAST_CHANGE = f"""
SELECT "offset", top_bid, top_bid_quantity, top_ask, top_ask_quantity FROM changes
WHERE {OF_CONNECTION} AND "partition" = $partition AND "offset" >= $first_offset
    AND received_time <= $at AND event_index >= 0
ORDER BY {CHANGE_ORDER} DESC LIMIT 1
"""
MESSAGES_AROUND = f"""
SELECT epoch_us(max(received_time) FILTER (received_time <= $at)),
    epoch_us(min(received_time) FILTER (received_time > $at))
FROM changes WHERE {OF_CONNECTION}
"""
CONNECTIONS_OF_CHANGES = """
SELECT conn, epoch_us(min(received_time)) FROM changes
WHERE venue = $venue AND symbol = $symbol AND received_time <= $at
GROUP BY conn ORDER BY 2 DESC LIMIT $limit
"""
EVENTS_OF_SPAN = """
SELECT conn, epoch_us(received_time), "partition", "offset", event_index, side, price, remaining,
    reason, top_bid, top_bid_quantity, top_ask, top_ask_quantity
FROM changes WHERE venue = $venue AND symbol = $symbol AND received_time > $start
    AND received_time <= $latest ORDER BY "partition", "offset", event_index
"""
LEDGER_OF_SPAN = """
SELECT conn, entry, cause, first_seq, detail, epoch_us(received_time) FROM market_ledger
WHERE venue = $venue AND symbol IN ($symbol, '') AND (list_contains($conns, conn)
    OR received_time > $start AND received_time <= $latest)
"""


def name_other_symbols(connection: "duckdb.DuckDBPyConnection", venue: str, symbol: str) -> str:
    """The symbols that the venue has in the ledger, in words, where this one is none of them."""
    if not connection.execute(HAS_LEDGER).fetchone():
        return ""
    symbols = [name for (name,) in connection.execute(SYMBOLS, {"venue": venue}).fetchall()]
    return f" ({venue} has {', '.join(symbols)})" if symbols and symbol not in symbols else ""
