"""A trend goes no further than the price was seen to go, and is Prophet's own before that."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from include.forecast import fit, predict
from include.forecast.damping import damp, measure_volatility

Z = 1.2815515655446004  # the 90 % point of the normal distribution (tables: 1.28155)


def walk_of(days: float, *, step: float, seed: int = 3) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    rows = int(days * 1440)
    close = 9000 * np.exp(np.cumsum(draw.normal(0, step, rows)))
    return pd.DataFrame(
        {"ds": pd.date_range("2018-04-01", periods=rows, freq="min"), "close": close}
    )


def test_the_volatility_of_a_price_that_doubles_each_hour_is_worked_out_by_hand() -> None:
    frame = pd.DataFrame(
        {
            "ds": pd.date_range("2018", periods=6, freq="h"),
            "close": [1.0, 2.0, 4.0, 8.0, 16.0, 32.0],
        }
    )
    # every second row: a change of log 4 in 120 minutes, each time
    assert measure_volatility(frame) == pytest.approx(np.log(4) / np.sqrt(120))


def test_a_random_walks_step_is_found_again() -> None:
    assert measure_volatility(walk_of(30, step=1e-3)) == pytest.approx(1e-3, rel=0.1)


def test_a_small_move_is_kept_and_a_large_one_bends_to_the_limit() -> None:
    at = np.array([100.0, 100.0, 100.0, 100.0])
    limit = Z * 0.01 * 10  # z s sqrt(h)
    moves = np.array([0.4 * limit, -0.5 * limit, limit, -1e9])
    bent = limit * (0.5 + 0.5 * np.tanh(1.0))  # half a limit beyond the first half
    assert damp(moves, at, walk=0.01) == pytest.approx([0.4 * limit, -0.5 * limit, bent, -limit])


def test_what_lies_within_training_stays_and_samples_are_columns() -> None:
    moves = np.array([[5.0, -5.0], [5.0, -5.0]])
    damped_moves = damp(moves, np.array([-3.0, 4.0]), walk=0.01)
    assert damped_moves[0].tolist() == [5.0, -5.0]
    assert damped_moves[1] == pytest.approx([Z * 0.02, -Z * 0.02])


def test_the_far_end_of_a_long_forecast_is_no_explosion() -> None:
    frame, days = walk_of(20, step=1e-3), 104
    fitted = fit.fit(frame)
    start = frame["ds"].iloc[-1].to_pydatetime().replace(tzinfo=UTC)
    forecast_df = predict.predict(fitted, start_at=start, minutes=days * 1440)
    reach = np.exp(Z * fitted.walk * np.sqrt(days * 1440) + 0.2)  # 0.2: noise and seasons
    last = frame["close"].iloc[-1]
    for name in ("yhat", "yhat_lower", "yhat_upper"):
        assert forecast_df[name].max() < last * reach, name
        assert forecast_df[name].min() > last / reach, name
    # without the limit this very model leaves all bounds: the trend's slope is carried on
    wild = predict.predict(replace(fitted, walk=1e9), start_at=start, minutes=days * 1440)
    assert wild["yhat_upper"].max() > last * reach * 1000


def test_a_constant_price_is_forecast_as_that_price() -> None:
    ds = pd.date_range(datetime(2018, 4, 1), periods=3000, freq="min")  # noqa: DTZ001
    fitted = fit.fit(pd.DataFrame({"ds": ds, "close": 50.0}))
    start = ds[-1].to_pydatetime().replace(tzinfo=UTC)
    forecast_df = predict.predict(fitted, start_at=start, minutes=5000)
    assert forecast_df["yhat"].to_numpy() == pytest.approx(np.full(5000, 50.0))
