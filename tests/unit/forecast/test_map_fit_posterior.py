"""The fast fit reaches at least the log posterior that stock Prophet reaches, on hard series too.

The posterior here is written anew from prophet.stan over the rows, without the sums under test.
"""

import logging
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from prophet import Prophet

from bench import forecast as bench
from include.forecast import fit
from include.forecast.map_fit import MapBackend, Priors, Sums, estimate, maximise, solve_variance

logging.getLogger("cmdstanpy").disabled = True
RELATIVE = 1e-6


def prophet(**more: Any) -> Prophet:
    options = {
        "yearly_seasonality": False,
        "weekly_seasonality": False,
        "daily_seasonality": 3,
        "uncertainty_samples": 0,
        **more,
    }
    return Prophet(**options)


def fitted(frame: pd.DataFrame, *, fast: bool, **more: Any) -> Prophet:
    model = prophet(**more)
    if fast:
        model.stan_backend = MapBackend()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(frame)


def stan_log_posterior(model: Prophet, frame: pd.DataFrame, **more: Any) -> float:
    data = prophet(**more).preprocess(frame)
    k, m = float(model.params["k"][0, 0]), float(model.params["m"][0, 0])
    delta, beta = model.params["delta"].ravel(), model.params["beta"].ravel()
    sigma = float(model.params["sigma_obs"].ravel()[0])
    t, y = np.asarray(data.t), np.asarray(data.y)
    after = t[:, None] >= np.asarray(data.t_change)
    trend = (k + after @ delta) * t + (m + after @ (-np.asarray(data.t_change) * delta))
    residual = y - trend - np.asarray(data.X) @ beta
    return float(
        -(k**2) / 50
        - m**2 / 50
        - np.abs(delta).sum() / data.tau
        - 2 * sigma**2
        - 0.5 * ((beta / np.asarray(data.sigmas)) ** 2).sum()
        - len(y) * np.log(sigma)
        - (residual**2).sum() / (2 * sigma**2)
    )


def series(name: str, rows: int = 600) -> pd.DataFrame:
    draw = np.random.default_rng(sum(map(ord, name)))
    ds = pd.date_range("2018-02-01", periods=rows, freq="10min")
    at = np.arange(rows)
    walk = 9 + np.cumsum(draw.normal(0, 0.002, rows))
    shapes: dict[str, Callable[[], Any]] = {
        "walk": lambda: walk,
        "outliers": lambda: walk + np.where(draw.random(rows) < 0.01, 3.0, 0.0),
        "changepoint-rich": lambda: 5 + np.abs((at % 60) - 30) * 0.01,
        "seasonal": lambda: 3 + np.sin(at * 2 * np.pi / 144) + draw.normal(0, 0.1, rows),
        "nearly constant": lambda: 7 + draw.normal(0, 1e-4, rows),
        "negative": lambda: -walk,
        "huge": lambda: walk * 1e9,
        "steps": lambda: np.where(at < rows // 2, 2.0, 5.0) + draw.normal(0, 0.05, rows),
        "heavy tails": lambda: walk + draw.standard_t(2, rows) * 0.01,
        "white noise": lambda: draw.normal(0, 1, rows),
    }
    return pd.DataFrame({"ds": ds, "y": np.asarray(shapes[name](), dtype=float)})


@pytest.mark.parametrize(
    "name",
    [
        "walk",
        "outliers",
        "changepoint-rich",
        "seasonal",
        "nearly constant",
        "negative",
        "huge",
        "steps",
        "heavy tails",
        "white noise",
    ],
)
def test_the_log_posterior_is_not_below_stock_prophets(name: str) -> None:
    frame = series(name)
    ours = stan_log_posterior(fitted(frame, fast=True), frame)
    stock = stan_log_posterior(fitted(frame, fast=False), frame)
    assert ours >= stock - RELATIVE * abs(stock)


def test_a_series_with_gaps_and_one_with_few_rows_are_no_worse_either() -> None:
    full_series = series("walk")
    for frame in (full_series.drop(range(100, 350)).reset_index(drop=True), full_series.head(40)):
        ours = stan_log_posterior(fitted(frame, fast=True), frame)
        stock = stan_log_posterior(fitted(frame, fast=False), frame)
        assert ours >= stock - RELATIVE * abs(stock)


def test_a_constant_series_is_forecast_as_that_constant() -> None:
    frame = pd.DataFrame({"ds": pd.date_range("2018", periods=50, freq="min"), "y": 4.0})
    model = fitted(frame, fast=True)
    assert model.predict(frame)["yhat"].to_numpy() == pytest.approx(np.full(50, 4.0))


def test_without_changepoints_the_trend_is_stock_prophets() -> None:
    frame = series("seasonal", 400)
    ours = fitted(frame, fast=True, n_changepoints=0).predict(frame)["yhat"]
    stock = fitted(frame, fast=False, n_changepoints=0).predict(frame)["yhat"]
    assert ours.to_numpy() == pytest.approx(stock.to_numpy(), abs=1e-3)


@pytest.mark.parametrize("more", [{"growth": "flat"}, {"seasonality_mode": "multiplicative"}])
def test_what_the_fast_fit_does_not_cover_is_left_to_stock_prophet_and_said(
    more: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    frame = series("walk", 150)
    caplog.set_level("WARNING", logger="tickhouse.forecast")
    logging.getLogger("tickhouse").propagate = True
    model = fitted(frame, fast=True, **more)
    assert model.stan_backend.fitted_by == "stan"
    assert "stock Prophet fits this model" in caplog.text
    stock = fitted(frame, fast=False, **more)
    assert model.params["m"] == pytest.approx(stock.params["m"])


def test_sigma_solves_its_quartic_by_hand() -> None:
    # n = 6, RSS = 22: 4 s^2 + 6 s - 22 = 0 has the root s = (-6 + sqrt(388)) / 8
    sums = Sums(6, np.zeros((1, 1)), np.zeros(1), 22.0, np.zeros(1))
    assert solve_variance(sums, np.zeros(1)) == pytest.approx((-6 + 388**0.5) / 8)


def test_a_change_that_explains_little_is_shrunk_to_nothing() -> None:
    # one row y = d + noise with y = 1: at d = 0 the best s2 is (-1 + sqrt(17)) / 8 = 0.39, and the
    # pull 1 / 0.39 = 2.6 of the row is weaker than the 1 / tau = 20 of the Laplace prior
    sums = Sums(1, np.ones((1, 1)), np.ones(1), 1.0, np.zeros(1))
    priors = Priors(np.zeros(1), slice(0, 1), tau=0.05)
    theta, _ = maximise(sums, priors)
    assert abs(float(theta[0])) < 1e-6


def test_the_size_of_the_chunks_does_not_change_the_estimate(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = vars(prophet().preprocess(series("walk")))
    theta, sigma = estimate(data)
    monkeypatch.setattr("include.forecast.map_fit.CHUNK_ROWS", 7)
    theta_in_chunks, sigma_in_chunks = estimate(data)
    assert theta_in_chunks == pytest.approx(theta, rel=1e-6, abs=1e-9)
    assert sigma_in_chunks == pytest.approx(sigma, rel=1e-9)


def test_the_benchs_log_posterior_is_the_one_written_anew_here() -> None:
    frame = bench.minutes_of(3 * 1440)
    fitted = fit.fit(frame).prophet
    y = pd.DataFrame({"ds": frame["ds"], "y": np.log(frame["close"])})
    expected = stan_log_posterior(fitted, y, daily_seasonality=True)
    assert bench.compute_posterior(fitted, frame) == pytest.approx(expected, rel=1e-9)
