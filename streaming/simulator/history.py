"""Minute history of the simulated market in the two Kaggle editions, up to the last whole minute.

Current edition: `Timestamp,Open,High,Low,Close,Volume`, minutes without a trade repeat the last
price with volume 0. Older edition: eight columns, `NaN` in minutes without a trade.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from include.market.time import DAY_MINUTES, DAY_S
from streaming.simulator.price_path import PriceArray, PricePath

CURRENT_HEADER = "Timestamp,Open,High,Low,Close,Volume\n"
NAN_HEADER = "Timestamp,Open,High,Low,Close,Volume_(BTC),Volume_(Currency),Weighted_Price\n"


@dataclass(frozen=True)
class DayMinutes:
    """The 1440 minute bars of a day; prices are NaN where nothing was traded."""

    open: PriceArray
    high: PriceArray
    low: PriceArray
    close: PriceArray
    base: PriceArray
    quote: PriceArray


def minute_bars(path: PricePath, day: int) -> DayMinutes:
    """Sum a day's prints into minute bars."""
    day_prints = path.day(day)
    traded = (day_prints.quantity > 0).reshape(-1, 60)
    price, quantity = day_prints.price.reshape(-1, 60), day_prints.quantity.reshape(-1, 60)
    rows, first = np.arange(len(price)), traded.argmax(axis=1)
    last = 59 - traded[:, ::-1].argmax(axis=1)
    untraded = ~traded.any(axis=1)

    def nan_where_none(column: PriceArray) -> PriceArray:
        return np.where(untraded, np.nan, column)

    return DayMinutes(
        open=nan_where_none(price[rows, first]),
        close=nan_where_none(price[rows, last]),
        high=nan_where_none(np.where(traded, price, -np.inf).max(axis=1)),
        low=nan_where_none(np.where(traded, price, np.inf).min(axis=1)),
        base=quantity.sum(axis=1),
        quote=(price * quantity).sum(axis=1),
    )


def current_edition(path: PricePath, *, days: int, now_s: int) -> Iterator[str]:
    """The CSV of the last `days` days, a day at a time."""
    yield CURRENT_HEADER
    close = path.tick_at(_begin(days, now_s))[0]
    for day, start, stop in _days(days, now_s):
        day_minutes, lines = minute_bars(path, day), []
        for index in range(start, stop):
            stamp = day * DAY_S + index * 60
            if np.isnan(day_minutes.open[index]):
                lines.append(f"{stamp}.0,{close},{close},{close},{close},0.0\n")
                continue
            close = float(day_minutes.close[index])
            lines.append(
                f"{stamp}.0,{day_minutes.open[index]},{day_minutes.high[index]},{day_minutes.low[index]},{close},"
                f"{day_minutes.base[index]:.8f}\n"
            )
        yield "".join(lines)


def nan_edition(path: PricePath, *, days: int, now_s: int) -> Iterator[str]:
    """The older edition's CSV of the last `days` days, a day at a time."""
    yield NAN_HEADER
    for day, start, stop in _days(days, now_s):
        day_minutes, lines = minute_bars(path, day), []
        for index in range(start, stop):
            stamp = day * DAY_S + index * 60
            if np.isnan(day_minutes.open[index]):
                lines.append(f"{stamp}{',NaN' * 7}\n")
                continue
            base, quote = day_minutes.base[index], day_minutes.quote[index]
            lines.append(
                f"{stamp},{day_minutes.open[index]},{day_minutes.high[index]},{day_minutes.low[index]},"
                f"{day_minutes.close[index]},{base:.8f},{quote:.8f},{quote / base:.8f}\n"
            )
        yield "".join(lines)


def _begin(days: int, now_s: int) -> int:
    return (now_s // 60 - days * DAY_MINUTES) * 60


def _days(days: int, now_s: int) -> Iterator[tuple[int, int, int]]:
    """Each day with its first minute and the one after its last."""
    first, end = _begin(days, now_s), now_s // 60 * 60
    for day in range(first // DAY_S, (end - 1) // DAY_S + 1):
        begin = max(first - day * DAY_S, 0) // 60
        yield day, begin, min(end - day * DAY_S, DAY_S) // 60
