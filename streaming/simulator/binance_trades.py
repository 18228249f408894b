"""The simulated Binance trades: two a second and symbol, and the sums of any span. Pure.

A trade's id follows from its second alone, so ids stay contiguous across restarts. Amounts are
whole numbers: prices in cents, quantities in lots of 0.00001, their products in 0.0000001.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from include.market.time import DAY_S
from streaming.simulator.json_fields import Fields
from streaming.simulator.price_path import FIRST_DAY, FIRST_S, PricePath

PER_SECOND = 2
Ints = npt.NDArray[np.int64]
_PER_HOUR, _PER_DAY = 3600 * PER_SECOND, DAY_S * PER_SECOND
_FEW_DAYS = 7  # a day takes ten milliseconds
_LOTS, _QUOTE_UNITS = 100_000, 10_000_000
_SILENT_UNITS, _UNITS_PER_LOT = 100_000, 1000  # a second without a print trades 0.001


class DayTrades(NamedTuple):
    """The trades of a day by number: cents, lots, and whether the taker sold."""

    cents: Ints
    lots: Ints
    taker_sold: npt.NDArray[np.bool_]


class Bar(NamedTuple):
    """The trades `first` to `last`: prices in cents, sums in lots and in 0.0000001 of the quote."""

    first: int
    last: int
    open: int
    high: int
    low: int
    close: int
    base: int
    quote: int
    taker_base: int
    taker_quote: int

    @property
    def trade_count(self) -> int:
        """How many trades."""
        return self.last - self.first + 1


def number_at(ms: int) -> int:
    """The number of the first trade at or after a time in ms."""
    return max(0, -(-(ms - FIRST_S * 1000) * PER_SECOND // 1000))


def time_of(number: int) -> int:
    """The time of a trade in ms."""
    return FIRST_S * 1000 + number * 1000 // PER_SECOND


def price_text(cents: int) -> str:
    """A price with eight decimals."""
    sign, cents = ("-" if cents < 0 else ""), abs(cents)
    return f"{sign}{cents // 100}.{cents % 100:02d}000000"


def lots_text(lots: int) -> str:
    """A quantity with eight decimals."""
    return f"{lots // _LOTS}.{lots % _LOTS:05d}000"


def quote_text(units: int) -> str:
    """An amount of the quote currency with eight decimals."""
    return f"{units // _QUOTE_UNITS}.{units % _QUOTE_UNITS:07d}0"


def trade(path: PricePath, number: int) -> Fields:
    """Aggregate trade `number` in REST's form."""
    cents, lots, taker_sold = _amounts(path, number)
    return {
        "a": number,
        "p": price_text(cents),
        "q": lots_text(lots),
        "f": number,
        "l": number,
        "T": time_of(number),
        "m": taker_sold,
        "M": True,
    }


def single_trade(path: PricePath, number: int) -> Fields:
    """Trade `number` in the form of `trades` and `historicalTrades`."""
    cents, lots, taker_sold = _amounts(path, number)
    return {
        "id": number,
        "price": price_text(cents),
        "qty": lots_text(lots),
        "quoteQty": quote_text(cents * lots),
        "time": time_of(number),
        "isBuyerMaker": taker_sold,
        "isBestMatch": True,
    }


def _amounts(path: PricePath, number: int) -> tuple[int, int, bool]:
    day, within = divmod(number, _PER_DAY)
    trades = day_trades(path, day)
    return int(trades.cents[within]), int(trades.lots[within]), bool(trades.taker_sold[within])


def _draw_seconds(path: PricePath, day: int) -> DayTrades:
    """The trades of each second as one: they have a price and a side."""
    prints = path.draw_day(FIRST_DAY + day)
    units = np.rint(prints.quantity * 1e8).astype(np.int64)
    units[units == 0] = _SILENT_UNITS
    return DayTrades(
        cents=np.rint(prints.price * 100).astype(np.int64),
        lots=_divide(units, _UNITS_PER_LOT) + 2,
        taker_sold=prints.side < 0,
    )


def _draw_trades(path: PricePath, day: int) -> DayTrades:
    seconds = _draw_seconds(path, day)
    first_lots = _divide(seconds.lots * 6, 10)
    return DayTrades(
        cents=np.repeat(seconds.cents, PER_SECOND),
        lots=np.stack([first_lots, seconds.lots - first_lots], axis=1).reshape(-1),
        taker_sold=np.repeat(seconds.taker_sold, PER_SECOND),
    )


def _divide(numbers: Ints, divisor: int) -> Ints:
    """Whole quotients, halves to the even one, as decimals are rounded."""
    quotients, over = np.divmod(numbers, divisor)
    up = (2 * over > divisor) | ((2 * over == divisor) & (quotients % 2 == 1))
    rounded: Ints = quotients + up
    return rounded


day_trades = lru_cache(maxsize=8)(_draw_trades)


@lru_cache(maxsize=4096)
def _hour_bars(path: PricePath, day: int) -> tuple[Bar, ...]:
    cents, lots, sold = (column.reshape(24, -1) for column in _draw_seconds(path, day))
    products = cents * lots
    prices = (cents[:, 0], cents.max(axis=1), cents.min(axis=1), cents[:, -1])
    amounts = (lots, products, np.where(sold, 0, lots), np.where(sold, 0, products))
    columns = [*prices, *(amount.sum(axis=1) for amount in amounts)]
    firsts = range(day * _PER_DAY, (day + 1) * _PER_DAY, _PER_HOUR)
    rows = zip(firsts, zip(*(column.tolist() for column in columns), strict=True), strict=True)
    return tuple(Bar(first, first + _PER_HOUR - 1, *row) for first, row in rows)


def _sum_trades(day: DayTrades, start: int, end: int, begin: int) -> Bar:
    cents, lots = day.cents[start:end], day.lots[start:end]
    products, bought = cents * lots, ~day.taker_sold[start:end]
    sums = (lots.sum(), products.sum(), lots[bought].sum(), products[bought].sum())
    prices = (cents[0], cents.max(), cents.min(), cents[-1])
    return Bar(begin + start, begin + end - 1, *map(int, prices), *map(int, sums))


def draw_hours(path: PricePath, first: int, end: int) -> None:
    """Draw the days of these trades, on all cores: numpy leaves the interpreter to the sockets."""
    days = range(-(-first // _PER_DAY), end // _PER_DAY)
    if len(days) > _FEW_DAYS:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(partial(_hour_bars, path), days))


def bar_of(path: PricePath, first: int, end: int) -> Bar:
    """The sums of the trades `first` to `end - 1`; of none, the last price and no quantity."""
    bars, at = list[Bar](), first
    while at < end:
        day, within = divmod(at, _PER_DAY)
        if within % _PER_HOUR == 0 and at + _PER_HOUR <= end:
            bars.append(_hour_bars(path, day)[within // _PER_HOUR])
        else:
            stop = min(end, at - at % _PER_HOUR + _PER_HOUR)
            trades, begin = day_trades(path, day), day * _PER_DAY
            bars.append(_sum_trades(trades, within, stop - begin, begin))
        at = bars[-1].last + 1
    if not bars:
        price = _amounts(path, max(0, first - 1))[0]
        return Bar(first, first - 1, price, price, price, price, 0, 0, 0, 0)
    return join_bars(bars)


def join_bars(bars: Sequence[Bar]) -> Bar:
    """One bar of consecutive ones."""
    return Bar(
        first=bars[0].first,
        last=bars[-1].last,
        open=bars[0].open,
        high=max(bar.high for bar in bars),
        low=min(bar.low for bar in bars),
        close=bars[-1].close,
        base=sum(bar.base for bar in bars),
        quote=sum(bar.quote for bar in bars),
        taker_base=sum(bar.taker_base for bar in bars),
        taker_quote=sum(bar.taker_quote for bar in bars),
    )
