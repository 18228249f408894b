"""What the dashboard asks of Postgres, and of the lake beyond it, for a span of the past.

Every answer has one row a step: a month has as many rows as two hours. `bucket` is the start of the
step in seconds since the epoch. A step's last value is the maximum of pairs of time and value: no
row has to be sorted for it.
"""

from datetime import UTC, datetime

from include.market.events import MAIN_ACCOUNT
from include.serving.annotations import annotations_between
from include.serving.read_only_query import Query
from streaming.dashboard.choice import Span
from streaming.dashboard.sources.postgres_queries import BALANCES, FACTS, select_newest

TOTALS = (
    "total_count_buy",
    "total_count_sell",
    "total_base_buy",
    "total_base_sell",
    "total_quote_buy",
    "total_quote_sell",
    "liquidated_base_buy",
    "liquidated_base_sell",
)
MOST_FACTS = 20_000
_SUMS = ", ".join(f"coalesce(sum({name}), 0) AS {name}" for name in TOTALS)
_STEP = "(floor(date_part('epoch', {column}) / %s) * %s)::bigint AS bucket"
_LAST = "(max(ARRAY[date_part('epoch', {column}), {value}::float8]))[2] AS {value}"
_OLDEST = "SELECT min(minute) AS oldest FROM trade_minutes WHERE symbol = ANY(%s)"
_MINUTES = f"""
SELECT venue, symbol, {_STEP.format(column="minute")}, {_SUMS},
    {_LAST.format(column="minute", value="close")}
FROM trade_minutes WHERE symbol = ANY(%s) AND minute >= %s AND minute < %s
GROUP BY venue, symbol, bucket ORDER BY bucket"""
_SIGNALS = f"""
SELECT venue, symbol, type, {_STEP.format(column="timestamp")},
    {_LAST.format(column="timestamp", value="value")}
FROM signals WHERE symbol = ANY(%s) AND timestamp >= %s AND timestamp < %s
GROUP BY venue, symbol, type, bucket ORDER BY bucket"""
_TOPS = f"""
SELECT DISTINCT ON (bucket) {_STEP.format(column="window_start")}, bid, ask
FROM decisions
WHERE account = %s AND bid IS NOT NULL AND ask IS NOT NULL
    AND window_start >= %s AND window_start < %s
ORDER BY bucket, window_start DESC"""
_POINTS = """
SELECT DISTINCT ON (symbol, ds) symbol, ds, yhat, yhat_lower, yhat_upper, anchor_minute
FROM anchored_points
WHERE symbol = ANY(%s) AND ds >= %s AND ds < %s AND model IS DISTINCT FROM 'short-term'
    AND extract(epoch FROM ds)::bigint %% %s = 0
ORDER BY symbol, ds, made_at DESC"""
_LAKE_SUMS = ", ".join(
    f"CAST(coalesce(sum({name}), 0) AS DECIMAL(38, 10)) AS {name}" for name in TOTALS
)
_LAKE_STEP = "CAST(floor(epoch({column}) / $step) AS BIGINT) * $step AS bucket"
_LAKE_SPAN = "list_contains($symbols, symbol) AND {column} >= $first AND {column} < $until"
LAKE_MINUTES = f"""
SELECT venue, symbol, {_LAKE_STEP.format(column="minute")}, {_LAKE_SUMS},
    arg_max(close, minute) AS close
FROM trade_minutes WHERE {_LAKE_SPAN.format(column="minute")}
GROUP BY venue, symbol, bucket ORDER BY bucket"""
LAKE_SIGNALS = f"""
SELECT venue, symbol, type, {_LAKE_STEP.format(column='"timestamp"')},
    arg_max(value, "timestamp") AS value
FROM signals WHERE {_LAKE_SPAN.format(column='"timestamp"')}
GROUP BY venue, symbol, type, bucket ORDER BY bucket"""
LAKE_HISTORY = f"""
SELECT symbol, {_LAKE_STEP.format(column="minute")}, arg_max(close, minute) AS close
FROM history_minutes WHERE close IS NOT NULL AND {_LAKE_SPAN.format(column="minute")}
GROUP BY symbol, bucket ORDER BY bucket"""
LAKE_CONTRACTS = f"""
SELECT venue, symbol, {_LAKE_STEP.format(column="minute")}, arg_max(mark_price, minute) AS mark,
    arg_max(index_price, minute) AS "index", arg_max(open_interest, minute) AS open_interest,
    arg_max(coalesce(funding_8h, funding_rate), minute) AS funding_8h
FROM contract_minutes
WHERE list_contains($bases, split_part(symbol, '-', 1)) AND minute >= $first AND minute < $until
GROUP BY venue, symbol, bucket ORDER BY bucket"""
LAKE_AUCTIONS = f"""
SELECT venue, symbol, CAST(epoch(published_at) AS BIGINT) AS second, phase, price, quantity
FROM auctions WHERE price IS NOT NULL AND {_LAKE_SPAN.format(column="published_at")}
ORDER BY published_at"""


def past_queries(
    symbols: tuple[str, ...], chosen_span: Span, *, account_name: str = MAIN_ACCOUNT
) -> dict[str, Query]:
    """The queries of a span by their names, one row a step; best prices are what an account saw."""
    step, names = chosen_span.step_s, list(symbols)
    first, until = align_start(chosen_span), datetime.fromtimestamp(chosen_span.end_s, UTC)
    facts: dict[str, Query] = {
        name: (select_newest(name, limit=MOST_FACTS, condition="window_start >= %s"), (first,))
        for name in FACTS
    }
    return facts | {
        "oldest": (_OLDEST, (names,)),
        "minutes": (_MINUTES, (step, step, names, first, until)),
        "ratios": (_SIGNALS, (step, step, names, first, until)),
        "tops": (_TOPS, (step, step, account_name, first, until)),
        "short": (_POINTS, (names, first, until, step)),
        "balances": BALANCES,
        "annotations": annotations_between(chosen_span.start_s, chosen_span.end_s),
    }


def align_start(chosen_span: Span) -> datetime:
    """The start of the step in which the span begins."""
    return datetime.fromtimestamp(
        chosen_span.start_s // chosen_span.step_s * chosen_span.step_s, UTC
    )
