"""The models of a whole lake, fitted in Spark, are those that the retraining DAG would make."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import SparkSession

from include.errors import HistoryError
from include.forecast import predict, prophet
from include.forecast.history import VWAP, PriceChoice, training_minutes
from include.forecast.manifest import Holiday
from include.forecast.recipe import Recipe, fit_recipe
from include.settings import Settings
from spark_jobs.fit_forecasts import fit_all, lake_minutes
from spark_jobs.forecast_changes import fit_changes
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


@pytest.fixture
def lake(settings: Settings) -> Settings:
    """Three days of archive, a second archive over some of it, trades before and after its end."""
    closes = wave(3)
    closes[100:130] = [None] * 30
    write_history(settings, closes)
    write_history(settings, [1.0, None, 2.0], start=T0, source="bitfinex")  # a tie in load time
    newer = NOW + MINUTE
    write_history(settings, [9100.0, 9101.0], start=T0 + 500 * MINUTE, loaded_at=newer)
    second = timedelta(seconds=1)
    write_trades(
        settings,
        [
            (T0 + 110 * MINUTE + 5 * second, 9007.25),
            (T0 + 110 * MINUTE + 9 * second, 9008.5),
            (T0 + 700 * MINUTE, 1.0),
            (END + 10 * second, 9050.0),
            (END + MINUTE, 9051.0),
            (END + 2 * MINUTE + second, 9060.0),
        ],
    )
    # of a block trade and of a wrong clock: no price of their minutes
    write_trades(settings, [(END + 50 * second, 1.0)], condition="block")
    write_trades(settings, [(END + MINUTE + 50 * second, 2.0)], received_at=END)
    return settings


def test_the_lakes_minutes_are_those_that_training_reads(
    spark: SparkSession, lake: Settings, tmp_path: Path
) -> None:
    as_of = END + 2 * MINUTE
    minutes = lake_minutes(spark, lake, as_of=as_of).cache()
    alone = training_minutes(lake.lake, symbol="BTC-USD", as_of=as_of, train_days=0).prices_df
    minutes_df = minutes.toPandas().sort_values("ds")
    assert minutes_df["symbol"].unique().tolist() == ["BTC-USD"]
    assert minutes_df["ds"].tolist() == alone["ds"].tolist()
    assert minutes_df["close"].tolist() == alone["close"].tolist()
    assert len(minutes_df) == 3 * 1440 - 30 + 1 + 2

    assert fit_all(minutes, tmp_path / "models", Recipe()) == ["BTC-USD"]
    stored = prophet.from_json((tmp_path / "models" / "BTC-USD.json").read_text())
    fitted = fit_recipe(alone, Recipe())
    levels = [
        predict.predict(model, start_at=as_of, minutes=500)["yhat"]
        for model in (replace(fitted, prophet=stored), fitted)
    ]
    np.testing.assert_allclose(levels[0], levels[1], rtol=1e-8)


def test_weighted_prices_and_one_venue_count_as_in_training(
    spark: SparkSession, lake: Settings
) -> None:
    begin, newer = END - 3 * MINUTE, NOW + MINUTE
    vwap = [9201.5, None, 9203.0]
    write_history(lake, [9200.0] * 3, start=begin, source="w", loaded_at=newer, vwap=vwap)
    write_weighted(lake, [(END, 4525.5, 0.5)])
    write_trades(lake, [(END + 20 * MINUTE, 1.0)], venue="deribit")  # gemini comes first
    as_of = END + 30 * MINUTE
    minutes_df = lake_minutes(spark, lake, as_of=as_of, target=VWAP).toPandas().sort_values("ds")
    alone = training_minutes(
        lake.lake,
        symbol="BTC-USD",
        as_of=as_of,
        train_days=0,
        choice=PriceChoice(lake.venue_order, VWAP),
    ).prices_df
    assert minutes_df["ds"].tolist() == alone["ds"].tolist()
    assert minutes_df["close"].tolist() == alone["close"].tolist()
    assert minutes_df["target"].tolist() == alone["target"].tolist()
    # the archive's, its close where it has none, and 2 x 4525.5 / (2 x 0.5); then a close again
    assert alone["target"].tolist()[-6:-2] == [9201.5, 9200.0, 9203.0, 9051.0]
    assert alone["close"].tolist()[-3:] == [9050.0, 9051.0, 9060.0]


def test_too_little_history_is_named_and_nothing_is_written(
    spark: SparkSession, lake: Settings, tmp_path: Path
) -> None:
    early = lake_minutes(spark, lake, as_of=T0 + 50 * MINUTE)
    with pytest.raises(HistoryError, match="no symbol has the 1440 minutes"):
        fit_all(early, tmp_path / "models", Recipe())
    with pytest.raises(HistoryError, match="only 0 minutes of DOGE-USD"):
        fit_all(early, tmp_path / "models", Recipe(), symbols=("DOGE-USD",))
    assert not (tmp_path / "models").exists()


def test_symbols_are_fitted_to_changes_or_left_out_with_the_reason(spark: SparkSession) -> None:
    draw = np.random.default_rng(4)
    ds = pd.date_range("2018-02-01", periods=3 * 1440, freq="min")
    walk_df = pd.DataFrame({"ds": ds, "close": 100 * np.exp(np.cumsum(draw.normal(0, 1e-3, 4320)))})
    minutes_df = pd.concat(
        [walk_df.assign(symbol="BTC-USD"), walk_df.assign(symbol="FLAT-USD", close=7.0)]
    )
    recipe = Recipe(holidays=(Holiday("hack", date(2018, 2, 2)),))
    models, reasons = fit_changes(
        spark.createDataFrame(minutes_df.sample(frac=1, random_state=1)), recipe
    )
    alone = fit_recipe(walk_df, recipe)
    assert models["BTC-USD"].band == alone.band
    np.testing.assert_allclose(
        models["BTC-USD"].prophet.params["beta"], alone.prophet.params["beta"]
    )
    assert list(models) == ["BTC-USD"]
    assert "the price is 7 without a change" in reasons["FLAT-USD"]
