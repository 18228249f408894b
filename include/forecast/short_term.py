"""Short-term forecasts: the last hour of tickers, a second a row, to the next ten minutes.

Prophet's trend over the hour tells the slope and the spread; the forecast starts at the last price
itself, since a trend's own level lies off it by more than ten minutes move it.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from include.forecast import fit, predict
from include.lake.tables import FORECASTS
from include.lake.tickers import newest_seconds
from include.lake.writing import arrow_schema, replace_rows
from include.settings import Settings

MODEL = "short-term"
LEAST_SECONDS = 300
STALE = pd.Timedelta(minutes=2)
COLUMNS = ("ds", "side", "yhat", "yhat_lower", "yhat_upper")


@dataclass(frozen=True)
class Made:
    """A run: its id, the rows by symbol, and the symbols left out with their reasons."""

    forecast_id: str
    rows: dict[str, pd.DataFrame]
    left_out: dict[str, str]


def forecast_soon(settings: Settings, *, now: datetime) -> Made | None:
    """Forecast every symbol with fresh tickers, to Delta and Postgres; nothing without a ticker.

    Repeating it on the same tickers gives the same rows under the same id.
    """
    rules = settings.forecast
    seconds = newest_seconds(settings.lake, seconds=rules.short_seconds)
    if seconds.empty:
        return None
    clock = seconds["ds"].max()
    made: dict[str, pd.DataFrame] = {}
    left_out: dict[str, str] = {}
    for symbol, frame in seconds.groupby("symbol"):
        reason = _unfit(frame, clock)
        if reason:
            left_out[str(symbol)] = reason
        else:
            made[str(symbol)] = soon(frame[["ds", "close"]], minutes=rules.short_minutes)
    found = Made(f"short-{clock:%Y%m%dT%H%M%S}", made, left_out)
    if made:
        _land(settings, found, trained={s: f["ds"].max() for s, f in seconds.groupby("symbol")})
        _serve(settings, found, clock=clock.tz_localize("UTC"), now=now)
    return found


def soon(frame: pd.DataFrame, *, minutes: int) -> pd.DataFrame:
    """`ds, side, yhat, yhat_lower, yhat_upper` of the next whole minutes after the last row."""
    fitted = fit.fit(frame)
    edge, last = frame["ds"].iloc[-1], float(frame["close"].iloc[-1])
    first = edge.floor("min") + pd.Timedelta(minutes=1)
    # one minute more, so that the last one has a next change too
    ds = pd.DatetimeIndex([edge]).append(pd.date_range(first, periods=minutes + 1, freq="min"))
    raw = predict.predict_at(fitted.prophet, pd.DatetimeIndex(ds), fitted.walk)
    levels = raw[["yhat", "yhat_lower", "yhat_upper"]] * (last / raw["yhat"].iloc[0])
    made = levels.iloc[1:-1].assign(ds=ds[1:-1])
    changes = [after - before for before, after in pairwise(levels["yhat"].iloc[1:])]
    found: pd.DataFrame = made.assign(side=np.where(np.array(changes) > 0, "buy", "sell"))
    return found[list(COLUMNS)]


def _unfit(frame: pd.DataFrame, clock: pd.Timestamp) -> str:
    if len(frame) < LEAST_SECONDS:
        return f"{len(frame)} seconds with a ticker; {LEAST_SECONDS} are needed"
    age = clock - frame["ds"].max()
    return f"its last ticker is {age} old" if age > STALE else ""


def _land(settings: Settings, made: Made, *, trained: dict[Any, pd.Timestamp]) -> None:
    every = pd.concat(
        [
            rows.assign(symbol=symbol, trained_until=trained[symbol].tz_localize("UTC"))
            for symbol, rows in made.rows.items()
        ]
    )
    every = every.assign(forecast_id=made.forecast_id, ds=every["ds"].dt.tz_localize("UTC"))
    table = pa.Table.from_pandas(every, schema=arrow_schema(FORECASTS), preserve_index=False)
    replace_rows(settings.lake, FORECASTS, table, forecast_id=made.forecast_id)


def _serve(settings: Settings, made: Made, *, clock: datetime, now: datetime) -> None:
    from include.serving.forecast_points import serve_forecast  # noqa: PLC0415 - needs psycopg2

    rows = [
        {
            "symbol": symbol,
            "model": MODEL,
            "made_at": now,
            "ds": at.replace(tzinfo=UTC),
            "yhat": yhat,
            "yhat_lower": lower,
            "yhat_upper": upper,
        }
        for symbol, points in made.rows.items()
        for at, _, yhat, lower, upper in points.itertuples(index=False, name=None)
    ]
    keep_days = settings.forecast.served_days
    serve_forecast(settings.dsn(), rows, market_time=clock, keep_days=keep_days)
