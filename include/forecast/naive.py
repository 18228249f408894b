"""The forecasts that any model has to beat: the last value, and it with the usual day. Pure."""

import numpy as np
import pandas as pd

from include.forecast.damping import Floats

DAY_MINUTES = 1440


def last_value(seen: pd.DataFrame, ds: pd.DatetimeIndex) -> Floats:
    """The last price, for every minute."""
    return np.full(len(ds), float(seen["close"].iloc[-1]))


def last_value_daily(seen: pd.DataFrame, ds: pd.DatetimeIndex) -> Floats:
    """The last price, moved as the log price usually moves between the two minutes of the day.

    The usual day is each minute's mean distance from its own day's mean, over what was seen; a
    minute of the day that was never seen counts as the day's mean.
    """
    season = usual_day(seen)
    last = seen["ds"].iloc[-1]
    places = ds.hour.to_numpy() * 60 + ds.minute.to_numpy()
    moves = season[places] - season[last.hour * 60 + last.minute]
    return np.asarray(float(seen["close"].iloc[-1]) * np.exp(moves), dtype=np.float64)


def usual_day(seen: pd.DataFrame) -> Floats:
    """Mean log distance of each of the 1,440 minutes of a day from the mean of its 24 hours.

    The 24 hours are counted back from the last minute, and only whole ones count: the mean of a
    day that is half over is not that of a day. Less than 24 hours have no usual day: all zero.
    """
    back = ((seen["ds"].iloc[-1] - seen["ds"]) / pd.Timedelta(minutes=1)).astype(np.int64)
    number = back // DAY_MINUTES
    whole = number < (int(back.iloc[0]) + 1) // DAY_MINUTES
    logs = np.log(seen["close"][whole])
    off = logs - logs.groupby(number[whole]).transform("mean")
    place = seen["ds"].dt.hour * 60 + seen["ds"].dt.minute
    means = off.groupby(place[whole]).mean()
    found = np.zeros(DAY_MINUTES)
    found[means.index.to_numpy(dtype=np.int64)] = means.to_numpy()
    return found
