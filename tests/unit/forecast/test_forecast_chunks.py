"""A long history is fitted in chunks: the same model, and memory that does not grow with it."""

import json
import subprocess
import sys
from dataclasses import replace
from datetime import UTC
from typing import Any

import numpy as np
import pandas as pd
import pytest

from include.forecast import design_matrix, fit, predict, prophet
from include.forecast.fit import fit_in_chunks
from include.settings import ROOT

DAY = 1440
YEARS_ROWS = 2_630_000


def frame_of(closes: Any, *, holes: bool = False) -> pd.DataFrame:
    ds = pd.date_range("2018-02-01", periods=len(closes), freq="min")
    prices_df = pd.DataFrame({"ds": ds, "close": closes})
    keeps = np.random.default_rng(2).random(len(prices_df)) < 0.7
    return prices_df[keeps].reset_index(drop=True) if holes else prices_df


def walk(rows: int) -> Any:
    return 9000 * np.exp(np.cumsum(np.random.default_rng(1).normal(0, 5e-4, rows)))


SERIES = {
    "a walk of weeks": frame_of(walk(15 * DAY)),
    "with holes": frame_of(walk(4 * DAY), holes=True),
    "no season": frame_of(walk(DAY + 1)),
    "prices below one": frame_of(walk(3 * DAY) / 1e6),
    "a perfect fit": frame_of(np.exp(8 + np.arange(3 * DAY) * 1e-5)),
    "constant": frame_of(np.full(3 * DAY, 50.0)),
    "a few rows": frame_of(walk(30)),
    "two rows": frame_of(walk(2)),
}


@pytest.mark.parametrize("name", SERIES)
def test_chunks_make_the_model_that_the_whole_makes(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = SERIES[name]
    monkeypatch.setattr(design_matrix, "BLOCK_ROWS", 997)
    in_chunks, at_once = fit_in_chunks(frame), fit.fit(frame)
    assert (in_chunks.walk, in_chunks.fitted_by) == (at_once.walk, at_once.fitted_by)
    assert list(in_chunks.prophet.changepoints) == list(at_once.prophet.changepoints)
    for scale in ("start", "t_scale", "y_scale"):
        assert getattr(in_chunks.prophet, scale) == getattr(at_once.prophet, scale)
    start = frame["ds"].iloc[-1].to_pydatetime().replace(tzinfo=UTC)
    forecasts = [
        predict.predict(fitted, start_at=start, minutes=600) for fitted in (in_chunks, at_once)
    ]
    for column in ("yhat", "yhat_lower", "yhat_upper"):
        np.testing.assert_allclose(forecasts[0][column], forecasts[1][column], rtol=1e-7)


@pytest.mark.parametrize("name", ["a walk of weeks", "with holes", "no season"])
def test_the_sums_are_those_of_the_features_that_prophet_makes_itself(name: str) -> None:
    frame = SERIES[name]
    fitted = fit_in_chunks(frame).prophet
    data = prophet.stan_data(fitted, frame)
    t, y = np.asarray(data["t"]), np.asarray(data["y"])
    hinges = np.maximum(t[:, None] - np.asarray(data["t_change"]), 0.0)
    z = np.column_stack([t, np.ones_like(t), hinges, np.asarray(data["X"])])
    reference = np.asarray(np.random.default_rng(4).normal(0, 0.1, z.shape[1]))
    sums = design_matrix.sums_over(design_matrix.scales_of(fitted), frame, reference)
    residual = y - z @ reference
    np.testing.assert_allclose(sums.gram, z.T @ z, rtol=1e-9, atol=1e-7)
    np.testing.assert_allclose(sums.moment, z.T @ residual, rtol=1e-9, atol=1e-7)
    assert sums.square == pytest.approx(float(residual @ residual), rel=1e-9)
    assert sums.rows == len(frame)


def test_a_times_angle_in_its_season_is_right_before_1970_and_within_a_second() -> None:
    ds = pd.DatetimeIndex(
        [
            pd.Timestamp("2018-02-01 06:00"),
            pd.Timestamp("1969-12-31 18:00"),
            pd.Timestamp("2018-02-01 00:00:00.5"),
        ]
    )
    scales = design_matrix.Scales(0, 1, 1.0, np.zeros(0), ((design_matrix.DAY_NS, 2),))
    block = np.empty((scales.features, 3))
    design_matrix.fill(block, scales, ds.to_numpy().view(np.int64))
    half_a_second = 2 * np.pi / 172_800
    # six and eighteen hours are a quarter and three quarters round, so twice that a half
    expected = np.array([[1, -1, half_a_second], [0, 0, 1], [0, 0, 2 * half_a_second], [-1, -1, 1]])
    np.testing.assert_allclose(block[2:], expected, atol=1e-8)


def test_a_long_history_takes_this_way_and_is_kept_as_json_alike(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    frame = SERIES["a walk of weeks"]
    at_once_json = json.loads(prophet.to_json(fit.fit(frame).prophet))
    monkeypatch.setattr(fit, "LARGE_ROWS", len(frame))
    chunked = fit.fit(frame)
    assert len(chunked.prophet.history) < 50
    chunked_json = json.loads(prophet.to_json(chunked.prophet))
    assert set(chunked_json) == set(at_once_json)
    assert chunked_json["params"].keys() == at_once_json["params"].keys()
    loaded = prophet.from_json(prophet.to_json(chunked.prophet))
    start = frame["ds"].iloc[-1].to_pydatetime().replace(tzinfo=UTC)
    pd.testing.assert_frame_equal(
        predict.predict(replace(chunked, prophet=loaded), start_at=start, minutes=90),
        predict.predict(chunked, start_at=start, minutes=90),
    )


def test_five_years_of_minutes_take_little_more_memory_than_their_own() -> None:
    command = [sys.executable, "-m", "tests.support.fitting_child", str(YEARS_ROWS), "chunks"]
    child = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    memory_mb = json.loads(child.stdout.splitlines()[-1])
    print(memory_mb)
    assert memory_mb["by"] == "map"
    assert memory_mb["peak"] < 500, memory_mb
    assert memory_mb["peak"] - memory_mb["before"] < 60, memory_mb
