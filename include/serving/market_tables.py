"""Postgres' tables of contracts and auctions: market data that the lake has in landed tables.

A contract's values change without a trade, many times a second; Postgres has the last of each
minute, as the lake's view `contract_minutes`. Of auctions it has the landed rows, each event once.
"""

from include.lake.columns import Column, Table, event_columns, text
from include.lake.tables import TABLES
from include.lake.views import CONTRACT_MINUTES as VIEW
from include.lake.views import CONTRACT_VALUES

_TICKERS = {column.name: column for column in TABLES["tickers"].columns}
_AUCTIONS = TABLES["auctions"]
_VENUE = text("venue", "exchange", required=True)
_SYMBOL = text("symbol", "BASE-QUOTE, or a contract's name", required=True)

CONTRACT_MINUTES = Table(
    VIEW,
    "What a venue publishes of a contract, the last values of each minute",
    (
        _VENUE,
        _SYMBOL,
        Column("minute", "timestamp", "start of the minute", required=True),
        *(_TICKERS[name] for name in CONTRACT_VALUES),
    ),
    key=("venue", "symbol", "minute"),
)
AUCTIONS = Table(
    _AUCTIONS.name,
    _AUCTIONS.comment,
    (_VENUE, _SYMBOL, *event_columns(_AUCTIONS)),
    key=("venue", "symbol", "published_at", "phase"),
)
MARKET_TABLES = (CONTRACT_MINUTES, AUCTIONS)
TIME_OF = {CONTRACT_MINUTES.name: "minute", AUCTIONS.name: "published_at"}
