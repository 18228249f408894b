"""Which prices a model is fitted to: closes or weighted prices, and of which venue's trades."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from include.errors import SettingsError
from include.forecast import draft_forecast, promotion, publishing, training
from include.forecast.forecast_file import load_current
from include.forecast.history import CLOSE, VWAP, PriceChoice, training_minutes
from include.forecast.predict import predict
from include.forecast.recipe import LEVELS, Recipe, configured_recipe, fit_recipe
from include.forecast.reproduce import matches_manifest, reproduce_forecast
from include.settings import Settings
from tests.support.forecast_world import (
    MINUTE,
    NOW,
    T0,
    wave,
    write_history,
    write_trades,
    write_weighted,
)

END = T0 + timedelta(days=3)


def with_forecast(settings: Settings, **changes: str) -> Settings:
    return replace(settings, forecast=replace(settings.forecast, **changes))


def closes_and_weighted(days: int = 3) -> tuple[list[float | None], list[float | None]]:
    """Closes that rise and fall once an hour, and weighted prices that do so once a day."""
    draw = np.random.default_rng(3)
    noise = np.cumsum(draw.normal(0, 0.5, days * 1440))
    minutes = np.arange(days * 1440)
    hourly, daily = np.sin(minutes * 2 * np.pi / 60), np.sin(minutes * 2 * np.pi / 1440)
    paths = (9000 + noise + 5 * hourly, 9000 + noise + 90 * daily)
    return paths[0].round(2).tolist(), paths[1].round(4).tolist()


def test_weighted_prices_are_the_archives_and_those_of_landed_minutes(settings: Settings) -> None:
    write_history(settings, [1.0, 2.0, None, 4.0], vwap=[1.5, None, 7.0, 3.5])
    write_trades(settings, [(T0 + n * MINUTE, n + 0.0) for n in (3, 4, 5, 6, 7)])
    write_weighted(settings, [(T0 + 3 * MINUTE, 9, 1), (T0 + 4 * MINUTE, 11, 2.5), (T0, 1, 1)])
    write_weighted(settings, [(T0 + 5 * MINUTE, 0, 0)])
    asked = {"symbol": "BTC-USD", "as_of": None, "train_days": 0, "min_minutes": 1}
    history = training_minutes(settings.lake, **asked, choice=PriceChoice((), VWAP))  # type: ignore[arg-type]
    assert history.prices_df["close"].tolist() == [1, 2, 4, 4, 5, 6]
    # of the archive 1.5, its close, 3.5; landed: 22 / 5, and closes where nothing was weighted
    assert history.prices_df["target"].tolist() == [1.5, 2, 3.5, 4.4, 5, 6]
    assert history.versions.keys() == {"history_minutes", "trades", "trade_minutes"}
    plain = training_minutes(settings.lake, **asked)  # type: ignore[arg-type]
    assert list(plain.prices_df) == ["ds", "close"]
    assert plain.versions.keys() == {"history_minutes", "trades"}


@pytest.mark.parametrize("likelihood", ["changes", LEVELS])
def test_the_seasons_are_those_of_the_target_and_the_level_is_the_last_close(
    likelihood: str,
) -> None:
    closes, weighted = closes_and_weighted()
    ds = pd.date_range("2018-04-01", periods=len(closes), freq="min")
    prices_df = pd.DataFrame({"ds": ds, "close": closes, "target": weighted})
    start = ds[-1].tz_localize("UTC")
    levels = {
        target: predict(
            fit_recipe(prices_df, Recipe(likelihood, target=target)), start_at=start, minutes=1440
        )["yhat"].to_numpy()
        for target in (CLOSE, VWAP)
    }
    for path in levels.values():
        assert path[0] == pytest.approx(closes[-1], rel=1e-9)
    swings = {target: np.ptp(path) for target, path in levels.items()}
    assert swings[VWAP] > 3 * swings[CLOSE]
    assert swings[VWAP] > 90
    of_closes = fit_recipe(prices_df[["ds", "close"]], Recipe(likelihood, target=VWAP))
    again = predict(of_closes, start_at=start, minutes=1440)["yhat"].to_numpy()
    assert (again == levels[CLOSE]).all(), "without weighted prices there are the closes"


def test_a_forecast_of_weighted_prices_says_so_and_is_made_again(settings: Settings) -> None:
    closes, weighted = closes_and_weighted()
    write_history(settings, closes, vwap=weighted)
    write_trades(settings, [(END + n * MINUTE, 9000.0 + n) for n in range(4)])
    write_weighted(settings, [(END + MINUTE, 4500, 0.5)])
    by_vwap = with_forecast(settings, target=VWAP)
    asked = {"symbol": "BTC-USD", "as_of": None, "train_days": 0, "now": NOW}
    record = training.train(by_vwap, **asked)  # type: ignore[arg-type]
    plain = training.train(settings, **asked)  # type: ignore[arg-type]
    assert (record.target, plain.target) == (VWAP, CLOSE)
    assert record.model != plain.model
    assert record.last_price == plain.last_price == 9002.0
    manifest = draft_forecast.draft(by_vwap, name=record.model, horizon_minutes=90, now=NOW)
    assert promotion.check_promotion(by_vwap, manifest.forecast_id), "it is judged"
    publishing.publish_draft(by_vwap, manifest.forecast_id)
    write_weighted(settings, [(END, 1, 1)])  # a later version of the inputs
    read_manifest, content = reproduce_forecast(settings, manifest.forecast_id)
    assert (read_manifest.target, read_manifest.venue) == (VWAP, "gemini")
    assert matches_manifest(read_manifest, content)


def test_a_target_that_is_none_is_named(settings: Settings) -> None:
    with pytest.raises(SettingsError, match=r"FORECAST_TARGET is 'mid': it is one of close, vwap"):
        configured_recipe(with_forecast(settings, target="mid").forecast)


def jumping(settings: Settings) -> None:
    """A minute at 9,000 of one venue, the next at 9,300 of another, after a calm archive."""
    write_history(settings, wave(3))
    for venue, price, numbers in (("gemini", 9000.0, (0, 2, 4)), ("deribit", 9300.0, (1, 3, 5, 7))):
        write_trades(settings, [(END + n * MINUTE, price + n) for n in numbers], venue=venue)


@pytest.mark.parametrize(
    ("venue", "counted", "closes"),
    [
        ("", "gemini", [9000.0, 9002.0]),  # the trader's
        ("deribit", "deribit", [9301.0, 9303.0, 9305.0]),
        ("binance", "gemini", [9000.0, 9002.0]),  # it has no such trades
    ],
)
def test_the_trades_of_one_venue_count(
    settings: Settings, venue: str, counted: str, closes: list[float]
) -> None:
    jumping(settings)
    chosen = with_forecast(settings, venue=venue)
    record = training.train(chosen, symbol="BTC-USD", as_of=None, train_days=0, now=NOW)
    assert record.venue == counted
    assert record.last_price == closes[-1]
    history = training_minutes(
        settings.lake,
        symbol="BTC-USD",
        as_of=None,
        train_days=0,
        choice=PriceChoice(chosen.venue_order),
    )
    landed_df = history.prices_df[history.prices_df["ds"] >= pd.Timestamp(END.replace(tzinfo=None))]
    assert landed_df["close"].tolist() == closes
    manifest = draft_forecast.draft(chosen, name=record.model, horizon_minutes=60, now=NOW)
    publishing.publish_draft(chosen, manifest.forecast_id)
    assert load_current(settings.forecasts).manifest.venue == counted
    assert matches_manifest(*reproduce_forecast(settings, manifest.forecast_id))


def test_a_venue_that_begins_later_does_not_take_the_place_of_one_that_has_traded(
    settings: Settings,
) -> None:
    write_history(settings, wave(2))
    end = T0 + timedelta(days=2)
    write_trades(settings, [(end + n * MINUTE, 9000.0 + n) for n in range(3)], venue="deribit")
    write_trades(settings, [(end + timedelta(days=5), 1.0)], venue="gemini")
    as_of = end + timedelta(hours=1)
    record = training.train(settings, symbol="BTC-USD", as_of=as_of, train_days=0, now=NOW)
    assert (record.venue, record.last_price) == ("deribit", 9002.0)
