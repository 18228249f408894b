"""The figures of a forecaster over pairs of prices and forecasts. Pure."""

from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class ForecastScore:
    """A forecaster's figures over the minutes up to `horizon` minutes ahead (from the one before).

    `mae` and `rmse` are in price, `mape` a share of it; `hit_rate` is the share of price changes
    from minute to minute whose direction was forecast (none: it forecasts no change), `coverage`
    the share of prices within the 80 % interval (none: it has no interval).
    """

    forecaster: str
    horizon: int
    points: int
    mae: float
    rmse: float
    mape: float
    hit_rate: float | None
    coverage: float | None


def scored(pairs: pd.DataFrame, name: str, *, horizon: int) -> ForecastScore:
    """The figures of the levels in column `name` against `close`.

    Bounds, where there are any, are those of the forecaster called prophet.
    """
    close, level = pairs["close"].to_numpy(), pairs[name].to_numpy()
    off = np.abs(close - level)
    inside = None
    if name == "prophet":
        low, high = pairs["yhat_lower"].to_numpy(), pairs["yhat_upper"].to_numpy()
        inside = float(np.mean((close >= low) & (close <= high)))
    return ForecastScore(
        forecaster=name,
        horizon=horizon,
        points=len(pairs),
        mae=float(np.mean(off)),
        rmse=float(np.sqrt(np.mean(off**2))),
        mape=float(np.mean(off / close)),
        hit_rate=_hit_rate(pairs, name),
        coverage=inside,
    )


def _hit_rate(pairs: pd.DataFrame, name: str) -> float | None:
    """Share of moves from one minute to the very next whose direction was forecast."""
    next_to = (pairs["lead"].diff() == 1) & (pairs["origin"] == pairs["origin"].shift())
    went, said = np.sign(pairs["close"].diff()), np.sign(pairs[name].diff())
    counted = next_to & (went != 0)
    if not counted.any() or not (said[next_to] != 0).any():
        return None
    # what is published says buy where the next change is up, and sell otherwise
    up = np.where(said > 0, 1.0, -1.0)
    return float((went[counted] == up[counted]).mean())
