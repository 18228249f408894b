"""The Delta tables, each written once: name, columns, key, clustering and comment.

A landed table is filled by the stream from one topic: accounting columns, the message's envelope,
then the event's own columns. Column types are Spark SQL's. What Postgres serves of these tables
(`served`) is derived in `include/serving/tables.py`.
"""

from include.lake.columns import (
    ACCOUNTING,
    LANDED_KEY,
    Column,
    Table,
    landed_table,
    money,
    quantity,
    text,
)
from include.lake.derived_tables import (
    BOOK_CHECKPOINTS,
    BOOK_SECONDS,
    FORECAST_EVALUATIONS,
    QUALITY_RESULTS,
    RETENTION_FLOORS,
    TOPIC_RESTARTS,
)
from include.lake.ticker_columns import TICKER_DETAILS
from include.lake.trading_tables import TRADING_TABLES
from include.market.wire import Topic

LANDED = (
    landed_table(
        "trades",
        Topic.TRADES,
        "Trades and aggregate trades, as the venues sent them",
        text("trade_id", "the venue's trade id", required=True),
        money("price", "quote per base", required=True),
        quantity("quantity", "in base units", required=True),
        text("side", "the aggressor's: buy or sell"),
        Column("traded_at", "timestamp", "when the trade was made", required=True),
        Column("first_trade_id", "bigint", "first trade of an aggregate"),
        Column("last_trade_id", "bigint", "last trade of an aggregate"),
        quantity("amount", "the venue's own, where it counts quote units (inverse contracts)"),
        text("liquidation", "whose order was a liquidation: maker, taker or both; null: neither"),
        text("block_trade_id", "the block trade that it is a part of"),
        text("condition", "auction or block; null: made in the continuous book"),
    ),
    landed_table(
        "auctions",
        Topic.AUCTIONS,
        "Call auctions: announced, indicative prices, results",
        text("phase", "open (announced), indicative (were it held then) or result", required=True),
        Column("published_at", "timestamp", "the venue's time of it", required=True),
        Column("venue_event_id", "bigint", "the venue's id of it"),
        text("result", "success, or failure: nothing trades; null of an announcement"),
        money("price", "the one price of all its trades, quote per base; null: there is none"),
        quantity("quantity", "what trades at that price, in base units"),
        money("highest_bid", "best bid of the continuous book then"),
        money("lowest_ask", "best ask of the continuous book then"),
        money("collar_price", "quote per base; a price too far from it is a failure"),
        Column("auction_at", "timestamp", "when it is held, of an announcement"),
        Column("first_indicative_at", "timestamp", "when its first indicative price is due"),
        Column("last_cancel_at", "timestamp", "until when its orders may be cancelled"),
    ),
    landed_table(
        "tickers",
        Topic.TICKERS,
        "Rolling 24-hour summaries",
        money("last", "last price; null: never traded"),
        money("open", "price 24 hours before"),
        money("high", "highest price of 24 hours"),
        money("low", "lowest price of 24 hours"),
        money("bid", "best bid"),
        quantity("bid_quantity", "its quantity"),
        money("ask", "best ask"),
        quantity("ask_quantity", "its quantity"),
        quantity("base_volume", "traded in base units"),
        quantity("quote_volume", "traded in quote units"),
        Column("trade_count", "bigint", "trades of 24 hours"),
        quantity("bid_amount", "the venue's own at the best bid, where it counts quote units"),
        quantity("ask_amount", "the venue's own at the best ask, where it counts quote units"),
        *TICKER_DETAILS,
    ),
    landed_table(
        "book_changes",
        Topic.BOOK,
        "Order-book changes and snapshots, a level a row",
        text("side", "bid or ask", required=True),
        money("price", "the level's price", required=True),
        quantity("remaining", "quantity now on the level; 0 removes it", required=True),
        quantity("delta", "change of the quantity"),
        text("reason", "initial, place, cancel, trade"),
        Column("venue_event_id", "bigint", "the venue's id of the change"),
        quantity("amount", "the venue's own remaining, where it counts quote units"),
        money("top_bid", "best bid after the message"),
        quantity("top_bid_quantity", "its quantity"),
        money("top_ask", "best ask after the message"),
        quantity("top_ask_quantity", "its quantity"),
    ),
    landed_table(
        "quotes",
        Topic.QUOTES,
        "Polled prices of suppliers",
        money("price", "price of one base unit", required=True),
        text("currency", "currency of the price", required=True),
    ),
    landed_table(
        "feed_ledger",
        Topic.LEDGER,
        "Every connect, disconnect, gap and stale spell of a feed",
        text("entry", "what happened: connect, gap, healed … (docs/tables.md)", required=True),
        text("cause", "why", required=True),
        Column("first_seq", "bigint", "first sequence number that is missing"),
        Column("last_seq", "bigint", "last sequence number that is missing"),
        text("detail", "more, in words"),
    ),
    *TRADING_TABLES,
)

QUARANTINE = Table(
    "quarantine",
    "Records that could not be read, whole, until they are put back",
    (
        *ACCOUNTING,
        Column("key", "binary", "Kafka key"),
        Column("value", "binary", "Kafka value, or the rejected frame"),
        text("reason", "short stable code", required=True),
        text("detail", "more, in words"),
        Column("schema_version", "int", "version of the schema that refused it", required=True),
    ),
    key=LANDED_KEY,
)

SIGNALS = Table(
    "signals",
    "60-second liquidity of the book per venue and symbol, average across suppliers, price jumps",
    (
        text("venue", "exchange, or `suppliers` for all of them", required=True),
        text("symbol", "BASE-QUOTE", required=True),
        text("type", "bid, ask, price_volume (ask over bid), average_price, jump", required=True),
        Column(
            "value",
            "decimal(38,12)",
            "sum of price x remaining, ratio, price, or log return over its volatility",
            required=True,
        ),
        Column("window_start", "timestamp", "start of the window", required=True),
        Column("timestamp", "timestamp", "end of the window", required=True),
    ),
    key=("venue", "symbol", "type", "window_start"),
    served=True,
)

TRADE_MINUTES = Table(
    "trade_minutes",
    "Trades per venue, symbol and minute, each trade once, recomputed when late ones land",
    (
        text("venue", "exchange", required=True),
        text("symbol", "BASE-QUOTE", required=True),
        Column("minute", "timestamp", "start of the minute", required=True),
        Column("total_count_buy", "bigint", "trades whose aggressor bought", required=True),
        Column("total_count_sell", "bigint", "trades whose aggressor sold", required=True),
        Column("total_base_buy", "decimal(38,10)", "base units bought", required=True),
        Column("total_base_sell", "decimal(38,10)", "base units sold", required=True),
        Column("total_quote_buy", "decimal(38,18)", "quote paid by buyers", required=True),
        Column("total_quote_sell", "decimal(38,18)", "quote got by sellers", required=True),
        money("open", "first price", required=True),
        money("high", "highest price", required=True),
        money("low", "lowest price", required=True),
        money("close", "last price", required=True),
        Column("vwap", "double", "price weighted by quantity", required=True),
        Column("complete", "boolean", "no hole of the feed reaches into it; null: not known"),
        Column("liquidation_count", "bigint", "trades of which an order was a liquidation"),
        Column("liquidated_base_buy", "decimal(38,10)", "base units that liquidations bought"),
        Column("liquidated_base_sell", "decimal(38,10)", "base units that liquidations sold"),
    ),
    key=("venue", "symbol", "minute"),
    served=True,
)

HISTORY = Table(
    "history_minutes",
    "Minute bars from archives (Kaggle and others)",
    (
        text("source", "archive it came from", required=True),
        text("symbol", "BASE-QUOTE", required=True),
        Column("minute", "timestamp", "start of the minute", required=True),
        money("open", "first price"),
        money("high", "highest price"),
        money("low", "lowest price"),
        money("close", "last price"),
        Column("vwap", "double", "price weighted by quantity; null: the archive gives none"),
        money("base_volume", "traded in base units"),
        Column("traded", "boolean", "false: by the archive no trade was made", required=True),
        Column("loaded_at", "timestamp", "when the row was loaded", required=True),
    ),
    key=("source", "symbol", "minute"),
    cluster=("symbol", "minute"),
)

FORECASTS = Table(
    "forecasts",
    "Every published forecast and each short-term one (`short-…`), a minute a row",
    (
        text("forecast_id", "published forecast", required=True),
        text("symbol", "BASE-QUOTE", required=True),
        Column("ds", "timestamp", "minute whose close is forecast", required=True),
        text("side", "side of the predicted move into ds: buy, sell or hold", required=True),
        Column("yhat", "double", "predicted price", required=True),
        Column("yhat_lower", "double", "lower bound (80 %)"),
        Column("yhat_upper", "double", "upper bound (80 %)"),
        Column("trained_until", "timestamp", "last minute the model saw", required=True),
        Column("last_price", "double", "close of that minute, where the forecast starts"),
        Column("volatility", "double", "log change per five minutes that the bounds are made of"),
    ),
    key=("forecast_id", "symbol", "ds"),
)

DERIVED = (
    SIGNALS,
    TRADE_MINUTES,
    HISTORY,
    FORECASTS,
    QUALITY_RESULTS,
    FORECAST_EVALUATIONS,
    TOPIC_RESTARTS,
    RETENTION_FLOORS,
    BOOK_CHECKPOINTS,
    BOOK_SECONDS,
)
# A minute's totals under the names that the minute job of the fifth system gave them: BTC stands
# for base units and USD for quote units, whatever the symbol.
MINUTE_TOTALS = "minute_totals"
MINUTE_TOTALS_COLUMNS = {
    "TIME": "minute",
    "VENUE": "venue",
    "SYMBOL": "symbol",
    "TOTAL_COUNT_BUY": "total_count_buy",
    "TOTAL_COUNT_SELL": "total_count_sell",
    "TOTAL_BTC_BUY": "total_base_buy",
    "TOTAL_BTC_SELL": "total_base_sell",
    "TOTAL_USD_BUY": "total_quote_buy",
    "TOTAL_USD_SELL": "total_quote_sell",
}
TABLES = {table.name: table for table in (*LANDED, QUARANTINE, *DERIVED)}
TABLE_OF_TOPIC = {table.topic: table for table in LANDED if table.topic}
LANDED_TOPICS = (*TABLE_OF_TOPIC, Topic.REJECTS)
