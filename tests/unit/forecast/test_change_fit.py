"""Seasons fitted to price changes: found where they are, shrunk where not, and Prophet's own."""

import io
import json
import subprocess
import sys
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from include.errors import HistoryError
from include.forecast import change_fit, predict, prophet
from include.forecast.change_fit import sum_changes
from include.forecast.holidays import read_holidays
from include.forecast.manifest import Holiday
from include.forecast.recipe import LEVELS, Recipe, features_of, fit_recipe

DAY = 1440


def series(days: float, *, step: float = 5e-4, swing: float = 0.0, seed: int = 1) -> pd.DataFrame:
    """A random walk of a log price, with a daily wave of so much (log price) each way."""
    draw = np.random.default_rng(seed)
    count = int(days * DAY)
    logs = np.log(9000) + np.cumsum(draw.normal(0, step, count))
    ds = pd.date_range("2018-02-01", periods=count, freq="min")
    wave = swing * np.sin(2 * np.pi * np.arange(count) / DAY)
    return pd.DataFrame({"ds": ds, "close": np.exp(logs + wave)})


def day_after(prices_df: pd.DataFrame, recipe: Recipe | None = None) -> pd.DataFrame:
    fitted = fit_recipe(prices_df, recipe or Recipe())
    start = prices_df["ds"].iloc[-1].tz_localize("UTC") + pd.Timedelta(minutes=1)
    return predict.predict(fitted, start_at=start.to_pydatetime(), minutes=DAY)


def test_a_daily_wave_within_a_walk_is_found_and_a_walk_alone_is_not_believed() -> None:
    prices_df = series(60, step=2e-4, swing=0.02)
    levels = np.log(day_after(prices_df)["yhat"].to_numpy())
    wave = 0.02 * np.sin(2 * np.pi * np.arange(1, DAY + 1) / DAY)
    assert levels - np.log(prices_df["close"].iloc[-1]) == pytest.approx(wave, abs=0.006)
    walk_df = series(60)
    moves = np.log(day_after(walk_df)["yhat"].to_numpy() / walk_df["close"].iloc[-1])
    # a day of this walk moves by 190 basis points; what the fit believes of it is a tenth of that
    assert np.abs(moves).max() < 20e-4


@pytest.mark.parametrize("likelihood", ["changes", LEVELS])
def test_the_forecast_starts_at_the_last_price(likelihood: str) -> None:
    prices_df = series(20, swing=0.01)
    fitted = fit_recipe(prices_df, Recipe(likelihood))
    last_df = predict.predict_at(fitted, pd.DatetimeIndex(prices_df["ds"].tail(1)))
    assert last_df["yhat"].iloc[0] == pytest.approx(prices_df["close"].iloc[-1], rel=1e-12)


def test_stock_prophet_reads_the_model_and_predicts_the_same(tmp_path: Path) -> None:
    prices_df = series(30, swing=0.01)
    recipe = Recipe(holidays=(Holiday("hacked", date(2018, 2, 9), 0, 1),))
    fitted = fit_recipe(prices_df, recipe)
    (tmp_path / "model.json").write_text(prophet.to_json(fitted.prophet))
    program = (
        "import sys, pandas as pd\n"
        "from prophet.serialize import model_from_json\n"
        f"model = model_from_json(open({str(tmp_path / 'model.json')!r}).read())\n"
        "ds = pd.date_range('2018-03-03', periods=3000, freq='min')\n"
        "model.predict(pd.DataFrame({'ds': ds}))[['yhat']].to_json(sys.stdout, double_precision=15)"
    )
    child = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    stock = pd.read_json(io.StringIO(child.stdout[child.stdout.index("{") :]))["yhat"]
    ours_df = predict.predict_at(fitted, pd.date_range("2018-03-03", periods=3000, freq="min"))
    np.testing.assert_allclose(np.log(ours_df["yhat"]), stock, atol=1e-9)
    assert json.loads((tmp_path / "model.json").read_text())["params"]["k"] == [[0.0]]


def test_the_columns_are_prophets_own() -> None:
    prices_df = series(20)
    recipe = Recipe(
        holidays=(Holiday("hack", date(2018, 2, 3), -1, 1), Holiday("fork", date(2018, 2, 9)))
    )
    model = fit_recipe(prices_df, recipe).prophet
    frame = model.setup_dataframe(prices_df[["ds"]].copy())
    expected, _, _, _ = model.make_all_seasonality_features(frame)
    features = features_of(prices_df, recipe)
    block = np.empty((features.width, len(prices_df)))
    features.fill(block, prices_df["ds"].to_numpy(dtype="datetime64[ns]").view(np.int64))
    np.testing.assert_allclose(block[1:].T, expected.to_numpy(), atol=1e-9)


def test_the_sums_do_not_depend_on_the_blocks_and_see_no_change_across_a_gap(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    prices_df = series(9)
    gap_df = prices_df.assign(
        ds=prices_df["ds"].where(prices_df.index < 5000, prices_df["ds"] + pd.Timedelta(days=60)),
        close=prices_df["close"].where(prices_df.index < 5000, prices_df["close"] * 3),
    )
    features = features_of(gap_df, Recipe())
    at_once = sum_changes(features, gap_df)
    # 60 rows warm the volatility up; the change across 60 days is none
    assert at_once.rows == len(gap_df) - 1 - 60 - 1
    monkeypatch.setattr(change_fit, "BLOCK_ROWS", 101)
    in_blocks = sum_changes(features, gap_df)
    np.testing.assert_allclose(in_blocks.gram, at_once.gram, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(in_blocks.moment, at_once.moment, rtol=1e-9, atol=1e-9)


def test_a_change_is_measured_by_the_volatility_known_before_it() -> None:
    prices_df = series(3)
    features = features_of(prices_df, Recipe())
    jump_df = prices_df.copy()
    jump_df.loc[jump_df.index[-1], "close"] *= 1.5
    # a jump is cut at six times the volatility before it: y'y grows by less than 36
    before, after = (sum_changes(features, some_df).square for some_df in (prices_df, jump_df))
    assert 25 < after - before < 36.1


def test_a_price_that_does_not_change_is_one_clear_sentence() -> None:
    flat_df = series(3).assign(close=9000.0)
    with pytest.raises(HistoryError, match="the price is 9000 without a change from 2018-02-0"):
        fit_recipe(flat_df, Recipe())
    calm_df = series(3)
    calm_df.loc[calm_df.index[-DAY - 1 :], "close"] = 9000.0
    with pytest.raises(HistoryError, match="without a change from 2018-02-02"):
        fit_recipe(calm_df, Recipe())


def test_a_market_that_hardly_moved_is_forecast_at_its_last_price() -> None:
    """No season can be seen in changes that are none, few, or explained exactly."""
    still_df = series(2).assign(close=9000.0)
    for moved_rows in ([100], [2 * DAY - 1], list(range(2 * DAY - 20, 2 * DAY))):
        moves = np.zeros(2 * DAY)
        moves[[2 * DAY - 700, *moved_rows]] = 1e-3
        forecast_df = day_after(still_df.assign(close=9000 * np.exp(np.cumsum(moves))))
        assert np.isfinite(forecast_df[["yhat", "yhat_lower", "yhat_upper"]].to_numpy()).all()
        last = 9000 * np.exp(moves.sum())
        np.testing.assert_allclose(forecast_df["yhat"], last, rtol=1e-4)
    rising_df = still_df.assign(close=2.0 ** (np.arange(2 * DAY) / 2**12))
    assert np.isfinite(day_after(rising_df)["yhat"]).all()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("holiday,ds\nhack,2016-08-02\nfork,2017-13-01\n", r"csv:3: '2017-13-01' is not a day"),
        (f"holiday,ds\n{'h' * 200_000},2016-08-02\n", r"csv:\d cannot be read: field larger"),
        ("holiday,ds\nha\0ck,2016-08-02\n", r"csv:2: the name 'ha.x00ck' has characters"),
        ("holiday,ds\nhack,20160802\n", r"csv:2: '20160802' is not a day"),
        ("holiday,ds\nhack,9999-12-31\n", r"csv:2: 9999-12-31 is not a day from 1900 to 2200"),
        ("holiday,ds\nhack,0001-01-01\n", r"csv:2: 0001-01-01 is not a day from 1900 to 2200"),
        ("holiday,ds\ndaily,2018-01-10\n", r"csv:2: the name 'daily' is one of Prophet's own"),
        ("holiday,ds\na_delim_b,2018-01-10\n", r"csv:2: the name 'a_delim_b' is one of Prophet's"),
        (
            "holiday,ds\nhack_delim,2018-01-10\n",
            r"csv:2: the name 'hack_delim' is one of Prophet's",
        ),
        (
            "holiday,ds,upper_window,upper_window\nhack,2018-01-10,1,2\n",
            "begins with holiday,ds,upp",
        ),
        ("holiday,ds\n,2016-08-02\n", "csv:2 is not a holiday"),
        ("holiday,ds\nhack\n", "csv:2"),
        ("day,name\n", "begins with day,name"),
        ("", "begins with nothing"),
        (
            "holiday,ds,lower_window\nhack,2016-08-02,1\n",
            "lower_window '1' is not a number",
        ),
        ("holiday,ds,upper_window\nhack,2016-08-02,x\n", "upper_window 'x' is not"),
    ],
)
def test_a_bad_holiday_is_named_with_its_line(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "holidays.csv"
    path.write_text(text)
    with pytest.raises(HistoryError, match=sentence):
        read_holidays(str(path))


def test_holidays_are_read_as_prophet_writes_them(tmp_path: Path) -> None:
    path = tmp_path / "holidays.csv"
    path.write_text(
        "﻿holiday,ds,lower_window,upper_window\nhack,2016-08-02,-1,2\nfork,2017-08-01,,\n"
    )
    assert read_holidays(str(path)) == (
        Holiday("hack", date(2016, 8, 2), -1, 2),
        Holiday("fork", date(2017, 8, 1), 0, 0),
    )
    path.write_text("upper_window,ds,holiday\n2,2016-08-02,hack\n")
    assert read_holidays(str(path)) == (Holiday("hack", date(2016, 8, 2), 0, 2),)
    assert read_holidays("") == ()
    with pytest.raises(HistoryError, match=r"nonesuch\.csv cannot be read"):
        read_holidays(str(tmp_path / "nonesuch.csv"))
