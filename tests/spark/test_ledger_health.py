"""Landed rows of the feed ledger become rows of feed_health, through outages of Postgres."""

import threading
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from include.errors import Unreachable
from include.market.time import from_epoch_us
from spark_jobs import health
from spark_jobs.health import LedgerHealth
from tests.support.lake_of_rows import put

AT_US = 1_795_000_000_123_456
LEDGER = (
    (0, "BTC-USD", "gemini-1-1", "connect"),
    (1, "ETH-USD", "gemini-1-2", "connect"),
    (2, "ETH-USD", "gemini-1-2", "disconnect"),
    (3, "BTC-USD", "gemini-1-1", "disconnect"),
    (4, "BTC-USD", "gemini-1-3", "connect"),
    (5, "ETH-USD", "gemini-1-4", "connect"),
)


def list_rows(first: int, end: int) -> list[dict[str, Any]]:
    return [
        {
            "offset": offset,
            "venue": "gemini",
            "symbol": symbol,
            "conn": conn,
            "entry": entry,
            "cause": "reset",
            "received_time": from_epoch_us(AT_US + offset),
        }
        for offset, symbol, conn, entry in LEDGER[first:end]
    ]


def test_what_lands_is_served_behind_what_had_landed(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served: list[list[dict[str, Any]]] = []
    monkeypatch.setattr(health, "upsert", lambda _dsn, _table, rows: served.append(rows))
    put(tmp_path, "feed_ledger", list_rows(0, 3))
    wakeup = threading.Event()
    ledger_health = LedgerHealth(wakeup)

    def note(first: int, end: int) -> None:
        put(tmp_path / str(end), "feed_ledger", list_rows(first, end))
        landed_df = spark.read.format("delta").load(str(tmp_path / str(end) / "feed_ledger"))
        ledger_health.note(landed_df.orderBy("offset", ascending=False))

    note(2, 5)  # lands before the lake is read, and one row is in both
    assert wakeup.is_set()
    ledger_health.begin(str(tmp_path))
    ledger_health.serve({})  # type: ignore[arg-type]
    (row,) = served.pop()
    assert (row["state"], row["cause"]) == ("disconnected", "ETH-USD: reset")
    assert row["since"] == from_epoch_us(AT_US + 2)

    def refuse(*_: Any) -> None:
        raise Unreachable("no server")

    note(5, 6)
    with monkeypatch.context() as away:
        away.setattr(health, "upsert", refuse)
        with pytest.raises(Unreachable):
            ledger_health.serve({})  # type: ignore[arg-type]
    ledger_health.serve({})  # type: ignore[arg-type]
    assert [row["state"] for row in served.pop()] == ["live"]
    ledger_health.serve({})  # type: ignore[arg-type]
    assert served == []
