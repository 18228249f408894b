"""A span of the past from a real Postgres, and what people write there."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from include.errors import QueryError
from include.lake.tables import SIGNALS, TRADE_MINUTES
from include.serving.annotations import add_annotation, remove_annotation
from include.serving.connection import transaction
from include.serving.read_only_query import query_read_only
from include.serving.tables import create_tables, upsert
from include.settings import Settings
from streaming.dashboard.choice import Span
from streaming.dashboard.sources.past import read_past
from streaming.dashboard.sources.past_queries import past_queries
from tests.support.lake_of_rows import put

START_AT = datetime(2026, 10, 1, tzinfo=UTC)
START = int(START_AT.timestamp())
MONTH = Span(START, START + 30 * 86_400)


def minute_row(number: int, *, close: int = 100) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(TRADE_MINUTES.names, Decimal(close))
    counts = {"total_count_buy": 2, "total_count_sell": 1}
    sums = {"total_base_buy": Decimal(3), "total_base_sell": Decimal(1)}
    at = START_AT + timedelta(minutes=number)
    names = {"venue": "gemini", "symbol": "BTC-USD", "minute": at, "vwap": 1.0, "complete": True}
    return row | counts | sums | names


@pytest.fixture
def tables(postgres_dsn: dict[str, Any], service_settings: Settings) -> Settings:
    create_tables(postgres_dsn)
    with transaction(postgres_dsn) as link, link.cursor() as cursor:
        cursor.execute("TRUNCATE trade_minutes, signals, annotations")
    return service_settings


def test_a_month_is_some_thousand_points_from_postgres_and_the_lake(tables: Settings) -> None:
    month = 30 * 1440
    step = MONTH.step_s // 60
    served = [minute_row(n, close=100 + n // step) for n in range(month // 2 + 7, month)]
    upsert(tables.dsn(), TRADE_MINUTES, served)
    put(tables.lake, "trade_minutes", [minute_row(n, close=1) for n in range(month // 2 + 7)])
    windows = [
        {
            "venue": "gemini",
            "symbol": "BTC-USD",
            "type": kind,
            "value": Decimal(n),
            "window_start": START_AT + timedelta(minutes=n),
            "timestamp": START_AT + timedelta(minutes=n + 1),
        }
        for n in range(month - 60, month - 1)
        for kind in ("price_volume", "bid", "ask")
    ]
    upsert(tables.dsn(), SIGNALS, windows)
    market = read_past(tables, ("BTC-USD",), MONTH)
    assert market.notice == ""
    series = market.state.series["gemini", "BTC-USD"]
    flows = series.minutes.flows
    assert len(flows) == month // step and len(flows) < 3000
    assert {flow.buy_base for flow in flows.values()} == {Decimal(3 * step)}, "each minute once"
    assert sum(flow.buys for flow in flows.values()) == 2 * month
    prices = [price for _, price in series.prices.select(0, 2**40)]
    assert prices[0] == 1.0 and prices[-1] == 100.0 + (month - 1) // step
    assert 1 <= len(series.ratios.select(0, 2**40)) <= 60 // step + 2
    assert len(series.sums["ask"]) == len(series.ratios)
    ratios = {second // MONTH.step_s: value for second, value in series.ratios.select(0, 2**40)}
    newest = {(START + 60 * (n + 1)) // MONTH.step_s: n for n in range(month - 60, month - 1)}
    assert ratios == newest, "the last value of each step"
    statement, bindings = past_queries(("BTC-USD",), MONTH)["ratios"]
    explained = {"plan": (f"EXPLAIN ANALYZE {statement}", bindings)}
    rows = query_read_only(tables.dsn(), explained, timeout_s=60)["plan"]
    plan = [str(row["QUERY PLAN"]) for row in rows]
    assert any("Aggregate" in line for line in plan), plan
    assert not any("Unique" in line or "Disk:" in line for line in plan), plan


def test_what_people_write_is_bounded_and_removed_again(tables: Settings) -> None:
    now = START_AT
    with pytest.raises(QueryError, match="needs a text"):
        add_annotation(tables.dsn(), "BTC-USD", START, " \0 ", now=now)
    with pytest.raises(QueryError, match="280 characters at most, this one has 281"):
        add_annotation(tables.dsn(), "BTC-USD", START, "x" * 281, now=now)
    text = "<b>'; DROP TABLE annotations; --"
    added = add_annotation(tables.dsn(), "BTC-USD", START + 60, text, now=now)
    add_annotation(tables.dsn(), "BTC-USD", START - 60, "before", now=now)
    assert read_past(tables, ("BTC-USD",), MONTH).state.postgres.annotations == (added,)
    assert added.note == text
    remove_annotation(tables.dsn(), added.annotation_id)
    remove_annotation(tables.dsn(), added.annotation_id)
    assert read_past(tables, ("BTC-USD",), MONTH).state.postgres.annotations == ()


def test_there_are_only_so_many(tables: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("include.serving.annotations.MAX_ANNOTATIONS", 1)
    add_annotation(tables.dsn(), "BTC-USD", START, "one", now=START_AT)
    with pytest.raises(QueryError, match="there are 1 annotations already"):
        add_annotation(tables.dsn(), "BTC-USD", START, "two", now=START_AT)
