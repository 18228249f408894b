"""Keeps an extrapolated trend within what the price itself has been seen to do over such a span.

Prophet carries its last slope on for ever, and samples as many trend changes of the same size as
it found. On minute prices, where a trend of 25 pieces follows a random walk, that ends at 30 times
the price after 150,000 minutes, with bounds of 1e27. Here a trend may leave its last fitted value
by no more than the 80 % band of a random walk with the price's own volatility: z s sqrt(h) at h
minutes. Up to half of that it is Prophet's own, from there it bends towards the limit.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Z_80 = 1.2815515655446004
LAG_ROWS = 60
OWN_SHARE = 0.5
NO_MOVE = 1e-12


def volatility(frame: pd.DataFrame) -> float:
    """The root mean square of log price changes per square root of a minute.

    Taken over hours, not minutes, so that prices bouncing between bid and ask count little.
    """
    rows = frame.iloc[:: min(LAG_ROWS, max(len(frame) // 3, 1))]
    minutes = np.diff(rows["ds"].to_numpy()) / np.timedelta64(1, "m")
    changes = np.diff(np.log(rows["close"].to_numpy()))
    return float(np.sqrt(np.mean(changes**2 / minutes))) if len(changes) else 0.0


def damped(moves: Floats, minutes: Floats, *, walk: float) -> Floats:
    """How far the trend may move (log price), from how far it would, `minutes` after training.

    `moves` has a row a minute and may have a column a sample; `walk` is the `volatility`. Times
    within training stay as they are.
    """
    limit = np.maximum(Z_80 * walk * np.sqrt(np.maximum(minutes, 0.0)), NO_MOVE)
    limit = limit.reshape((-1, *[1] * (moves.ndim - 1)))
    own = OWN_SHARE * limit
    beyond = np.maximum(np.abs(moves) - own, 0.0)
    bent = own + (limit - own) * np.tanh(beyond / (limit - own))
    kept = np.where(beyond > 0, np.sign(moves) * bent, moves)
    inside = (minutes <= 0).reshape(limit.shape)
    return np.asarray(np.where(inside, moves, kept), dtype=np.float64)
