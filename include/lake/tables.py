"""The Delta tables, each written once: name, columns, key, clustering and comment.

A landed table is filled by the stream from one topic: accounting columns, the message's envelope,
then the event's own columns. Column types are Spark SQL's.
"""

from dataclasses import dataclass

MONEY = "decimal(20,8)"
QUANTITY = "decimal(22,10)"  # Gemini tells ten decimals; price x quantity still fits 38 digits


@dataclass(frozen=True)
class Column:
    """One column: Spark SQL type, what it means, and whether a row without it is unreadable."""

    name: str
    type: str
    comment: str
    required: bool = False


@dataclass(frozen=True)
class Table:
    """One Delta table. `topic` and `kind` say what it lands; derived tables have neither."""

    name: str
    comment: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    cluster: tuple[str, ...] = ()
    topic: str | None = None


ACCOUNTING = (
    Column("topic", "string", "Kafka topic of the message", required=True),
    Column("partition", "int", "Kafka partition of the message", required=True),
    Column("offset", "bigint", "Kafka offset of the message", required=True),
    Column("kafka_time", "timestamp", "when the broker or producer stamped it", required=True),
    Column("event_index", "int", "place of the event in its message; -1: no event", required=True),
)
ENVELOPE = (
    Column("v", "int", "version of the message format", required=True),
    Column("venue", "string", "exchange or price supplier", required=True),
    Column("symbol", "string", "BASE-QUOTE", required=True),
    Column("kind", "string", "what the message holds", required=True),
    Column("conn", "string", "connection (or run) that received it", required=True),
    Column("seq_first", "bigint", "venue's own first sequence number or id"),
    Column("seq_last", "bigint", "venue's own last sequence number or id"),
    Column("venue_time", "timestamp", "the venue's time; null where it gives none"),
    Column("received_time", "timestamp", "when the feed received it", required=True),
)
LANDED_KEY = ("topic", "partition", "offset", "event_index")


def _landed(name: str, topic: str, comment: str, *columns: Column) -> Table:
    return Table(
        name=name, comment=comment, columns=(*ACCOUNTING, *ENVELOPE, *columns), key=LANDED_KEY,
        cluster=("symbol", "received_time"), topic=topic,
    )  # fmt: skip


def _money(name: str, comment: str, *, required: bool = False) -> Column:
    return Column(name, MONEY, comment, required)


def _quantity(name: str, comment: str, *, required: bool = False) -> Column:
    return Column(name, QUANTITY, comment, required)


def _text(name: str, comment: str, *, required: bool = False) -> Column:
    return Column(name, "string", comment, required)


LANDED = (
    _landed(
        "trades", "market.trades", "Trades and aggregate trades, as the venues told them",
        _text("trade_id", "the venue's trade id", required=True),
        _money("price", "quote per base", required=True),
        _quantity("quantity", "in base units", required=True),
        _text("side", "the aggressor's: buy or sell"),
        Column("traded_at", "timestamp", "when the trade was made", required=True),
        Column("first_trade_id", "bigint", "first trade of an aggregate"),
        Column("last_trade_id", "bigint", "last trade of an aggregate"),
    ),
    _landed(
        "tickers", "market.tickers", "Rolling 24-hour summaries",
        _money("last", "last price", required=True),
        _money("open", "price 24 hours before"), _money("high", "highest price of 24 hours"),
        _money("low", "lowest price of 24 hours"),
        _money("bid", "best bid"), _quantity("bid_quantity", "its quantity"),
        _money("ask", "best ask"), _quantity("ask_quantity", "its quantity"),
        _quantity("base_volume", "traded in base units"),
        _quantity("quote_volume", "traded in quote units"),
        Column("trade_count", "bigint", "trades of 24 hours"),
    ),
    _landed(
        "book_changes", "market.book", "Order-book changes and snapshots, a level a row",
        _text("side", "bid or ask", required=True),
        _money("price", "the level's price", required=True),
        _quantity("remaining", "quantity now on the level; 0 removes it", required=True),
        _quantity("delta", "change of the quantity"),
        _text("reason", "initial, place, cancel, trade"),
        Column("venue_event_id", "bigint", "the venue's id of the change"),
        _money("top_bid", "best bid after the message"),
        _quantity("top_bid_quantity", "its quantity"),
        _money("top_ask", "best ask after the message"),
        _quantity("top_ask_quantity", "its quantity"),
    ),
    _landed(
        "quotes", "market.quotes", "Polled prices of suppliers",
        _money("price", "price of one base unit", required=True),
        _text("currency", "currency of the price", required=True),
    ),
    _landed(
        "feed_ledger", "market.ledger", "Every connect, disconnect, gap and stale spell of a feed",
        _text("entry", "connect, disconnect, gap, stale, recovered, healed, dropped",
              required=True),
        _text("cause", "why", required=True),
        Column("first_seq", "bigint", "first sequence number that is missing"),
        Column("last_seq", "bigint", "last sequence number that is missing"),
        _text("detail", "more, in words"),
    ),
    _landed(
        "decisions", "trading.decisions", "What the trader concluded from each signal",
        _text("decision_id", "venue, symbol and window", required=True),
        _text("rule", "rule that decided", required=True),
        _text("action", "buy, sell or hold", required=True),
        _text("reasons", "why, comma separated", required=True),
        Column("window_start", "timestamp", "start of the signal's window", required=True),
        _money("ratio", "ask over bid liquidity"), _text("side_next", "forecast of the next side"),
        _money("bid", "best bid it saw"), _money("ask", "best ask it saw"),
        _quantity("quantity", "base units to order"), _money("price", "limit of the order"),
        _text("forecast_id", "forecast file it used"),
        _text("inputs", "JSON of all the rule saw", required=True),
    ),
    _landed(
        "orders", "trading.orders", "Orders as the venue or the paper account left them",
        _text("order_id", "client order id", required=True),
        _text("decision_id", "decision that made it", required=True),
        _text("broker", "paper or gemini", required=True),
        _text("side", "buy, sell", required=True),
        _money("price", "limit", required=True), _quantity("quantity", "ordered", required=True),
        _quantity("executed", "executed", required=True),
        _text("status", "filled, partial, cancelled or refused", required=True),
        _text("reason", "why not filled"),
    ),
    _landed(
        "fills", "trading.fills", "Executions of orders",
        _text("fill_id", "execution id", required=True), _text("order_id", "order", required=True),
        _text("side", "buy, sell", required=True), _money("price", "price", required=True),
        _quantity("quantity", "base units", required=True),
        _money("fee", "in quote", required=True),
    ),
    _landed(
        "balances", "trading.balances", "What the account holds after each order",
        _text("currency", "currency", required=True), _quantity("amount", "held", required=True),
        _text("order_id", "order that changed it"),
    ),
    _landed(
        "scores", "trading.scores", "Each sale against the last buy",
        _text("order_id", "the sale", required=True), _text("buy_order_id", "buy", required=True),
        _money("profit", "in quote, after fees", required=True),
        _money("cumulative_profit", "of all sales", required=True),
        _money("buy_price", "average price bought", required=True),
        _money("sell_price", "average price sold", required=True),
        _quantity("quantity", "base units", required=True),
    ),
)  # fmt: skip

QUARANTINE = Table(
    "quarantine",
    "Records that could not be read, whole, until they are put back",
    (
        *ACCOUNTING,
        Column("key", "binary", "Kafka key"),
        Column("value", "binary", "Kafka value, or the rejected frame"),
        _text("reason", "short stable code", required=True),
        _text("detail", "more, in words"),
        Column("schema_version", "int", "version of the schema that refused it", required=True),
    ),
    key=LANDED_KEY,
)

SIGNALS = Table(
    "signals",
    "60-second liquidity of the book per venue and symbol",
    (
        _text("venue", "exchange", required=True),
        _text("symbol", "BASE-QUOTE", required=True),
        _text("type", "bid, ask, or price_volume (ask over bid)", required=True),
        Column("value", "decimal(38,12)", "sum of price x remaining, or the ratio", required=True),
        Column("window_start", "timestamp", "start of the window", required=True),
        Column("timestamp", "timestamp", "end of the window", required=True),
    ),
    key=("venue", "symbol", "type", "window_start"),
)

HISTORY = Table(
    "history_minutes",
    "Minute bars from archives (Kaggle and others)",
    (
        _text("source", "archive it came from", required=True),
        _text("symbol", "BASE-QUOTE", required=True),
        Column("minute", "timestamp", "start of the minute", required=True),
        _money("open", "first price"),
        _money("high", "highest price"),
        _money("low", "lowest price"),
        _money("close", "last price"),
        _money("base_volume", "traded in base units"),
        Column("traded", "boolean", "false: the archive says no trade was made", required=True),
        Column("loaded_at", "timestamp", "when the row was loaded", required=True),
    ),
    key=("source", "symbol", "minute"),
    cluster=("symbol", "minute"),
)

FORECASTS = Table(
    "forecasts",
    "Every published forecast, a minute a row",
    (
        _text("forecast_id", "published forecast", required=True),
        _text("symbol", "BASE-QUOTE", required=True),
        Column("ds", "timestamp", "minute that is forecast", required=True),
        _text("side", "buy if the next predicted change is up, else sell", required=True),
        Column("yhat", "double", "predicted price", required=True),
        Column("yhat_lower", "double", "lower bound (80 %)"),
        Column("yhat_upper", "double", "upper bound (80 %)"),
        Column("trained_until", "timestamp", "last minute the model saw", required=True),
    ),
    key=("forecast_id", "ds"),
)

QUALITY_RESULTS = Table(
    "quality_results",
    "What every data-quality gate found",
    (
        _text("run_id", "run of the gate", required=True),
        _text("suite", "suite of expectations", required=True),
        _text("expectation", "what was expected", required=True),
        Column("success", "boolean", "whether it held", required=True),
        Column("observed", "string", "what was seen"),
        Column("unexpected_rows", "string", "rows that broke it, the first of them"),
        Column("checked_at", "timestamp", "when", required=True),
    ),
    key=("run_id", "expectation"),
)

DERIVED = (SIGNALS, HISTORY, FORECASTS, QUALITY_RESULTS)
TABLES = {table.name: table for table in (*LANDED, QUARANTINE, *DERIVED)}
TABLE_OF_TOPIC = {table.topic: table for table in LANDED if table.topic}


def event_columns(table: Table) -> tuple[Column, ...]:
    """A landed table's own columns, after accounting and envelope."""
    return table.columns[len(ACCOUNTING) + len(ENVELOPE) :]
