"""How good the forecast is: rolling-origin backtests at minute scale, beside naive forecasts.

At each origin the model is trained anew on the minutes up to it and forecasts the day after; a fit
takes a fraction of a second (`map_fit`), so dozens of origins are a matter of seconds.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pandas as pd

from include.errors import HistoryError
from include.forecast import fit, naive, predict
from include.forecast.damping import Floats
from include.forecast.history import BEGINNING, least_minutes, rows_within
from include.forecast.scores import ForecastScore, scored

MINUTE = pd.Timedelta(minutes=1)
AHEAD = 1440
HORIZONS = (10, 60, 360, AHEAD)
NAIVE: dict[str, Callable[[pd.DataFrame, pd.DatetimeIndex], Floats]] = {
    "last value": naive.last_value,
    "last value and usual day": naive.last_value_daily,
}
OURS = "prophet"


@dataclass(frozen=True)
class Plan:
    """So many origins, each `every` minutes before the next, each trained on `span` (zero: all)."""

    origins: int
    every: int
    span: timedelta

    @property
    def minutes(self) -> int:
        """The minutes of history that it looks at."""
        reach = AHEAD + (self.origins - 1) * self.every
        return reach + int(self.span / timedelta(minutes=1)) + 1


@dataclass(frozen=True)
class Evaluation:
    """The scores by forecaster and horizon, and the forecasts they come from.

    `pairs` has a row for each origin and minute with a price: origin, ds, lead (minutes), close,
    and a column of levels for each forecaster, with `yhat_lower` and `yhat_upper` of our own.
    """

    scores: tuple[ForecastScore, ...]
    pairs: pd.DataFrame

    @property
    def origins(self) -> int:
        """How many origins could be looked at."""
        return int(self.pairs["origin"].nunique())


def evaluated(frame: pd.DataFrame, plan: Plan) -> Evaluation:
    """Backtest over minutes (`ds` naive UTC, `close`), the last origin a day before their end.

    Raises:
        HistoryError: no origin has a day before it and a price after it.
    """
    pairs = list(_backtests(frame, plan))
    if not pairs:
        least = least_minutes(plan.span)
        raise HistoryError(
            f"{len(frame)} minutes are too few to evaluate a forecast: {least} before an origin "
            f"and {AHEAD} after it are needed"
        )
    every = pd.concat(pairs, ignore_index=True)
    scores, begin = [], 0
    for horizon in HORIZONS:
        part = every[(every["lead"] > begin) & (every["lead"] <= horizon)]
        scores += [scored(part, name, horizon=horizon) for name in (OURS, *NAIVE) if len(part)]
        begin = horizon
    return Evaluation(tuple(scores), every)


def _backtests(frame: pd.DataFrame, plan: Plan) -> Iterator[pd.DataFrame]:
    end = frame["ds"].iloc[-1]
    for back in reversed(range(plan.origins)):
        origin = end - (AHEAD + back * plan.every) * MINUTE
        since = origin - plan.span if plan.span else pd.Timestamp(BEGINNING).tz_localize(None)
        seen = rows_within(frame, since, origin)
        after = rows_within(frame, origin, origin + AHEAD * MINUTE)
        if len(seen) >= least_minutes(plan.span) and len(after):
            yield _backtest(seen, after, origin)


def _backtest(seen: pd.DataFrame, after: pd.DataFrame, origin: pd.Timestamp) -> pd.DataFrame:
    fitted = fit.fit(seen)
    start = (origin + MINUTE).tz_localize("UTC")
    made = predict.predict(fitted.prophet, start=start, minutes=AHEAD, walk=fitted.walk)
    ds = pd.DatetimeIndex(made["ds"])
    told = {name: forecast(seen, ds) for name, forecast in NAIVE.items()}
    made = made.rename(columns={"yhat": OURS}).assign(**told)
    pairs = after.merge(made, on="ds")
    lead = ((pairs["ds"] - origin) / MINUTE).astype(np.int64)
    return pairs.assign(origin=origin, lead=lead)
