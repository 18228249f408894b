"""A lake with the book of one symbol: a connection, its first snapshot, and changes over days."""

from datetime import datetime, timedelta
from typing import Any

import duckdb
from deltalake import write_deltalake

from include.lake.tables import TABLES
from include.lake.writing import arrow_rows, arrow_schema
from include.market.time import to_epoch_us

BATCH = 1_000_000
VENUE, SYMBOL, CONN = "gemini", "BTC-USD", "bench-1"
# The best prices of change `i` of `n`; changes are of the 500 levels behind them, in turns.
STEADY, WAVE = "60000", "60000 + 300 * sin(i / 400.0) + 900 * sin(i / 9000.0)"
_AT = "make_timestamptz($first_us + (i * $step_us)::BIGINT)"
_LEVEL = "1 + (i * 7919) % 500 * 0.5"
_VALUES = {
    "topic": "'market.book'",
    "partition": "0",
    "offset": "i",
    "kafka_time": _AT,
    "event_index": "CASE WHEN i = 0 THEN place ELSE 0 END",
    "v": "1",
    "venue": f"'{VENUE}'",
    "symbol": f"'{SYMBOL}'",
    "kind": "'book'",
    "conn": f"'{CONN}'",
    "venue_time": _AT,
    "received_time": _AT,
    "side": "CASE WHEN place % 2 = 0 THEN 'bid' ELSE 'ask' END",
    "price": f"CASE WHEN i = 0 THEN mid + place WHEN place % 2 = 0 THEN mid - ({_LEVEL})"
    f" ELSE mid + 1 + {_LEVEL} END",
    "remaining": "CASE WHEN i = 0 THEN 1 ELSE i % 13 / 10 END",
    "reason": "CASE WHEN i = 0 THEN 'initial' ELSE 'place' END",
    "top_bid": "mid",
    "top_bid_quantity": "1",
    "top_ask": "mid + 1",
    "top_ask_quantity": "1",
}


def write_book(
    lake: str, *, count: int, first_at: datetime, span: timedelta, mid: str = STEADY
) -> None:
    """Write so many changes, evenly over a span: a message each, a commit for each million."""
    connect_row = {"topic": "market.ledger", "kind": "ledger", "entry": "connect", "cause": "start"}
    write_rows(lake, "feed_ledger", [_row(first_at) | connect_row])
    schema = arrow_schema(TABLES["book_changes"])
    types = {"string": "VARCHAR", "timestamp": "TIMESTAMPTZ"}
    chosen = ", ".join(
        f"CAST({_VALUES.get(column.name, 'NULL')} AS {types.get(column.type, column.type)})"
        f' AS "{column.name}"'
        for column in TABLES["book_changes"].columns
    )
    bindings = {
        "first_us": to_epoch_us(first_at) + 1,
        "step_us": span / timedelta(microseconds=1) / (count + 1),
    }
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for first in range(0, count + 1, BATCH):
            last = min(count + 1, first + BATCH)
            numbers = f"SELECT range AS i, range % 2 AS place FROM range({first}, {last})"
            if first == 0:  # the snapshot has two events
                numbers += " UNION ALL SELECT 0, 1"
            source = f"(SELECT *, ({mid})::DECIMAL(20, 2) AS mid FROM ({numbers}))"
            statement = f"SELECT {chosen} FROM {source} ORDER BY i, place"
            batch = connection.sql(statement, params=bindings).to_arrow_table()
            write_deltalake(f"{lake}/book_changes", batch.cast(schema), mode="append")


def write_rows(lake: str, name: str, new_rows: list[dict[str, Any]]) -> None:
    """Write rows of a table; columns that they have not are null."""
    table = TABLES[name]
    records = [{column: row.get(column) for column in table.names} for row in new_rows]
    write_deltalake(f"{lake}/{name}", arrow_rows(table, records), mode="append")


def _row(moment_at: datetime) -> dict[str, Any]:
    numbers = {"partition": 0, "offset": 0, "event_index": 0, "v": 1}
    names = {"venue": VENUE, "symbol": SYMBOL, "conn": CONN}
    return numbers | names | {"kafka_time": moment_at, "received_time": moment_at}
