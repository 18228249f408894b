"""Short-term forecasts: the last hour of tickers, a second a row, to the next ten minutes.

Prophet's trend over the hour gives slope and spread; the forecast starts at the last price itself,
since the trend's own level differs from it by more than the price moves in ten minutes.
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
MIN_SECONDS = 300
STALE = pd.Timedelta(minutes=2)
COLUMNS = ("ds", "side", "yhat", "yhat_lower", "yhat_upper")


@dataclass(frozen=True)
class ShortTermRun:
    """A run: its id, the rows by symbol, and the symbols left out with their reasons."""

    forecast_id: str
    rows_by_symbol: dict[str, pd.DataFrame]
    left_out: dict[str, str]


def forecast_soon(settings: Settings, *, now: datetime) -> ShortTermRun | None:
    """Forecast every symbol with fresh tickers, to Delta and Postgres; nothing without a ticker.

    Repeating it on the same tickers gives the same rows under the same id.
    """
    rules = settings.forecast
    seconds = newest_seconds(settings.lake, seconds=rules.short_seconds)
    if seconds.empty:
        return None
    market_time = seconds["ds"].max()
    forecasts: dict[str, pd.DataFrame] = {}
    left_out: dict[str, str] = {}
    for symbol, seconds_df in seconds.groupby("symbol"):
        reason = _find_defect(seconds_df, market_time)
        if reason:
            left_out[str(symbol)] = reason
        else:
            forecasts[str(symbol)] = forecast_minutes(
                seconds_df[["ds", "close"]], minutes=rules.short_minutes
            )
    short_run = ShortTermRun(f"short-{market_time:%Y%m%dT%H%M%S}", forecasts, left_out)
    if forecasts:
        _land(settings, short_run, trained={s: f["ds"].max() for s, f in seconds.groupby("symbol")})
        _serve(settings, short_run, market_time=market_time.tz_localize("UTC"), now=now)
    return short_run


def forecast_minutes(seconds_df: pd.DataFrame, *, minutes: int) -> pd.DataFrame:
    """`ds, side, yhat, yhat_lower, yhat_upper` of the next whole minutes after the last row."""
    fitted = fit.fit(seconds_df)
    last_second, last_price = seconds_df["ds"].iloc[-1], float(seconds_df["close"].iloc[-1])
    first = last_second.floor("min") + pd.Timedelta(minutes=1)
    # one minute more, so that the last one has a next change too
    ds = pd.DatetimeIndex([last_second]).append(
        pd.date_range(first, periods=minutes + 1, freq="min")
    )
    predicted_df = predict.predict_at(fitted.prophet, pd.DatetimeIndex(ds), fitted.walk)
    levels = predicted_df[["yhat", "yhat_lower", "yhat_upper"]] * (
        last_price / predicted_df["yhat"].iloc[0]
    )
    rows_df = levels.iloc[1:-1].assign(ds=ds[1:-1])
    changes = [after - before for before, after in pairwise(levels["yhat"].iloc[1:])]
    sided_df: pd.DataFrame = rows_df.assign(side=np.where(np.array(changes) > 0, "buy", "sell"))
    return sided_df[list(COLUMNS)]


def _find_defect(seconds_df: pd.DataFrame, market_time: pd.Timestamp) -> str:
    if len(seconds_df) < MIN_SECONDS:
        return f"{len(seconds_df)} seconds with a ticker; {MIN_SECONDS} are needed"
    age = market_time - seconds_df["ds"].max()
    return f"its last ticker is {age} old" if age > STALE else ""


def _land(settings: Settings, short_run: ShortTermRun, *, trained: dict[Any, pd.Timestamp]) -> None:
    all_rows = pd.concat(
        [
            rows_df.assign(symbol=symbol, trained_until=trained[symbol].tz_localize("UTC"))
            for symbol, rows_df in short_run.rows_by_symbol.items()
        ]
    )
    all_rows = all_rows.assign(
        forecast_id=short_run.forecast_id, ds=all_rows["ds"].dt.tz_localize("UTC")
    )
    table = pa.Table.from_pandas(all_rows, schema=arrow_schema(FORECASTS), preserve_index=False)
    replace_rows(settings.lake, FORECASTS, table, forecast_id=short_run.forecast_id)


def _serve(
    settings: Settings, short_run: ShortTermRun, *, market_time: datetime, now: datetime
) -> None:
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
        for symbol, rows_df in short_run.rows_by_symbol.items()
        for at, _, yhat, lower, upper in rows_df.itertuples(index=False, name=None)
    ]
    keep_days = settings.forecast.served_days
    serve_forecast(settings.dsn(), rows, market_time=market_time, keep_days=keep_days)
