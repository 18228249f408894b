"""The fit's seconds and log posterior beside stock Prophet's on the same minutes."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bench.bars import closes_of
from bench.measurement import Measurement
from include.forecast import fit, prophet
from include.forecast.map_fit import Priors, log_posterior, priors_of, sums_of
from include.log import PrintLine
from include.market.time import DAY_MINUTES

STEP_SD, DAY_SWING, SEED = 1e-3, 0.01, 7
STOCK = "stock Prophet"


def minutes_of(row_count: int) -> pd.DataFrame:
    """Generated minutes: a random walk of the price with a daily wave, the same each time."""
    draw = np.random.default_rng(SEED)
    wave = DAY_SWING * np.sin(2 * np.pi * np.arange(row_count) / DAY_MINUTES)
    close = 9000 * np.exp(np.cumsum(draw.normal(0, STEP_SD, row_count)) + wave)
    return pd.DataFrame(
        {"ds": pd.date_range("2018-02-01", periods=row_count, freq="min"), "close": close}
    )


def measure(
    sizes: tuple[int, ...], bars: tuple[Path, ...], *, print_line: PrintLine
) -> Iterator[Measurement]:
    """Two numbers for so many generated minutes each, and for those of each file of bars.

    Raises:
        HistoryError: a file is not there or cannot be read.
    """
    real = [closes_of(file) for file in bars]
    for rows in sizes:
        yield from compare(minutes_of(rows), name=f"{rows} minutes", print_line=print_line)
    for minutes in real:
        yield from compare(minutes, name=f"{len(minutes)} real minutes", print_line=print_line)


def compare(minutes: pd.DataFrame, *, name: str, print_line: PrintLine) -> Iterator[Measurement]:
    """Two numbers: seconds of a fit, and the log posterior that it reached."""
    print_line(f"fitting {name}")
    fitted, fit_s = _time_fit(minutes, stock=False)
    print_line(f"fitting {name} by stock Prophet, which may take minutes")
    stock, stock_s = _time_fit(minutes, stock=True)
    yield Measurement(f"fit of {name}", fit_s, "s", STOCK, stock_s, ratio=stock_s / fit_s)
    log_posterior, peer = (compute_posterior(model, minutes) for model in (fitted, stock))
    # a log posterior has no scale: the ratio is how much higher ours is, from 1
    gain = 1 + (log_posterior - peer) / abs(peer)
    yield Measurement(f"log posterior of {name}", log_posterior, "nats", STOCK, peer, ratio=gain)


def compute_posterior(fitted: Any, minutes: pd.DataFrame) -> float:
    """Stan's log posterior of a fitted model's parameters over these minutes."""
    data = prophet.stan_data(fitted, minutes)
    params = fitted.params
    theta = np.concatenate([params[name].ravel() for name in ("k", "m", "delta", "beta")])
    priors: Priors = priors_of(data)
    sums = sums_of(data, theta)
    return log_posterior(sums, priors, theta, float(params["sigma_obs"].ravel()[0]) ** 2)


def _time_fit(minutes: pd.DataFrame, *, stock: bool) -> tuple[Any, float]:
    began = time.monotonic()
    fitted = fit.fit(minutes, stock=stock)
    return fitted.prophet, time.monotonic() - began
