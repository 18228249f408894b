"""The views that SQL over the lake has beside the tables."""

from include.lake.tables import MINUTE_TOTALS, MINUTE_TOTALS_COLUMNS, TRADE_MINUTES

# The landed table keeps repeats (reconnects, healed holes); a trade counts as it landed first.
ONCE = "trades_once"
TRADES_ONCE = f"""
CREATE VIEW {ONCE} AS
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
CREATE VIEW {CONTRACT_MINUTES} AS
WITH contract_tickers AS (
    SELECT *, coalesce(venue_time, received_time) AS "at" FROM tickers
    WHERE event_index >= 0 AND coalesce({", ".join(CONTRACT_VALUES)}) IS NOT NULL)
SELECT venue, symbol, date_trunc('minute', "at") AS minute, {_LAST_VALUES}
FROM contract_tickers GROUP BY ALL
"""
_TOTALS = ", ".join(f'{column} AS "{name}"' for name, column in MINUTE_TOTALS_COLUMNS.items())
# By its name: the table that a view is made of, and the statement that makes it.
VIEWS = {
    ONCE: ("trades", TRADES_ONCE),
    CONTRACT_MINUTES: ("tickers", CONTRACT_MINUTES_VIEW),
    MINUTE_TOTALS: (
        TRADE_MINUTES.name,
        f"CREATE VIEW {MINUTE_TOTALS} AS SELECT {_TOTALS} FROM {TRADE_MINUTES.name}",
    ),
}
