"""Fifty symbols are forecast within the half minute, to Delta and Postgres, twice to the same."""

import time
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
from deltalake import write_deltalake

from include.forecast.short_term import forecast_soon
from include.lake.reading import query
from include.serving.read_only_query import query_read_only
from include.settings import Settings
from streaming.dashboard.sources.postgres import make_snapshot
from streaming.dashboard.sources.postgres_queries import infrequent_queries
from streaming.dashboard.state import PostgresSnapshot
from tests.support.postgres import fetch_tuples

SYMBOLS = 50
NOW = datetime(2026, 11, 21, tzinfo=UTC)
FIRST_US = 1_777_006_800_000_000  # 2026-04-24 05:00 UTC


def write_an_hour(settings: Settings) -> None:
    draw = np.random.default_rng(8)
    utc_time, count = pa.timestamp("us", tz="UTC"), 3600
    times = pa.array(FIRST_US + np.arange(count) * 1_000_000).cast(pa.int64()).cast(utc_time)
    parts = []
    for number in range(SYMBOLS):
        prices = 100 * np.exp(np.cumsum(draw.normal(0, 1e-4, count)))
        last = pa.array([Decimal(f"{price:.8f}") for price in prices], pa.decimal128(20, 8))
        symbol = pa.array([f"C{number:02d}-USD"] * count)
        parts.append(
            pa.table(
                {
                    "venue": pa.array(["binance"] * count),
                    "symbol": symbol,
                    "venue_time": times,
                    "received_time": times,
                    "last": last,
                }
            )
        )
    write_deltalake(f"{settings.lake}/tickers", pa.concat_tables(parts))


def outcome(settings: Settings) -> list[Any]:
    landed = query(
        settings.lake,
        "SELECT forecast_id, count(*), count(DISTINCT symbol), min(ds), max(ds), sum(yhat),"
        " bool_and(yhat_lower <= yhat AND yhat <= yhat_upper) FROM forecasts GROUP BY 1",
    )[1]
    served = fetch_tuples(
        settings.dsn(),
        "SELECT count(*), count(DISTINCT symbol), min(ds), sum(yhat) FROM forecast_points"
        " WHERE model = 'short-term'",
    )
    return [landed, served]


def test_fifty_symbols_take_less_than_half_a_minute_and_twice_gives_the_same(
    service_settings: Settings, postgres_dsn: dict[str, Any]
) -> None:
    assert forecast_soon(service_settings, now=NOW) is None
    write_an_hour(service_settings)
    began = time.monotonic()
    short_forecast = forecast_soon(service_settings, now=NOW)
    took_s = time.monotonic() - began
    assert short_forecast is not None and short_forecast.left_out == {}
    assert took_s < 30, took_s
    first = outcome(service_settings)
    landed = first[0][0]
    assert landed[:3] == ("short-20260424T055959", SYMBOLS * 600, SYMBOLS)
    assert landed[3] == datetime(2026, 4, 24, 6, 0, tzinfo=UTC)
    assert landed[6]
    assert first[1][0][:2] == (SYMBOLS * 600, SYMBOLS)
    assert abs(first[1][0][3] - landed[5]) < 1e-6 * landed[5]
    forecast_soon(service_settings, now=NOW)
    assert outcome(service_settings) == first
    # the dashboard, at the clock of the last ticker, finds each symbol's points, one a second
    clock_us = FIRST_US + 3599 * 1_000_000
    queries = infrequent_queries(clock_us=clock_us, keep_s=600)
    rows_by_query = query_read_only(postgres_dsn, queries, timeout_s=5)
    look = make_snapshot(PostgresSnapshot(), rows_by_query, seen_s=0)
    assert {len(points) for points in look.short_term.values()} == {600}
    assert len(look.short_term) == SYMBOLS
    assert look.short == {}
    print(f"50 symbols: {took_s:.1f} s")
