"""How good a model is beside the plainest forecast there is: the last value, held for a day."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from include.forecast import fit, predict

HELD_OUT = pd.Timedelta(days=1)
LEAST_TRAINING = pd.Timedelta(days=2)


def holdout_metrics(frame: pd.DataFrame) -> dict[str, float]:
    """Errors over the last day of a model that never saw it; nothing if history is too short.

    `mae` and `rmse` are in price, `coverage` is the share inside the 80 % interval, `hit_rate` the
    share of price changes whose direction was forecast, `naive_…` those of the last value.
    """
    cut = frame["ds"].iloc[-1] - HELD_OUT
    seen_rows = int(frame["ds"].searchsorted(cut, side="right"))
    seen, unseen = frame.iloc[:seen_rows], frame.iloc[seen_rows:]
    if cut - frame["ds"].iloc[0] < LEAST_TRAINING or unseen.empty:
        return {}
    fitted = fit.fit(seen)
    start = (seen["ds"].iloc[-1] + pd.Timedelta(minutes=1)).tz_localize("UTC")
    minutes = int((frame["ds"].iloc[-1] - seen["ds"].iloc[-1]) / pd.Timedelta(minutes=1))
    made = predict.predict(fitted.prophet, start=start, minutes=minutes, walk=fitted.walk)
    return scored(unseen.merge(made, on="ds"), last=float(seen["close"].iloc[-1]))


def scored(pairs: pd.DataFrame, *, last: float) -> dict[str, float]:
    """The figures of `close` against `yhat, yhat_lower, yhat_upper`, and against `last`."""
    close, yhat = pairs["close"].to_numpy(), pairs["yhat"].to_numpy()
    inside = (close >= pairs["yhat_lower"]) & (close <= pairs["yhat_upper"])
    return {
        "mae": _mean(np.abs(close - yhat)),
        "rmse": float(np.sqrt(_mean((close - yhat) ** 2))),
        "naive_mae": _mean(np.abs(close - last)),
        "naive_rmse": float(np.sqrt(_mean((close - last) ** 2))),
        "coverage": float(inside.mean()),
        "hit_rate": _hits(close, yhat),
        "held_out_minutes": float(len(pairs)),
    }


def _hits(close: NDArray[np.float64], yhat: NDArray[np.float64]) -> float:
    """Share of changes whose direction agrees; a change of zero has none and is left out."""
    went, said = np.sign(np.diff(close)), np.where(np.diff(yhat) > 0, 1.0, -1.0)
    moved = went != 0
    return float((went[moved] == said[moved]).mean()) if moved.any() else 0.0


def _mean(values: NDArray[np.float64]) -> float:
    return float(np.mean(values))
