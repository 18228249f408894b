"""A lake of minutes for tests of forecasts: archives, trades, a gentle wave of prices."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pyarrow as pa
from deltalake import write_deltalake

from include.settings import Settings

T0 = datetime(2018, 4, 1, tzinfo=UTC)
NOW = datetime(2026, 11, 21, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
MONEY = pa.decimal128(20, 8)
UTC_TIME = pa.timestamp("us", tz="UTC")


def write_history(
    settings: Settings,
    closes: list[float | None],
    *,
    start: datetime = T0,
    source: str = "kaggle",
    loaded_at: datetime = NOW,
    vwap: list[float | None] | None = None,
) -> None:
    rows = [
        {
            "source": source,
            "symbol": "BTC-USD",
            "minute": start + MINUTE * n,
            "loaded_at": loaded_at,
            "traded": close is not None,
            "close": None if close is None else Decimal(str(close)),
            "vwap": vwap[n] if vwap else None,
        }
        for n, close in enumerate(closes)
    ]
    schema = pa.schema(
        [
            ("source", pa.string()),
            ("symbol", pa.string()),
            ("minute", UTC_TIME),
            ("loaded_at", UTC_TIME),
            ("close", MONEY),
            ("vwap", pa.float64()),
            ("traded", pa.bool_()),
        ]
    )
    table = pa.Table.from_pylist(rows, schema=schema)
    write_deltalake(f"{settings.lake}/history_minutes", table, mode="append")


def write_trades(
    settings: Settings,
    trades: list[tuple[datetime, float]],
    *,
    venue: str = "gemini",
    received_at: datetime | None = None,
    condition: str | None = None,
) -> None:
    rows = [
        {
            "venue": venue,
            "symbol": "BTC-USD",
            "traded_at": at,
            "received_time": received_at or at,
            "condition": condition,
            "price": Decimal(str(price)),
            "offset": n,
            "event_index": 0,
        }
        for n, (at, price) in enumerate(trades)
    ]
    schema = pa.schema(
        [
            ("venue", pa.string()),
            ("symbol", pa.string()),
            ("traded_at", UTC_TIME),
            ("received_time", UTC_TIME),
            ("condition", pa.string()),
            ("price", MONEY),
            ("offset", pa.int64()),
            ("event_index", pa.int32()),
        ]
    )
    table = pa.Table.from_pylist(rows, schema=schema)
    write_deltalake(f"{settings.lake}/trades", table, mode="append")


def write_weighted(settings: Settings, minutes: list[tuple[datetime, float, float]]) -> None:
    """Rows of `trade_minutes`: minute, quote paid, base bought; as much again was sold."""
    rows = [
        {
            "venue": "gemini",
            "symbol": "BTC-USD",
            "minute": minute,
            "total_quote_buy": Decimal(str(quote)),
            "total_quote_sell": Decimal(str(quote)),
            "total_base_buy": Decimal(str(base)),
            "total_base_sell": Decimal(str(base)),
        }
        for minute, quote, base in minutes
    ]
    schema = pa.schema(
        [
            ("venue", pa.string()),
            ("symbol", pa.string()),
            ("minute", UTC_TIME),
            *((f"total_quote_{side}", pa.decimal128(38, 18)) for side in ("buy", "sell")),
            *((f"total_base_{side}", pa.decimal128(38, 10)) for side in ("buy", "sell")),
        ]
    )
    write_deltalake(
        f"{settings.lake}/trade_minutes", pa.Table.from_pylist(rows, schema=schema), mode="append"
    )


def wave(days: float) -> list[float | None]:
    return [round(9000 + 50 * float(np.sin(n / 229)), 2) for n in range(int(days * 1440))]
