"""The views that SQL over the lake has beside the tables."""

import re
from typing import TYPE_CHECKING

from include.lake.tables import MINUTE_TOTALS, MINUTE_TOTALS_COLUMNS, TRADE_MINUTES
from include.market.feed_entries import QUOTES

if TYPE_CHECKING:
    import duckdb

# The landed table keeps repeats (reconnects, healed holes); a trade counts as it landed first.
ONCE = "trades_once"
TRADES_ONCE = f"""
CREATE OR REPLACE VIEW {ONCE} AS
SELECT DISTINCT ON (venue, symbol, trade_id, date_trunc('minute', traded_at)) * FROM trades
WHERE event_index >= 0
ORDER BY venue, symbol, trade_id, date_trunc('minute', traded_at),
    "partition", "offset", event_index
"""
# What tickers have of a contract: the last of each by the minute.
CONTRACT_MINUTES = "contract_minutes"
CONTRACT_VALUES = (
    "mark_price",
    "index_price",
    "settlement_price",
    "open_interest",
    "funding_rate",
    "funding_8h",
)
_LAST_VALUES = ", ".join(
    f'arg_max({name}, ROW("at", "offset", event_index)) AS {name}' for name in CONTRACT_VALUES
)
CONTRACT_MINUTES_VIEW = f"""
CREATE OR REPLACE VIEW {CONTRACT_MINUTES} AS
WITH contract_tickers AS (
    SELECT *, coalesce(venue_time, received_time) AS "at" FROM tickers
    WHERE event_index >= 0 AND coalesce({", ".join(CONTRACT_VALUES)}) IS NOT NULL)
SELECT venue, symbol, date_trunc('minute', "at") AS minute, {_LAST_VALUES}
FROM contract_tickers GROUP BY ALL
"""
# The ledger's two halves: entries of what polls a venue's prices are not of its trades and book.
MARKET_LEDGER, QUOTES_LEDGER = "market_ledger", "quotes_ledger"
IS_OF_SUPPLIER = f"ends_with(coalesce(conn, ''), '-{QUOTES}')"
_TOTALS = ", ".join(f'{column} AS "{name}"' for name, column in MINUTE_TOTALS_COLUMNS.items())
# By its name: the table that a view is made of, and the statement that makes it.
VIEWS = {
    ONCE: ("trades", TRADES_ONCE),
    CONTRACT_MINUTES: ("tickers", CONTRACT_MINUTES_VIEW),
    MARKET_LEDGER: (
        "feed_ledger",
        f"CREATE OR REPLACE VIEW {MARKET_LEDGER} AS "
        f"SELECT * FROM feed_ledger WHERE NOT {IS_OF_SUPPLIER}",
    ),
    QUOTES_LEDGER: (
        "feed_ledger",
        f"CREATE OR REPLACE VIEW {QUOTES_LEDGER} AS "
        f"SELECT * FROM feed_ledger WHERE {IS_OF_SUPPLIER}",
    ),
    MINUTE_TOTALS: (
        TRADE_MINUTES.name,
        f"CREATE OR REPLACE VIEW {MINUTE_TOTALS} AS SELECT {_TOTALS} FROM {TRADE_MINUTES.name}",
    ),
}


def find_views(statement: str) -> list[str]:
    """The views whose names are in the statement."""
    words = set(re.findall(r"\w+", statement.lower()))
    return [name for name in VIEWS if name in words]


def create_all_views(connection: "duckdb.DuckDBPyConnection") -> None:
    """Make every view whose table the connection has, for a statement that asks what there is."""
    rows = connection.execute("SELECT view_name FROM duckdb_views() WHERE NOT internal").fetchall()
    table_names = {name for (name,) in rows}
    for table_name, text in VIEWS.values():
        if table_name in table_names:
            connection.execute(text)


def create_views(connection: "duckdb.DuckDBPyConnection", statement: str) -> None:
    """Make the views that a statement names, over the tables that the connection has."""
    for name in find_views(statement):
        connection.execute(VIEWS[name][1])
