"""Rows of trades and ledger entries, laid down in a lake without Kafka."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from deltalake import write_deltalake

from include.lake.tables import TABLES
from include.lake.writing import arrow_rows

AT = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
D = Decimal


def trade(
    offset: int, number: str, side: str | None, price: str, size: str, *, s: float = 0
) -> Any:
    at = AT + timedelta(seconds=s)
    return {
        "topic": "market.trades",
        "partition": 0,
        "offset": offset,
        "kafka_time": at,
        "event_index": 0,
        "v": 1,
        "venue": "binance",
        "symbol": "BTC-USDT",
        "kind": "trade",
        "conn": "c",
        "received_time": at,
        "trade_id": number,
        "price": D(price),
        "quantity": D(size),
        "side": side,
        "traded_at": at,
    }


def land(lake: Path, table: str, rows: list[dict[str, Any]]) -> None:
    full = [{name: row.get(name) for name in TABLES[table].names} for row in rows]
    write_deltalake(str(lake / table), arrow_rows(TABLES[table], full), mode="append")


def ledger(offset: int, entry: str, *, s: float) -> dict[str, Any]:
    row = trade(offset, "", None, "1", "1", s=s)
    return row | {"topic": "market.ledger", "kind": "ledger", "entry": entry, "cause": "test"}
