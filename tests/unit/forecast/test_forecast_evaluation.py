"""The backtests' figures are as worked out by hand, and the naive forecasts win where they must."""

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from include.errors import HistoryError
from include.forecast import evaluation_report, naive
from include.forecast.evaluation import Plan, backtest
from include.forecast.evaluation_report import Subject
from include.forecast.recipe import Recipe
from include.forecast.scores import score_forecaster
from include.lake.reading import query
from include.quality.page import page_of
from include.settings import Settings
from tests.support.forecast_world import NOW, write_history

DAY = timedelta(days=1)


def frame_of(closes: list[float]) -> pd.DataFrame:
    ds = pd.date_range("2018-04-01", periods=len(closes), freq="min")
    return pd.DataFrame({"ds": ds, "close": closes})


def daily(days: int, *, swing: float = 0.05) -> list[float]:
    return [9000 * float(np.exp(swing * np.sin(2 * np.pi * n / 1440))) for n in range(days * 1440)]


def random_walk(days: int) -> list[float]:
    draw = np.random.default_rng(5)
    return [float(x) for x in 9000 * np.exp(np.cumsum(draw.normal(0, 1e-3, days * 1440)))]


def test_the_figures_are_as_worked_out_by_hand() -> None:
    pairs = pd.DataFrame(
        {
            "origin": [0, 0, 0, 1, 1],
            "lead": [1, 2, 4, 1, 2],
            "close": [10.0, 12.0, 11.0, 20.0, 19.0],
            "prophet": [11.0, 12.0, 13.0, 20.0, 22.0],
            "flat": [10.0, 10.0, 10.0, 20.0, 20.0],
            "yhat_lower": [10.5, 11.0, 12.0, 19.0, 18.0],
            "yhat_upper": [12.0, 13.0, 14.0, 21.0, 23.0],
        }
    )
    score = score_forecaster(pairs, "prophet", horizon=10, baseline="flat", with_bounds=True)
    assert score.mae == pytest.approx((1 + 0 + 2 + 0 + 3) / 5)
    assert score.rmse == pytest.approx((14 / 5) ** 0.5)
    assert score.mape == pytest.approx((1 / 10 + 2 / 11 + 3 / 19) / 5)
    assert score.coverage == pytest.approx(3 / 5)
    # minute 2 to 4 and one origin to the next are no steps; of the two, up was right, up was wrong
    assert score.hit_rate == pytest.approx(0.5)
    flat = score_forecaster(pairs, "flat", horizon=10, baseline="flat")
    assert flat.mae == pytest.approx((0 + 2 + 1 + 0 + 1) / 5)
    assert (flat.hit_rate, flat.coverage) == (None, None)


def test_the_usual_day_moves_the_last_value_as_days_do() -> None:
    closes = daily(3)
    history_df = frame_of(closes[: 2 * 1440 + 360])  # a third of a day over: that part is no day
    ds = pd.date_range(history_df["ds"].iloc[-1], periods=61, freq="min")[1:]
    expected = [closes[2 * 1440 + 359 + n] for n in range(1, 61)]
    assert naive.last_price_daily(history_df, ds) == pytest.approx(expected, rel=2e-3)
    assert set(naive.last_price(history_df, ds)) == {closes[2 * 1440 + 359]}


def test_on_a_daily_wave_the_model_and_the_usual_day_beat_the_last_value() -> None:
    evaluation = backtest(frame_of(daily(6)), Plan(3, 360, timedelta(days=3)))
    assert evaluation.origins == 3
    error = {(score.forecaster, score.horizon): score.mae for score in evaluation.scores}
    for horizon in (360, 1440):
        assert error["prophet", horizon] < error["last price", horizon] / 5
        assert error["last price and usual day", horizon] < error["last price", horizon] / 5
    assert [score.points for score in evaluation.scores[::4]] == [30, 150, 900, 3240]


def test_on_a_random_walk_the_model_ties_with_the_last_price() -> None:
    evaluation = backtest(frame_of(random_walk(8)), Plan(4, 720, timedelta(days=4)))
    near = {score.forecaster: score for score in evaluation.scores if score.horizon == 10}
    # of a walk there is nothing to learn but that: the model stays at the last price
    assert near["prophet"].error_ratio == pytest.approx(1, abs=2e-2)
    assert near["last price and usual day"].error_ratio > 1
    # a walk of 1e-3 a minute strays by the mean of |N| sqrt(lead) 1e-3: 0.8 * 9000e-3 * 2.2 = 16
    assert 5 < near["last price"].mae < 40


def test_no_forecast_sees_a_minute_after_its_origin() -> None:
    closes = daily(5)
    plan = Plan(1, 60, timedelta(days=2))
    before = backtest(frame_of(closes), plan).pairs
    later = [*closes[:-1440], *(x * 3 for x in closes[-1440:])]
    after = backtest(frame_of(later), plan).pairs
    for name in ("prophet", "last price", "last price and usual day", "yhat_lower", "yhat_upper"):
        assert after[name].tolist() == before[name].tolist()
    assert after["close"].to_numpy() == pytest.approx(before["close"].to_numpy() * 3)


def test_a_day_with_a_minute_missing_is_a_day_to_train_on() -> None:
    frame = frame_of(daily(4))
    holes = frame.drop([n * 1440 + 700 for n in range(4)]).reset_index(drop=True)
    plan = Plan(3, 720, DAY)
    assert backtest(holes, plan).origins == backtest(frame, plan).origins == 3
    # the oldest day has 1,296 minutes, nine tenths, or one less: then its origin goes
    for missing, origins in ((144, 3), (145, 2)):
        thin = frame.drop(range(1440 + 10, 1440 + 10 + missing)).reset_index(drop=True)
        assert backtest(thin, plan).origins == origins


def test_two_days_are_needed_less_a_tenth_of_the_first() -> None:
    assert backtest(frame_of(daily(2)[144:]), Plan(4, 360, DAY)).origins == 1
    with pytest.raises(HistoryError, match=r"2735 minutes .*: 1296 before .* and 1440 after"):
        backtest(frame_of(daily(2)[145:]), Plan(4, 360, DAY))


def test_an_evaluation_is_kept_once_with_its_page_and_picture(settings: Settings) -> None:
    closes: list[float | None] = [round(x, 2) for x in daily(4)]
    write_history(settings, closes)
    for _ in range(2):
        evaluation_report.evaluate(
            settings, Subject("BTC-USD", None, DAY * 2, Recipe()), run_id="r", now=NOW
        )
    rows = query(
        settings.lake,
        "SELECT count(*), count(DISTINCT (forecaster, horizon_minutes)), min(origins),"
        " max(train_minutes) FROM forecast_evaluations",
    )[1]
    # origins 8 hours apart, from the minute that ends day 3 back to the one that ends day 1: 7
    assert rows == [(16, 16, 7, 2880)]
    page = page_of(settings.home / "quality", "r")
    assert "| prophet | 1440 |" in page.read_text()
    assert page.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
