"""The band is the 80 % quantile of what happened before, worked out by hand."""

import numpy as np
import pandas as pd
import pytest

from include.errors import HistoryError
from include.forecast.bands import (
    HOUR_SECONDS,
    MINUTES,
    SECONDS,
    LogPrices,
    calibrate,
    half_widths,
    realised_volatility,
    relative_errors,
)
from include.forecast.manifest import Band
from include.forecast.recipe import LIKELIHOODS, Recipe, fit_recipe
from include.market.volatility import DayOfPrices

DAY = 1440


def walk(days: float, *, seed: int = 3, step: float = 1e-3) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    count = int(days * DAY)
    ds = pd.date_range("2018-02-01", periods=count, freq="min")
    return pd.DataFrame({"ds": ds, "close": 9000 * np.exp(np.cumsum(draw.normal(0, step, count)))})


def volatility_by_hand(prices: pd.Series, at: pd.Timestamp) -> float:
    """By a plain loop over the 288 steps of five minutes before a moment."""
    squares = []
    for number in range(288):
        later = prices.asof(at - pd.Timedelta(minutes=5 * number))
        earlier = prices.asof(at - pd.Timedelta(minutes=5 * (number + 1)))
        squares.append((np.log(later) - np.log(earlier)) ** 2)
    return float(np.sqrt(np.mean(squares)))


def test_the_volatility_is_that_of_the_five_minute_changes_of_a_day() -> None:
    prices_df = walk(3).drop(index=range(3000, 3040)).reset_index(drop=True)
    prices = prices_df.set_index("ds")["close"]
    expected = volatility_by_hand(prices, prices.index[-1])
    assert realised_volatility(prices_df) == pytest.approx(expected, rel=1e-9)


def test_a_quantile_is_that_of_the_hourly_origins_whose_minutes_have_passed() -> None:
    prices_df = walk(33)
    prices = prices_df.set_index("ds")["close"]
    end, horizon = prices.index[-1], 188
    assert horizon in MINUTES.horizons
    errors = []
    for hours in range(1, 30 * 24 + 1):
        origin = end - pd.Timedelta(hours=hours)
        if origin + pd.Timedelta(minutes=horizon) <= end:
            move = np.log(prices[origin + pd.Timedelta(minutes=horizon)] / prices[origin])
            errors.append(abs(move) / volatility_by_hand(prices, origin))
    assert len(errors) == 30 * 24 - 3
    path = LogPrices(prices_df, reach=MINUTES.reach + MINUTES.window)
    assert sorted(relative_errors(path, horizon)) == pytest.approx(sorted(errors), rel=1e-9)
    rank = int(np.ceil((len(errors) + 1) * 0.8))
    band = calibrate(prices_df)
    assert band.quantiles[band.ahead.index(horizon)] == pytest.approx(sorted(errors)[rank - 1])


def test_of_a_walk_the_half_width_is_that_of_a_walk() -> None:
    prices_df = walk(40)
    widths = half_widths(
        calibrate(prices_df),
        np.array([1.0, 60.0, 600.0]),
        volatility=realised_volatility(prices_df),
    )
    assert widths == pytest.approx(1.2816 * 1e-3 * np.sqrt([1, 60, 600]), rel=0.2)


def test_nothing_after_the_last_row_counts() -> None:
    prices_df = walk(40)
    known_df = prices_df.iloc[: 35 * DAY]
    later_df = pd.concat([known_df, prices_df.iloc[35 * DAY :].assign(close=1.0)])
    assert calibrate(later_df.iloc[: 35 * DAY]) == calibrate(known_df)
    assert calibrate(later_df) != calibrate(known_df)


@pytest.mark.parametrize("days", [0.5, 3, 10, 60])
@pytest.mark.parametrize("since", [90, 720, 1400, 1500, 2000])
@pytest.mark.parametrize("jump", [1.0, 1.3])
def test_a_gap_and_its_jump_are_no_part_of_the_band(days: float, since: int, jump: float) -> None:
    prices_df = walk(20)
    late = prices_df.index >= len(prices_df) - since
    gap_df = prices_df.assign(
        ds=prices_df["ds"].where(~late, prices_df["ds"] + pd.Timedelta(days=days)),
        close=prices_df["close"].where(~late, prices_df["close"] * jump),
    )
    volatility = realised_volatility(gap_df)
    assert volatility == pytest.approx(1e-3 * np.sqrt(5), rel=0.3)
    widths = half_widths(calibrate(gap_df), np.array([10.0, 60.0]), volatility=volatility)
    assert widths == pytest.approx(1.2816 * 1e-3 * np.sqrt([10, 60]), rel=0.35)
    # the trader's own, from the same minutes, is the same
    minutes = (int(ds.value // 1000) for ds in gap_df["ds"])
    day = DayOfPrices(zip(minutes, gap_df["close"], strict=True))
    assert day.volatility() == pytest.approx(volatility, rel=1e-9)


def test_less_than_an_hour_behind_a_gap_has_no_volatility() -> None:
    prices_df = walk(3)
    late = prices_df.index >= len(prices_df) - 50
    gap_df = prices_df.assign(
        ds=prices_df["ds"].where(~late, prices_df["ds"] + pd.Timedelta(days=9))
    )
    assert realised_volatility(gap_df) == 0
    with pytest.raises(
        HistoryError, match=r"only 50 prices lie between .* and .*, and 0 days 01:00"
    ):
        fit_recipe(gap_df, Recipe())


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
@pytest.mark.parametrize("rows", [0, 1])
def test_too_few_rows_for_any_model_are_named(rows: int, likelihood: str) -> None:
    with pytest.raises(HistoryError, match=f"{rows} prices are too few: 2 are needed"):
        fit_recipe(walk(1).head(rows), Recipe(likelihood))


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
@pytest.mark.parametrize("close", [float("nan"), 0.0, -1.0, float("inf")])
def test_a_price_that_cannot_be_is_named(close: float, likelihood: str) -> None:
    prices_df = walk(1)
    prices_df.loc[7, "close"] = close
    with pytest.raises(HistoryError, match=r"the price at \S+ \S+ is .*: it must be a number abo"):
        fit_recipe(prices_df, Recipe(likelihood))


def test_a_short_history_has_the_band_of_a_walk() -> None:
    prices_df = walk(0.06)
    assert calibrate(prices_df).ahead == (1,)
    widths = half_widths(calibrate(prices_df), np.array([25.0]), volatility=0.01)
    # 0.01 is the volatility of five minutes: 25 minutes move by 0.01 sqrt(5)
    assert widths == pytest.approx(1.2816 * 0.01 * np.sqrt(5), rel=1e-3)


def test_half_widths_lie_between_the_knots_and_grow_as_a_walk_beyond() -> None:
    band = Band((1, 100), (0.5, 5.0))
    widths = half_widths(band, np.array([0.0, 1.0, 10.0, 100.0, 400.0]), volatility=2.0)
    assert widths == pytest.approx([1.0, 1.0, 2 * np.sqrt(2.5), 10.0, 20.0])


def test_seconds_have_their_own_window() -> None:
    draw = np.random.default_rng(5)
    count = 3 * HOUR_SECONDS
    ds = pd.date_range("2026-04-24", periods=count, freq="s")
    prices_df = pd.DataFrame({"ds": ds, "close": np.exp(np.cumsum(draw.normal(0, 1e-4, count)))})
    volatility = realised_volatility(prices_df, grid=SECONDS)
    assert volatility == pytest.approx(1e-4 * np.sqrt(5), rel=0.1)
    widths = half_widths(
        calibrate(prices_df, grid=SECONDS), np.array([100.0, 600.0]), volatility=volatility
    )
    assert widths == pytest.approx(1.2816e-4 * np.sqrt([100, 600]), rel=0.35)
