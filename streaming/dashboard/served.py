"""What Postgres and the world's own files tell, in one value that is replaced whole."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import groupby
from operator import itemgetter
from typing import Any

import pyarrow as pa
from deltalake.exceptions import DeltaError

from include.errors import ForecastError
from include.forecast.forecast_file import Manifest, current_id, published
from include.lake.reading import open_table
from include.market.events import Balance, Event, Fill, Order, Score
from include.serving.connection import Dsn
from include.serving.read_only_query import Query, query_read_only
from include.serving.status import LastAudit, last_audit
from include.serving.stream_progress import StreamProgress, read_progress
from include.settings import Settings
from streaming.dashboard.flow import Flow

SHORT_AHEAD, LONG_BEHIND, LONG_AHEAD = timedelta(hours=2), timedelta(days=1), timedelta(days=3)
SOON_BEHIND = timedelta(minutes=10)
_POINTS = """
SELECT DISTINCT ON (ds) ds, yhat, yhat_lower, yhat_upper FROM forecast_points
WHERE symbol = %s AND ds BETWEEN %s AND %s AND model IS DISTINCT FROM 'short-term' {every}
ORDER BY ds, made_at DESC"""
_SOON = """
SELECT symbol, ds, yhat, yhat_lower, yhat_upper FROM forecast_points
JOIN (SELECT symbol, max(made_at) AS made_at FROM forecast_points
      WHERE model = 'short-term' AND ds > %s GROUP BY symbol) AS newest USING (symbol, made_at)
WHERE model = 'short-term' ORDER BY symbol, ds"""
_MINUTES = """
SELECT venue, symbol, extract(epoch FROM minute), total_count_buy, total_count_sell,
    total_base_buy, total_base_sell, total_quote_buy, total_quote_sell
FROM trade_minutes WHERE minute BETWEEN %s AND %s ORDER BY minute"""
_RATIOS = """
SELECT venue, symbol, extract(epoch FROM timestamp), value FROM signals
WHERE type = 'price_volume' AND timestamp BETWEEN %s AND %s"""
_DATED = "JOIN orders o USING (order_id) JOIN decisions d USING (decision_id) ORDER BY 1 DESC"


@dataclass(frozen=True)
class ForecastPoint:
    """One minute of the forecast: market time in seconds, predicted price and its bounds."""

    second: int
    yhat: float
    lower: float
    upper: float


@dataclass(frozen=True)
class Served:
    """The last look. `seen` (wall-clock seconds) is 0 while Postgres has never answered."""

    seen: float = 0.0
    feeds: dict[str, tuple[str, float, str]] = field(default_factory=dict)
    halted: str | None = None
    short: tuple[ForecastPoint, ...] = ()
    long: tuple[ForecastPoint, ...] = ()
    soon: dict[str, tuple[ForecastPoint, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Files:
    """What the world's folder tells: stream progress, last audit, forecast, quarantined rows."""

    stream: StreamProgress = field(default_factory=StreamProgress)
    audit: LastAudit | None = None
    manifest: Manifest | None = None
    quarantined: int | None = None


def often(settings: Settings) -> dict[str, Query]:
    """The queries of every poll."""
    return {
        "feeds": ("SELECT venue, state, extract(epoch FROM since), cause FROM feed_health", ()),
        "halted": ("SELECT value FROM trader_state WHERE name = 'halted'", ()),
        "balances": ("SELECT currency, amount FROM balances", ()),
        "orders": (
            "SELECT d.window_start, o.order_id, o.decision_id, o.broker, o.side, o.price,"
            " o.quantity, o.executed, o.status, o.reason FROM orders o"
            " JOIN decisions d USING (decision_id) ORDER BY 1 DESC LIMIT 1000",
            (),
        ),
        "fills": (
            "SELECT d.window_start, f.fill_id, f.order_id, f.side, f.price, f.quantity, f.fee"
            f" FROM fills f {_DATED} LIMIT 2000",
            (),
        ),
        "scores": (
            "SELECT d.window_start, s.order_id, s.buy_order_id, s.profit, s.cumulative_profit,"
            f" s.buy_price, s.sell_price, s.quantity, s.hold_profit"
            f" FROM scores s {_DATED} LIMIT 1000",
            (),
        ),
    }


def seldom(settings: Settings, *, clock_us: int, keep_s: int) -> dict[str, Query]:
    """What changes by the minute: forecasts near the market clock and for some days, the past."""
    now = datetime.fromtimestamp(clock_us / 1_000_000, UTC)
    symbol = settings.forecast.symbol
    hourly = "AND extract(minute FROM ds) = 0"
    return {
        "short": (
            _POINTS.format(every=""),
            (symbol, now - timedelta(seconds=keep_s), now + SHORT_AHEAD),
        ),
        "long": (_POINTS.format(every=hourly), (symbol, now - LONG_BEHIND, now + LONG_AHEAD)),
        "soon": (_SOON, (now - SOON_BEHIND,)),
        "minutes": (_MINUTES, (now - timedelta(seconds=keep_s), now)),
        "ratios": (_RATIOS, (now - timedelta(seconds=keep_s), now)),
    }


def ask(
    dsn: Dsn, queries: dict[str, Query], *, timeout_s: float
) -> dict[str, list[tuple[Any, ...]]]:
    """The answers of Postgres, a tuple a row."""
    answers = query_read_only(dsn, queries, timeout_s=timeout_s)
    return {name: [tuple(row.values()) for row in rows] for name, rows in answers.items()}


def points(rows: Iterable[tuple[Any, ...]]) -> tuple[ForecastPoint, ...]:
    """Forecast points of rows (ds, yhat, lower, upper)."""
    return tuple(ForecastPoint(int(ds.timestamp()), *rest) for ds, *rest in rows)


def _by_symbol(rows: Iterable[tuple[Any, ...]]) -> dict[str, tuple[ForecastPoint, ...]]:
    grouped = groupby(rows, key=itemgetter(0))
    return {symbol: points(row[1:] for row in own) for symbol, own in grouped}


def facts(found: dict[str, list[tuple[Any, ...]]], *, window_s: int) -> list[tuple[Event, int]]:
    """The trader's facts with their market time (µs): the end of the window they follow from."""
    told: list[tuple[Event, int]] = []
    for name, kind in (("orders", Order), ("fills", Fill), ("scores", Score)):
        for start, *values in found.get(name, []):
            told.append((kind(*values), int(start.timestamp() + window_s) * 1_000_000))
    return told


def minutes(found: dict[str, list[tuple[Any, ...]]]) -> list[tuple[str, str, int, Flow]]:
    """Minutes of trades: venue, symbol, minute since the epoch, and what was traded in it."""
    return [
        (venue, symbol, int(second) // 60, Flow(*counts))
        for venue, symbol, second, *counts in found.get("minutes", [])
    ]


def ratios(found: dict[str, list[tuple[Any, ...]]]) -> list[tuple[str, str, int, float]]:
    """Liquidity ratios: venue, symbol, second since the epoch where the window ends, the ratio."""
    return [
        (venue, symbol, int(second), float(value))
        for venue, symbol, second, value in found.get("ratios", [])
    ]


def balances(found: dict[str, list[tuple[Any, ...]]]) -> list[Balance]:
    """What the account holds now."""
    return [Balance(currency, Decimal(amount)) for currency, amount in found.get("balances", [])]


def files(settings: Settings) -> Files:
    """Read the files; one that is not there or half-written counts as absent."""
    return Files(
        stream=read_progress(settings),
        audit=_or_nothing(lambda: last_audit(settings)),
        manifest=_manifest(settings),
        quarantined=_quarantined(settings),
    )


def _or_nothing(read: Any) -> Any:
    try:
        return read()
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _manifest(settings: Settings) -> Manifest | None:
    try:
        name = current_id(settings.forecasts)
        return next((m for m in published(settings.forecasts) if m.forecast_id == name), None)
    except (OSError, ForecastError):
        return None


def _quarantined(settings: Settings) -> int | None:
    try:
        table = open_table(settings.lake, "quarantine")
        counts = pa.table(table.get_add_actions(flatten=True))["num_records"] if table else None
        return sum(counts.to_pylist()) if counts is not None else None
    except (OSError, DeltaError):
        return None


def looked(before: Served, found: dict[str, list[tuple[Any, ...]]]) -> Served:
    """The look that follows `before` with what was found; forecasts stay where none were asked."""
    return Served(
        seen=time.time(),
        feeds={
            venue: (state, float(since), cause or "")
            for venue, state, since, cause in found.get("feeds", [])
        },
        halted=str(found["halted"][0][0]) if found.get("halted") else None,
        short=points(found["short"]) if "short" in found else before.short,
        long=points(found["long"]) if "long" in found else before.long,
        soon=_by_symbol(found["soon"]) if "soon" in found else before.soon,
    )
