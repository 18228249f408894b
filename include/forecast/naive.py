"""Simple forecasts that a model has to beat: the last price, a usual day, the drift. Pure."""

import numpy as np
import pandas as pd

from include.forecast.damping import Floats
from include.market.time import DAY_MINUTES, MINUTE_NS

USUAL_DAYS = 30


def last_price(history_df: pd.DataFrame, ds: pd.DatetimeIndex) -> Floats:
    """The last price, for every minute."""
    return np.full(len(ds), float(history_df["close"].iloc[-1]))


def drift(history_df: pd.DataFrame, ds: pd.DatetimeIndex) -> Floats:
    """The last price, moved on as the log price moved on average over the history."""
    times = history_df["ds"]
    elapsed = (times.iloc[-1] - times.iloc[0]) / pd.Timedelta(minutes=1)
    first, last = np.log(history_df["close"].iloc[[0, -1]].to_numpy())
    slope = (last - first) / elapsed if elapsed else 0.0
    return np.asarray(np.exp(last + slope * _minutes_ahead(history_df, ds)), dtype=np.float64)


def last_price_daily(history_df: pd.DataFrame, ds: pd.DatetimeIndex) -> Floats:
    """The last price, moved on as the log price usually moves from this minute of the day on."""
    usual = usual_changes(history_df)
    ahead = _minutes_ahead(history_df, ds)
    last_minute = history_df["ds"].iloc[-1]
    begin = last_minute.hour * 60 + last_minute.minute
    minutes = np.arange(1, int(ahead.max()) + 1) if len(ahead) else np.empty(0, dtype=np.int64)
    moves = np.concatenate([[0.0], np.cumsum(usual[(begin + minutes) % DAY_MINUTES])])
    path = moves[ahead.astype(np.int64)]
    return np.asarray(float(history_df["close"].iloc[-1]) * np.exp(path), dtype=np.float64)


def usual_changes(history_df: pd.DataFrame) -> Floats:
    """Mean log change into each of the 1,440 minutes of a day, less the mean of them all.

    Over the last 30 days, or the whole days that there are; a minute without a price has the last
    one before it. Less than a day has no usual day: all zero.
    """
    minutes = history_df["ds"].to_numpy(dtype="datetime64[ns]").view(np.int64) // MINUTE_NS
    days = min(int(minutes[-1] - minutes[0]) // DAY_MINUTES, USUAL_DAYS)
    if not days:
        return np.zeros(DAY_MINUTES)
    grid = np.arange(minutes[-1] - days * DAY_MINUTES, minutes[-1] + 1)
    rows = np.searchsorted(minutes, grid, side="right") - 1
    changes = np.diff(np.log(history_df["close"].to_numpy(dtype=np.float64))[rows])
    usual = np.zeros(DAY_MINUTES)
    usual[grid[1 : DAY_MINUTES + 1] % DAY_MINUTES] = changes.reshape(days, DAY_MINUTES).mean(axis=0)
    return np.asarray(usual - usual.mean(), dtype=np.float64)


def _minutes_ahead(history_df: pd.DataFrame, ds: pd.DatetimeIndex) -> Floats:
    ahead = (ds - history_df["ds"].iloc[-1]) / pd.Timedelta(minutes=1)
    return np.asarray(ahead, dtype=np.float64)
