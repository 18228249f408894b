"""What the dashboard asks of Postgres. Every column is read by its name."""

from datetime import UTC, datetime, timedelta

from include.market.events import Fill, Order, Score
from include.market.time import SECOND_US
from include.serving.account_states import STATES
from include.serving.annotations import NEWEST_ANNOTATIONS
from include.serving.connection import Row
from include.serving.read_only_query import Query

Answers = dict[str, list[Row]]
"""The rows of each query by its name; a query whose table is missing has no entry."""

FACTS: dict[str, type[Order] | type[Fill] | type[Score]] = {
    "orders": Order,
    "fills": Fill,
    "scores": Score,
}
BALANCES: Query = ("SELECT account, currency, amount FROM balances", ())
_SHORT_AHEAD = timedelta(hours=2)
_LONG_BEHIND, _LONG_AHEAD = timedelta(days=1), timedelta(days=3)
_SHORT_TERM_BEHIND = timedelta(minutes=10)
_POINTS = """
SELECT DISTINCT ON (symbol, ds) symbol, ds, yhat, yhat_lower, yhat_upper, anchor_minute
FROM anchored_points
WHERE ds BETWEEN %s AND %s AND model IS DISTINCT FROM 'short-term' {every}
ORDER BY symbol, ds, made_at DESC"""
_SHORT_TERM = """
SELECT symbol, ds, yhat, yhat_lower, yhat_upper FROM forecast_points
JOIN (SELECT symbol, max(made_at) AS made_at FROM forecast_points
      WHERE model = 'short-term' AND ds > %s GROUP BY symbol) AS newest USING (symbol, made_at)
WHERE model = 'short-term' ORDER BY symbol, ds"""
_MINUTES = """
SELECT venue, symbol, minute, total_count_buy, total_count_sell, total_base_buy, total_base_sell,
    coalesce(liquidated_base_buy, 0) AS liquidated_base_buy,
    coalesce(liquidated_base_sell, 0) AS liquidated_base_sell,
    total_quote_buy, total_quote_sell
FROM trade_minutes WHERE minute BETWEEN %s AND %s ORDER BY minute"""
_RATIOS = """
SELECT venue, symbol, type, timestamp, value FROM signals
WHERE type IN ('price_volume', 'bid', 'ask') AND timestamp BETWEEN %s AND %s"""
_OF_AN_ORDER = "JOIN orders USING (order_id) JOIN decisions USING (decision_id)"
_JOINS = {
    "orders": "JOIN decisions USING (decision_id)",
    "fills": _OF_AN_ORDER,
    "scores": _OF_AN_ORDER,
}


def frequent_queries() -> dict[str, Query]:
    """The queries of every poll."""
    return {
        "feeds": ("SELECT venue FROM feed_health", ()),
        "account_states": (STATES, ()),
        "balances": BALANCES,
        "annotations": NEWEST_ANNOTATIONS,
        "orders": (select_newest("orders", limit=1000), ()),
        "fills": (select_newest("fills", limit=2000), ()),
        "scores": (select_newest("scores", limit=1000), ()),
    }


def infrequent_queries(*, clock_us: int, keep_s: int) -> dict[str, Query]:
    """What changes by the minute: forecasts around the market clock, the past `keep_s` seconds."""
    now = datetime.fromtimestamp(clock_us / SECOND_US, UTC)
    first = now - timedelta(seconds=keep_s)
    hourly = "AND extract(minute FROM ds) = 0"
    return {
        "short": (_POINTS.format(every=""), (first, now + _SHORT_AHEAD)),
        "long": (_POINTS.format(every=hourly), (now - _LONG_BEHIND, now + _LONG_AHEAD)),
        "short_term": (_SHORT_TERM, (now - _SHORT_TERM_BEHIND,)),
        "minutes": (_MINUTES, (first, now)),
        "ratios": (_RATIOS, (first, now)),
    }


def select_newest(table: str, *, limit: int, condition: str = "true") -> str:
    """The newest rows of a table of facts, each with the window it follows from."""
    joins = _JOINS[table]
    columns = ", ".join(f"{table}.{name}" for name in FACTS[table].__struct_fields__)
    return (
        f"SELECT decisions.window_start, {columns} FROM {table} {joins}"
        f" WHERE {condition} ORDER BY decisions.window_start DESC LIMIT {limit}"
    )
