"""Short-term forecasts: the last hours of tickers, a second a row, to each second of ten minutes.

A few hours show no season, and their slope does not continue: the level is the last price. The
80 % band is that of the symbol's own errors over these hours (`bands`).
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pandas as pd
import pyarrow as pa

from include.errors import HistoryError
from include.forecast import predict
from include.forecast.bands import SECONDS
from include.forecast.recipe import Recipe, fit_recipe
from include.lake.tables import FORECASTS
from include.lake.tickers import newest_seconds
from include.lake.writing import arrow_schema, replace_rows
from include.market.predicted_move import side_of
from include.settings import Settings
from include.settings.groups import DatabaseRole

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
    seconds = newest_seconds(
        settings.lake, seconds=rules.short_seconds, venues=settings.venue_order
    )
    if seconds.empty:
        return None
    market_time = seconds["ds"].max()
    forecasts: dict[str, pd.DataFrame] = {}
    left_out: dict[str, str] = {}
    for symbol, seconds_df in seconds.groupby("symbol"):
        try:
            _check_rows(seconds_df, market_time)
            forecasts[str(symbol)] = forecast_seconds(
                seconds_df[["ds", "close"]], seconds=rules.short_minutes * 60
            )
        except HistoryError as error:
            left_out[str(symbol)] = str(error)
    short_run = ShortTermRun(f"short-{market_time:%Y%m%dT%H%M%S}", forecasts, left_out)
    if forecasts:
        _land(settings, short_run, trained={s: f["ds"].max() for s, f in seconds.groupby("symbol")})
        _serve(settings, short_run, market_at=market_time.tz_localize("UTC"), now=now)
    return short_run


def forecast_seconds(seconds_df: pd.DataFrame, *, seconds: int) -> pd.DataFrame:
    """`ds, side, yhat, yhat_lower, yhat_upper` of so many seconds after the last row.

    Raises:
        HistoryError: the price did not change in the last hour.
    """
    fitted = fit_recipe(seconds_df, Recipe(), grid=SECONDS)
    last_second, last_price = seconds_df["ds"].iloc[-1], float(seconds_df["close"].iloc[-1])
    ds = pd.date_range(last_second + pd.Timedelta(seconds=1), periods=seconds, freq="s")
    predicted_df = predict.predict_at(fitted, ds, grid=SECONDS)
    levels = [last_price, *predicted_df["yhat"].tolist()]
    sides = [side_of(before, after, hold_bps=0) for before, after in pairwise(levels)]
    sided_df: pd.DataFrame = predicted_df.assign(side=sides)
    return sided_df[list(COLUMNS)]


def _check_rows(seconds_df: pd.DataFrame, market_at: pd.Timestamp) -> None:
    if len(seconds_df) < MIN_SECONDS:
        raise HistoryError(f"{len(seconds_df)} seconds with a ticker; {MIN_SECONDS} are needed")
    age = market_at - seconds_df["ds"].max()
    if age > STALE:
        raise HistoryError(f"its last ticker is {age} old")


def _land(settings: Settings, short_run: ShortTermRun, *, trained: dict[Any, pd.Timestamp]) -> None:
    all_rows = pd.concat(
        [
            rows_df.assign(
                symbol=symbol,
                trained_until=trained[symbol].tz_localize("UTC"),
                last_price=None,
                volatility=None,
            )
            for symbol, rows_df in short_run.rows_by_symbol.items()
        ]
    )
    all_rows = all_rows.assign(
        forecast_id=short_run.forecast_id, ds=all_rows["ds"].dt.tz_localize("UTC")
    )
    table = pa.Table.from_pandas(all_rows, schema=arrow_schema(FORECASTS), preserve_index=False)
    replace_rows(settings.lake, FORECASTS, table, forecast_id=short_run.forecast_id)


def _serve(
    settings: Settings, short_run: ShortTermRun, *, market_at: datetime, now: datetime
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
    serve_forecast(
        settings.dsn(DatabaseRole.STREAM), rows, market_at=market_at, keep_days=keep_days
    )
