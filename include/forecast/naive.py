"""Naive forecasts that a model has to beat: the last value, with or without daily season. Pure."""

import numpy as np
import pandas as pd

from include.forecast.damping import Floats

DAY_MINUTES = 1440


def last_value(history_df: pd.DataFrame, ds: pd.DatetimeIndex) -> Floats:
    """The last price, for every minute."""
    return np.full(len(ds), float(history_df["close"].iloc[-1]))


def last_value_daily(history_df: pd.DataFrame, ds: pd.DatetimeIndex) -> Floats:
    """The last price, moved as the log price usually moves between the two minutes of the day.

    The usual day is each minute's mean distance from its own day's mean, over the history; a
    minute of the day without any price counts as the day's mean.
    """
    season = usual_day(history_df)
    last_minute = history_df["ds"].iloc[-1]
    minutes_of_day = ds.hour.to_numpy() * 60 + ds.minute.to_numpy()
    moves = season[minutes_of_day] - season[last_minute.hour * 60 + last_minute.minute]
    return np.asarray(float(history_df["close"].iloc[-1]) * np.exp(moves), dtype=np.float64)


def usual_day(history_df: pd.DataFrame) -> Floats:
    """Mean log distance of each of the 1,440 minutes of a day from the mean of its 24 hours.

    The 24 hours are counted back from the last minute, and only whole ones count: the mean of a
    day that is half over is not that of a day. Less than 24 hours have no usual day: all zero.
    """
    minutes_back = (
        (history_df["ds"].iloc[-1] - history_df["ds"]) / pd.Timedelta(minutes=1)
    ).astype(np.int64)
    days_back = minutes_back // DAY_MINUTES
    in_whole_day = days_back < (int(minutes_back.iloc[0]) + 1) // DAY_MINUTES
    logs = np.log(history_df["close"][in_whole_day])
    distances = logs - logs.groupby(days_back[in_whole_day]).transform("mean")
    minute_of_day = history_df["ds"].dt.hour * 60 + history_df["ds"].dt.minute
    means = distances.groupby(minute_of_day[in_whole_day]).mean()
    day_shape = np.zeros(DAY_MINUTES)
    day_shape[means.index.to_numpy(dtype=np.int64)] = means.to_numpy()
    return day_shape
