"""Postgres serves each published forecast where the last closed minute is, by one formula."""

import hashlib
import math
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pytest

from include.forecast.anchors import serve_anchors
from include.forecast.bands import realised_volatility
from include.forecast.forecast_file import publish, read, render
from include.forecast.manifest import Manifest
from include.lake.tables import TRADE_MINUTES
from include.market.anchoring import Anchor, reanchor
from include.serving.connection import transaction
from include.serving.forecast_points import serve_forecast
from include.serving.read_only_query import query_read_only
from include.serving.tables import upsert
from include.settings import Settings
from streaming import minutes as minutes_process
from streaming.dashboard.sources.postgres import make_snapshot
from streaming.dashboard.sources.postgres_queries import infrequent_queries
from streaming.dashboard.state import PostgresSnapshot
from streaming.trader.forecasts import PublishedForecast
from tests.support.minute_rows import minute_rows
from tests.support.postgres import fetch_tuples
from tests.support.services import eventually

TEN, MINUTE = datetime(2026, 4, 24, 10, tzinfo=UTC), timedelta(minutes=1)
ROW = minute_rows([0]).to_pylist()[0]
FIELDS = "ds, yhat, yhat_lower, yhat_upper, anchor_minute"
ROWS = 400


@pytest.fixture
def world(service_settings: Settings, postgres_dsn: Any, tmp_path: Path) -> Iterator[Settings]:
    for table in ("trade_minutes", "reader_offsets", "forecast_points", "forecast_anchors"):
        with transaction(postgres_dsn) as connection, connection.cursor() as cursor:
            cursor.execute(f"TRUNCATE {table}")
    forecast = replace(service_settings.forecast, symbols=("ETH-USD",))
    yield replace(service_settings, var=tmp_path, forecast=forecast)


def publish_and_serve(
    settings: Settings, symbol: str = "BTC-USD", *, model: str = "m1", level: float = 9000.0
) -> PublishedForecast:
    """A wavy forecast of 400 minutes after 10:00, published and in Postgres."""
    points = [
        (TEN + n * MINUTE, level + 30 * math.sin(n / 9), 0.0004 * math.sqrt(n))
        for n in range(1, ROWS + 1)
    ]
    rows = [(ds, "buy", yhat, yhat * math.exp(-w), yhat * math.exp(w)) for ds, yhat, w in points]
    content = render(rows)
    manifest = Manifest(
        forecast_id=f"{symbol}-{model}",
        symbol=symbol,
        world=settings.world,
        sha256=hashlib.sha256(content).hexdigest(),
        rows=ROWS,
        first_ds=rows[0][0],
        last_ds=rows[-1][0],
        trained_until=TEN,
        made_at=TEN + timedelta(hours=len(model)),
        model=model,
        fitted_by="hand",
        versions={},
        metrics={},
        last_price=level,
        volatility=0.001,
    )
    folder = settings.forecasts_of(symbol)
    publish(folder, content=content, manifest=manifest, keep=3)
    shared = {"symbol": symbol, "model": model, "made_at": manifest.made_at}
    served = [
        shared | {"ds": ds, "yhat": yhat, "yhat_lower": lower, "yhat_upper": upper}
        for ds, _, yhat, lower, upper in rows
    ]
    serve_forecast(settings.dsn(), served, market_at=TEN, keep_days=2)
    return PublishedForecast(read(folder / manifest.forecast_id))


def trade(settings: Settings, number: int, close: D | int, **more: Any) -> None:
    """A minute of trades, so many after 10:00."""
    row = ROW | {"venue": "gemini", "symbol": "BTC-USD"} | more
    upsert(settings.dsn(), TRADE_MINUTES, [row | {"minute": TEN + number * MINUTE, "close": close}])


def view(settings: Settings, symbol: str = "BTC-USD") -> list[tuple[Any, ...]]:
    statement = f"SELECT {FIELDS} FROM anchored_points WHERE symbol = %s ORDER BY ds"
    return fetch_tuples(settings.dsn(), statement, [symbol])


def micros(at: datetime) -> int:
    return int(at.timestamp()) * 1_000_000


def assert_is_put(
    settings: Settings, curve: PublishedForecast, anchor: Anchor, symbol: str = "BTC-USD"
) -> None:
    rows = view(settings, symbol)
    assert len(rows) == ROWS
    for ds, *numbers, anchor_minute in rows:
        anchored = reanchor(curve, anchor, micros(ds))
        if anchored is None:  # at or before the anchor: as it was published
            published = (curve.level_at(micros(ds)), *(curve.bounds_at(micros(ds)) or ()))
            assert (tuple(numbers), anchor_minute) == (published, None)
        else:
            assert micros(anchor_minute) == anchor.minute
            assert numbers == pytest.approx(list(anchored), rel=1e-9)
    assert sum(row[-1] is not None for row in rows) > 0


def test_the_view_is_the_pure_function_at_the_last_closed_minute(world: Settings) -> None:
    curve = publish_and_serve(world)
    closes = [D(9000) + D(number * number % 37) for number in range(91)]
    for number, close in enumerate(closes):
        trade(world, number, close)
    trade(world, 91, 5)  # not closed yet
    assert serve_anchors(world, end_at=TEN + 91 * MINUTE) == 1
    import pandas as pd

    times = pd.date_range(TEN.replace(tzinfo=None), periods=91, freq="min")
    prices_df = pd.DataFrame({"ds": times, "close": [float(close) for close in closes]})
    volatility = realised_volatility(prices_df)
    assert volatility > 0.001
    anchor = Anchor(micros(TEN + 90 * MINUTE), closes[90], volatility)
    assert_is_put(world, curve, anchor)
    # nothing new: nothing moves; a minute more: it does
    assert serve_anchors(world, end_at=TEN + 91 * MINUTE) == 0
    assert serve_anchors(world, end_at=TEN + 92 * MINUTE) == 1


def test_at_the_end_of_training_and_before_an_hour_the_published_numbers_count(
    world: Settings,
) -> None:
    curve = publish_and_serve(world)
    trade(world, 0, 9090)
    assert serve_anchors(world, end_at=TEN + MINUTE) == 1
    assert_is_put(world, curve, Anchor(micros(TEN), D(9090), 0.001))


def test_each_symbol_is_put_by_its_own_trades_of_one_venue(world: Settings) -> None:
    """The trader's venue first, or the one of the settings; the others only where it has none."""
    curves = {s: publish_and_serve(world, s, level=4000.0) for s in ("BTC-USD", "ETH-USD")}
    trade(world, 3, 4004)
    trade(world, 4, 1, venue="deribit")
    trade(world, 5, 4100, symbol="ETH-USD", venue="deribit")
    assert serve_anchors(world, end_at=TEN + 10 * MINUTE) == 2
    assert_is_put(world, curves["BTC-USD"], Anchor(micros(TEN + 3 * MINUTE), D(4004), 0.001))
    there = Anchor(micros(TEN + 5 * MINUTE), D(4100), 0.001)
    assert_is_put(world, curves["ETH-USD"], there, "ETH-USD")
    chosen = replace(world, forecast=replace(world.forecast, venue="deribit"))
    assert serve_anchors(chosen, end_at=TEN + 10 * MINUTE) == 1
    assert_is_put(world, curves["BTC-USD"], Anchor(micros(TEN + 4 * MINUTE), D(1), 0.001))
    # the dashboard has both, an hour and a minute a point
    queries = infrequent_queries(clock_us=micros(TEN + 10 * MINUTE), keep_s=600)
    look = make_snapshot(
        PostgresSnapshot(), query_read_only(world.dsn(), queries, timeout_s=5), seen_s=0
    )
    assert set(look.short) == set(look.long) == {"BTC-USD", "ETH-USD"}
    shown = {point.second: point.yhat for point in look.short["ETH-USD"]}
    for ds, yhat, *_ in view(world, "ETH-USD"):
        if ds <= TEN + 130 * MINUTE:
            assert shown[int(ds.timestamp())] == yhat


def test_a_forecast_that_cannot_be_put_anywhere_is_served_as_it_was_published(
    world: Settings,
) -> None:
    published = publish_and_serve(world)
    as_published = [
        (TEN + n * MINUTE, published.level_at(micros(TEN + n * MINUTE))) for n in range(1, ROWS + 1)
    ]
    trade(world, -1, 9000)  # before its training ended
    assert serve_anchors(world, end_at=TEN + 10 * MINUTE) == 0
    assert [row[:2] for row in view(world)] == as_published
    trade(world, 2, 9000)
    assert serve_anchors(world, end_at=TEN + 10 * MINUTE) == 1
    publish_and_serve(world, model="later one", level=9001.0)  # its anchor is yet to come
    assert [row[-1] for row in view(world)] == [None] * ROWS
    assert serve_anchors(world, end_at=TEN + 10 * MINUTE) == 1
    assert view(world)[2][-1] == TEN + 2 * MINUTE
    (world.forecasts / "CURRENT").write_text("BTC-USD-m1\n")  # rolled back; its points are gone
    assert serve_anchors(world, end_at=TEN + 10 * MINUTE) == 0
    assert [row[-1] for row in view(world)] == [None] * ROWS


def test_of_a_tape_the_newest_minute_is_open(world: Settings) -> None:
    publish_and_serve(world)
    tape = replace(world, simulator=replace(world.simulator, tape="/tape"))
    for number in (2, 3):
        trade(world, number, 9000 + number)
    assert serve_anchors(tape, end_at=TEN + timedelta(days=900)) == 1
    assert view(world)[5][-1] == TEN + 2 * MINUTE


def test_the_process_of_the_minutes_puts_the_forecast(world: Settings) -> None:
    publish_and_serve(world)
    trade(world, 2, 9000)
    quick = replace(world, stream=replace(world.stream, minutes_s=0.05))
    stop = threading.Event()
    thread = threading.Thread(
        target=minutes_process.run, args=(quick, stop), kwargs={"now": lambda: TEN + 4 * MINUTE}
    )
    thread.start()
    try:
        eventually(lambda: view(world)[5][-1] == TEN + 2 * MINUTE, what="the forecast is put")
    finally:
        stop.set()
        thread.join(20)
    assert not thread.is_alive()
