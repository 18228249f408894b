"""Damps an extrapolated trend to what a random walk of the price's own volatility would do.

Prophet continues its last slope for ever, and samples as many trend changes of the same size as
it fitted. On minute prices, where a trend of 25 pieces follows a random walk, that ends at 30 times
the price after 150,000 minutes, with bounds of 1e27. Here a trend may leave its last fitted value
by no more than the 80 % band of a random walk with the price's own volatility: z s sqrt(h) at h
minutes. Up to half of that it is left undamped, from there it bends towards the limit.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Z_80 = 1.2815515655446004
LAG_ROWS = 60
UNDAMPED_SHARE = 0.5
NO_MOVE = 1e-12


def measure_volatility(prices_df: pd.DataFrame) -> float:
    """The root mean square of log price changes per square root of a minute.

    Taken over hours, not minutes, so that prices bouncing between bid and ask count little.
    """
    sampled_df = prices_df.iloc[:: min(LAG_ROWS, max(len(prices_df) // 3, 1))]
    elapsed_minutes = np.diff(sampled_df["ds"].to_numpy()) / np.timedelta64(1, "m")
    changes = np.diff(np.log(sampled_df["close"].to_numpy()))
    return float(np.sqrt(np.mean(changes**2 / elapsed_minutes))) if len(changes) else 0.0


def damp(moves: Floats, minutes_after: Floats, *, walk: float) -> Floats:
    """The damped moves of a trend (log price) at `minutes_after` the end of training.

    `moves` are the undamped ones: a row a minute, and optionally a column a sample; `walk` is the
    `volatility`. Moves within training are not damped.
    """
    limit = np.maximum(Z_80 * walk * np.sqrt(np.maximum(minutes_after, 0.0)), NO_MOVE)
    limit = limit.reshape((-1, *[1] * (moves.ndim - 1)))
    undamped_limit = UNDAMPED_SHARE * limit
    beyond = np.maximum(np.abs(moves) - undamped_limit, 0.0)
    bent = undamped_limit + (limit - undamped_limit) * np.tanh(beyond / (limit - undamped_limit))
    damped_moves = np.where(beyond > 0, np.sign(moves) * bent, moves)
    within_training = (minutes_after <= 0).reshape(limit.shape)
    return np.asarray(np.where(within_training, moves, damped_moves), dtype=np.float64)
