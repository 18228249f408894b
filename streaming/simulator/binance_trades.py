"""The simulated Binance trades: two a second and symbol, and the sums of any span. Pure.

A trade's id follows from its second alone, so ids stay contiguous across restarts. Amounts are
whole numbers: prices in cents, quantities in lots of 0.00001, their products in 0.0000001.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from include.market.time import DAY_S
from streaming.simulator.json_fields import Fields
from streaming.simulator.price_path import FIRST_DAY, FIRST_S, PricePath

PER_SECOND = 2
Ints = npt.NDArray[np.int64]
_PER_HOUR, _PER_DAY = 3600 * PER_SECOND, DAY_S * PER_SECOND
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


def _draw_trades(path: PricePath, day: int) -> DayTrades:
    prints = path.draw_day(FIRST_DAY + day)
    units = np.rint(prints.quantity * 1e8).astype(np.int64)
    units[units == 0] = _SILENT_UNITS
    lots = _divide(units, _UNITS_PER_LOT) + 2
    first_lots = _divide(lots * 6, 10)
    return DayTrades(
        cents=np.repeat(np.rint(prints.price * 100).astype(np.int64), PER_SECOND),
        lots=np.stack([first_lots, lots - first_lots], axis=1).reshape(-1),
        taker_sold=np.repeat(prints.side < 0, PER_SECOND),
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
    trades, begin = _draw_trades(path, day), day * _PER_DAY
    return tuple(
        _sum_trades(trades, start, start + _PER_HOUR, begin)
        for start in range(0, _PER_DAY, _PER_HOUR)
    )


def _sum_trades(day: DayTrades, start: int, end: int, begin: int) -> Bar:
    cents, lots = day.cents[start:end], day.lots[start:end]
    products, bought = cents * lots, ~day.taker_sold[start:end]
    sums = (lots.sum(), products.sum(), lots[bought].sum(), products[bought].sum())
    prices = (cents[0], cents.max(), cents.min(), cents[-1])
    return Bar(begin + start, begin + end - 1, *map(int, prices), *map(int, sums))


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
