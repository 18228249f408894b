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

from include.forecast.anchors import ForecastServer
from include.forecast.bands import realised_volatility
from include.forecast.forecast_file import publish, read, render
from include.forecast.manifest import Manifest
from include.lake.tables import TRADE_MINUTES
from include.market.anchoring import Anchor, reanchor
from include.serving.connection import transaction
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
DAY = timedelta(days=1)
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
    settings: Settings,
    symbol: str = "BTC-USD",
    *,
    model: str = "m1",
    level: float = 9000.0,
    begin: datetime = TEN,
) -> PublishedForecast:
    """A wavy forecast of 400 minutes after 10:00 (`begin`), published and in Postgres."""
    points = [
        (begin + n * MINUTE, level + 30 * math.sin(n / 9), 0.0004 * math.sqrt(n))
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
        trained_until=begin,
        made_at=begin + timedelta(hours=len(model)),
        model=model,
        fitted_by="hand",
        versions={},
        metrics={},
        last_price=level,
        volatility=0.001,
    )
    folder = settings.forecasts_of(symbol)
    publish(folder, content=content, manifest=manifest, keep=3)
    ForecastServer(settings).serve(end_at=TEN - DAY)
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
    assert ForecastServer(world).serve(end_at=TEN + 91 * MINUTE) == 1
    import pandas as pd

    times = pd.date_range(TEN.replace(tzinfo=None), periods=91, freq="min")
    prices_df = pd.DataFrame({"ds": times, "close": [float(close) for close in closes]})
    volatility = realised_volatility(prices_df)
    assert volatility > 0.001
    anchor = Anchor(micros(TEN + 90 * MINUTE), closes[90], volatility)
    assert_is_put(world, curve, anchor)
    # nothing new: nothing moves; a minute more: it does
    assert ForecastServer(world).serve(end_at=TEN + 91 * MINUTE) == 0
    assert ForecastServer(world).serve(end_at=TEN + 92 * MINUTE) == 1


def test_at_the_end_of_training_and_before_an_hour_the_published_numbers_count(
    world: Settings,
) -> None:
    curve = publish_and_serve(world)
    trade(world, 0, 9090)
    assert ForecastServer(world).serve(end_at=TEN + MINUTE) == 1
    assert_is_put(world, curve, Anchor(micros(TEN), D(9090), 0.001))


def test_each_symbol_is_put_by_its_own_trades_of_one_venue(world: Settings) -> None:
    """The trader's venue first, or the one of the settings; the others only where it has none."""
    curves = {s: publish_and_serve(world, s, level=4000.0) for s in ("BTC-USD", "ETH-USD")}
    trade(world, 3, 4004)
    trade(world, 4, 1, venue="deribit")
    trade(world, 5, 4100, symbol="ETH-USD", venue="deribit")
    assert ForecastServer(world).serve(end_at=TEN + 10 * MINUTE) == 2
    assert_is_put(world, curves["BTC-USD"], Anchor(micros(TEN + 3 * MINUTE), D(4004), 0.001))
    there = Anchor(micros(TEN + 5 * MINUTE), D(4100), 0.001)
    assert_is_put(world, curves["ETH-USD"], there, "ETH-USD")
    chosen = replace(world, forecast=replace(world.forecast, venue="deribit"))
    assert ForecastServer(chosen).serve(end_at=TEN + 10 * MINUTE) == 1
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
    assert ForecastServer(world).serve(end_at=TEN + 10 * MINUTE) == 0
    assert [row[:2] for row in view(world)] == as_published
    trade(world, 2, 9000)
    assert ForecastServer(world).serve(end_at=TEN + 10 * MINUTE) == 1


def use(settings: Settings, model: str) -> None:
    """Point to a forecast, as a rollback does, or a person."""
    (settings.forecasts / "CURRENT").write_text(f"BTC-USD-{model}\n")


def test_whoever_moves_the_pointer_what_is_shown_is_the_forecast_in_use_put_at_now(
    world: Settings,
) -> None:
    """At once, in one transaction: nobody sees it unanchored, or another one beside it."""
    published = {"m1": publish_and_serve(world)}
    trade(world, 100, 9000)
    anchor, end = Anchor(micros(TEN + 100 * MINUTE), D(9000), 0.001), TEN + 110 * MINUTE
    known = ForecastServer(world)
    assert known.serve(end_at=end) == 1
    later = publish_and_serve(world, model="later", level=9100.0, begin=TEN + 60 * MINUTE)
    assert known.serve(end_at=end) == 1
    old, new = view(world)[:60], view(world)[60:]
    # minutes before its first are those of the forecast before it
    assert [row[1] for row in old] == [
        published["m1"].level_at(micros(TEN + n * MINUTE)) for n in range(1, 61)
    ]
    assert len(new) == ROWS
    for ds, *numbers, _ in new[40:]:
        assert numbers == pytest.approx(list(reanchor(later, anchor, micros(ds)) or ()), rel=1e-9)
    for _ in range(2):  # back, and forth again
        use(world, "m1")
        assert known.serve(end_at=end) == 1
        assert_is_put(world, published["m1"], anchor)
        assert known.serve(end_at=end) == 0
        use(world, "later")
        assert known.serve(end_at=end) == 1
        assert view(world) == [*old, *new]
    # what a process that was just started has to do: nothing, or everything
    assert ForecastServer(world).serve(end_at=end) == 0
    with transaction(world.dsn()) as link, link.cursor() as cursor:
        cursor.execute("DELETE FROM forecast_points")
    assert ForecastServer(world).serve(end_at=end) == 1
    assert view(world) == new


def test_where_the_forecast_in_use_is_damaged_the_one_before_it_stays_and_moves_on(
    world: Settings,
) -> None:
    earlier = publish_and_serve(world)
    publish_and_serve(world, model="later")
    use(world, "m1")
    trade(world, 2, 9000)
    running = ForecastServer(world)
    running.serve(end_at=TEN + 3 * MINUTE)
    (world.forecasts / "BTC-USD-later" / "forecast.csv").write_bytes(b"ds")
    use(world, "later")
    for minute, server in ((4, running), (5, ForecastServer(world))):
        trade(world, minute, 9000 + minute)
        assert server.serve(end_at=TEN + (minute + 1) * MINUTE) == 1
        anchor = Anchor(micros(TEN + minute * MINUTE), D(9000 + minute), 0.001)
        assert_is_put(world, earlier, anchor)


def test_of_a_tape_the_newest_minute_is_open(world: Settings) -> None:
    publish_and_serve(world)
    tape = replace(world, simulator=replace(world.simulator, tape="/tape"))
    for number in (2, 3):
        trade(world, number, 9000 + number)
    assert ForecastServer(tape).serve(end_at=TEN + timedelta(days=900)) == 1
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
