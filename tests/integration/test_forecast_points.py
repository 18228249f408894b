"""Postgres serves the newest forecast of each minute, and forgets what nobody reads any more."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from include.serving.connection import transaction
from include.serving.forecast_points import serve_forecast
from include.serving.read_only_query import query_read_only
from include.serving.tables import FORECAST_POINTS, upsert
from include.settings import Settings
from streaming.dashboard.sources.postgres import make_snapshot
from streaming.dashboard.sources.postgres_queries import infrequent_queries
from streaming.dashboard.state import PostgresSnapshot
from tests.support.postgres import fetch_tuples

T0 = datetime(2026, 4, 24, 5, tzinfo=UTC)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


@pytest.fixture(autouse=True)
def empty(postgres_dsn: dict[str, Any]) -> None:
    with transaction(postgres_dsn) as link, link.cursor() as cursor:
        cursor.execute("TRUNCATE forecast_points")


def serve(
    dsn: dict[str, Any],
    model: str,
    first: datetime,
    minutes: int,
    *,
    level: float,
    made_at: datetime,
    clock: datetime | None = None,
    symbol: str = "BTC-USD",
) -> None:
    points = [
        {
            "symbol": symbol,
            "model": model,
            "ds": first + MINUTE * n,
            "made_at": made_at,
            "yhat": level,
            "yhat_lower": level - 1,
            "yhat_upper": level + 1,
        }
        for n in range(minutes)
    ]
    serve_forecast(dsn, points, market_at=clock or first, keep_days=2)


def there(dsn: dict[str, Any]) -> list[tuple[Any, ...]]:
    return fetch_tuples(
        dsn,
        "SELECT symbol, model, count(*), min(ds), max(ds) FROM forecast_points"
        " GROUP BY 1, 2 ORDER BY 1, 2",
    )


def test_minutes_longer_past_than_kept_go_and_nothing_else(postgres_dsn: dict[str, Any]) -> None:
    for symbol in ("BTC-USD", "ETH-USD"):
        serve(postgres_dsn, "m1", T0, 100, level=1, made_at=T0, symbol=symbol)
    serve(postgres_dsn, "short-term", T0, 10, level=2, made_at=T0)
    later = T0 + 2 * DAY + 30 * MINUTE
    serve(postgres_dsn, "m2", later, 3, level=3, made_at=later)
    oldest_kept = T0 + 30 * MINUTE  # exactly two days old: still kept
    assert there(postgres_dsn) == [
        ("BTC-USD", "m1", 70, oldest_kept, T0 + 99 * MINUTE),
        ("BTC-USD", "m2", 3, later, later + 2 * MINUTE),
        ("ETH-USD", "m1", 70, oldest_kept, T0 + 99 * MINUTE),
    ]


def test_what_a_newer_forecast_covers_goes_and_the_rest_of_the_older_one_stays(
    postgres_dsn: dict[str, Any],
) -> None:
    serve(postgres_dsn, "m1", T0, 100, level=1, made_at=T0)
    serve(postgres_dsn, "short-term", T0 + 40 * MINUTE, 10, level=2, made_at=T0)
    serve(postgres_dsn, "m1", T0, 20, level=1, made_at=T0, symbol="ETH-USD")
    serve(postgres_dsn, "m2", T0 + 30 * MINUTE, 50, level=3, made_at=T0 + DAY)
    assert there(postgres_dsn) == [
        ("BTC-USD", "m1", 50, T0, T0 + 99 * MINUTE),
        ("BTC-USD", "m2", 50, T0 + 30 * MINUTE, T0 + 79 * MINUTE),
        ("BTC-USD", "short-term", 10, T0 + 40 * MINUTE, T0 + 49 * MINUTE),
        ("ETH-USD", "m1", 20, T0, T0 + 19 * MINUTE),
    ]
    # one made earlier, written late (a retried task), does not come before the newer one
    serve(postgres_dsn, "m1", T0, 100, level=1, made_at=T0)
    assert there(postgres_dsn)[0][2] == 50


def test_serving_again_changes_nothing_and_an_older_clock_forgets_nothing(
    postgres_dsn: dict[str, Any],
) -> None:
    serve(postgres_dsn, "m1", T0, 100, level=1, made_at=T0)
    before = there(postgres_dsn)
    serve(postgres_dsn, "m1", T0, 100, level=1, made_at=T0)
    assert there(postgres_dsn) == before
    past = T0 - 30 * DAY
    serve(postgres_dsn, "of_2018", past, 5, level=9, made_at=T0 + DAY)
    assert [row[1:3] for row in there(postgres_dsn)] == [("m1", 100), ("of_2018", 5)]


def test_the_dashboard_sees_the_same_before_and_after_the_clearing(
    postgres_dsn: dict[str, Any], service_settings: Settings
) -> None:
    """Nights of forecasts, cleared and not: each look of the dashboard is the same."""
    looks, sizes = [], []
    for cleared in (True, False):
        with transaction(postgres_dsn) as link, link.cursor() as cursor:
            cursor.execute("TRUNCATE forecast_points")
        for night in range(6):
            first = T0 + night * DAY
            points = [
                {
                    "symbol": "BTC-USD",
                    "model": f"m{night}",
                    "ds": first + 5 * n * MINUTE,
                    "made_at": first,
                    "yhat": night + n / 1e4,
                    "yhat_lower": 0.0,
                    "yhat_upper": 9.0,
                }
                for n in range(2016)
            ]
            if cleared:
                serve_forecast(postgres_dsn, points, market_at=first, keep_days=2)
            else:
                upsert(postgres_dsn, FORECAST_POINTS, points)
        clock_us = int((T0 + 5 * DAY + 90 * MINUTE).timestamp()) * 1_000_000
        queries = infrequent_queries(clock_us=clock_us, keep_s=3600)
        answers = query_read_only(postgres_dsn, queries, timeout_s=5)
        looks.append(make_snapshot(PostgresSnapshot(), answers, seen_s=0))
        sizes.append(fetch_tuples(postgres_dsn, "SELECT count(*) FROM forecast_points")[0][0])
    assert looks[0].short == looks[1].short and len(looks[0].short["BTC-USD"]) > 30
    # a day back and three ahead, hour by hour, both ends included, from half past six
    assert looks[0].long == looks[1].long and len(looks[0].long["BTC-USD"]) == 4 * 24
    # of the two days before the clock each night's own 288 points, and the last one's week
    assert sizes == [2 * 288 + 2016, 6 * 2016]
