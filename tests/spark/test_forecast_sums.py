"""Prophet fitted in Spark, by sums and a few rows, is Prophet fitted to the rows."""

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import DataFrame, SparkSession

from include.errors import HistoryError
from include.forecast import fit, map_fit, predict, prophet
from include.forecast.history import VWAP
from include.forecast.recipe import Recipe, fit_recipe
from include.forecast.sufficient_statistics import make_skeleton
from spark_jobs.forecast_sums import fit_levels, fit_symbols, shapes_of, sum_by_symbol

BEGIN = pd.Timestamp("2026-03-01 00:07")


def walk(minutes: int, seed: int, *, price: float = 60_000.0, seasons: float = 0.0) -> pd.DataFrame:
    chance = np.random.default_rng(seed)
    steps = np.cumsum(chance.normal(0, 4e-4, minutes))
    daily = seasons * np.sin(np.arange(minutes) * 2 * np.pi / 1440)
    ds = pd.date_range(BEGIN, periods=minutes, freq="min")
    return pd.DataFrame({"ds": ds, "close": price * np.exp(steps + daily)})


SERIES = {
    "BTC-USD": walk(20 * 1440, 1),
    "ETH-USD": walk(5 * 1440, 2, price=0.5, seasons=0.02),  # log price below 0: |y| is largest low
    "GAP-USD": walk(4 * 1440, 3).drop(index=range(1000, 3000)).reset_index(drop=True),
    "ONE-USD": walk(3000, 4, price=1.0).assign(close=1.0),  # log price 0 throughout
    "LIN-USD": walk(3000, 5).assign(close=np.exp(np.linspace(9, 9.1, 3000))),  # a perfect fit
}


@pytest.fixture(scope="module")
def minutes(spark: SparkSession) -> DataFrame:
    frames = [frame.assign(symbol=symbol) for symbol, frame in SERIES.items()]
    shuffled = pd.concat(frames).sample(frac=1.0, random_state=7)
    rows = spark.createDataFrame(shuffled).repartition(5)
    return rows.withColumn("ds", rows["ds"].cast("timestamp_ntz")).cache()


def test_every_symbol_gets_the_model_that_its_rows_alone_give(minutes: DataFrame) -> None:
    fits = fit_symbols(minutes)
    assert set(fits) == set(SERIES)
    for symbol, frame in SERIES.items():
        alone, spark = fit.fit(frame), fits[symbol]
        assert (spark.prophet.start, spark.prophet.t_scale, spark.prophet.y_scale) == (
            alone.prophet.start,
            alone.prophet.t_scale,
            alone.prophet.y_scale,
        )
        np.testing.assert_array_equal(
            spark.prophet.changepoints_t, alone.prophet.changepoints_t, err_msg=symbol
        )
        assert spark.walk == pytest.approx(alone.walk, rel=1e-9)
        start = frame["ds"].iloc[-1].tz_localize("UTC")
        forecasts = [
            predict.predict(fitted, start_at=start, minutes=2000) for fitted in (spark, alone)
        ]
        for column in ("yhat", "yhat_lower", "yhat_upper"):
            ours, theirs = (np.log(forecast[column]) for forecast in forecasts)
            np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9, err_msg=symbol)


def test_levels_begin_at_the_last_price_and_a_price_that_cannot_be_is_named(
    minutes: DataFrame,
) -> None:
    """The level is that of closes, whatever was fitted; of the others the reason is given."""
    frames = {
        "BTC-USD": SERIES["BTC-USD"].assign(target=lambda df: df["close"] * 1.003),
        "ETH-USD": SERIES["ETH-USD"].assign(target=lambda df: df["close"] * 0.99),
        "NAN-USD": walk(3000, 6).assign(target=1.0),
        "NIL-USD": walk(3000, 7).assign(target=1.0),
    }
    frames["NAN-USD"].loc[[70, 900], "close"] = float("nan")
    frames["NIL-USD"].loc[71, "close"] = 0.0
    shuffled = pd.concat([df.assign(symbol=symbol) for symbol, df in frames.items()])
    rows = minutes.sparkSession.createDataFrame(shuffled.sample(frac=1.0, random_state=3))
    models, reasons = fit_levels(rows.withColumn("ds", rows["ds"].cast("timestamp_ntz")))
    assert set(models) == {"BTC-USD", "ETH-USD"}
    for symbol, fitted in models.items():
        frame, recipe = frames[symbol], Recipe("levels", target=VWAP)
        start = frame["ds"].iloc[-1].tz_localize("UTC")
        ours, theirs = (
            predict.predict(model, start_at=start, minutes=2000)["yhat"]
            for model in (fitted, fit_recipe(frame, recipe))
        )
        assert ours[0] == pytest.approx(frame["close"].iloc[-1], rel=1e-12)
        np.testing.assert_allclose(np.log(ours), np.log(theirs), rtol=1e-9, atol=1e-9)
    for symbol in ("NAN-USD", "NIL-USD"):
        with pytest.raises(HistoryError) as error:
            fit_recipe(frames[symbol], Recipe("levels"))
        assert reasons[symbol] == str(error.value)
    assert fit_levels(rows.where("symbol = 'NIL-USD'"))[0] == {}


def test_sums_of_parts_are_the_sums_of_all_rows(minutes: DataFrame) -> None:
    frames = {symbol: make_skeleton(shape) for symbol, shape in shapes_of(minutes).items()}
    models = {symbol: prophet for symbol, (prophet, _) in frames.items()}
    references = {
        symbol: np.full(len(priors.precision), 0.01) for symbol, (_, priors) in frames.items()
    }
    sums = sum_by_symbol(minutes, models, references)
    for symbol, frame in SERIES.items():
        data = prophet.stan_data(models[symbol], frame)
        alone = map_fit.sums_of(data, references[symbol])
        assert sums[symbol].rows == alone.rows == len(frame)
        np.testing.assert_allclose(sums[symbol].gram, alone.gram, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(sums[symbol].moment, alone.moment, rtol=1e-9, atol=1e-9)
        assert sums[symbol].square == pytest.approx(alone.square, rel=1e-9)
