"""Closed minutes of trades, made up, for tests that count bytes and files."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa

from include.lake.tables import TRADE_MINUTES
from include.lake.writing import arrow_schema

START = datetime(2026, 11, 1, tzinfo=UTC)
SYMBOLS = (
    ("binance", "BTC-USDT"),
    ("binance", "ETH-USDT"),
    ("gemini", "BTC-USD"),
    ("deribit", "BTC-PERPETUAL"),
)


def minute_rows(numbers: Sequence[int], seed: int = 7) -> pa.Table:
    """Those minutes after START of each symbol, with random totals and prices."""
    generator = np.random.default_rng(seed)
    count = len(numbers) * len(SYMBOLS)
    schema = arrow_schema(TRADE_MINUTES)
    known = {
        "venue": pa.array([venue for _ in numbers for venue, _ in SYMBOLS]),
        "symbol": pa.array([symbol for _ in numbers for _, symbol in SYMBOLS]),
        "minute": pa.array(
            [START + timedelta(minutes=number) for number in numbers for _ in SYMBOLS],
            pa.timestamp("us", "UTC"),
        ),
        "vwap": pa.array(generator.normal(9e4, 10, count)),
        "complete": pa.array([True] * count),
    }
    columns = [
        known[field.name]
        if field.name in known
        else pa.array(generator.integers(1, 10**9, count, dtype=np.int32)).cast(field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema)


def stored_bytes(folder: Path) -> int:
    """The bytes of all files of a folder; of one that only grows, what was written."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
