"""The simulated Deribit trades of a day at once, and the sums of any span. Pure.

One trade a second; prices in steps of half a dollar, amounts in dollars in steps of ten.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from include.market.time import DAY_S
from streaming.simulator.price_path import FIRST_S, PriceArray, PricePath

_HOUR_S, _MINUTE_S = 3600, 60


class TradeBar(NamedTuple):
    """The trades of a span: prices in USD, sums in bitcoin and in USD."""

    open: float
    high: float
    low: float
    close: float
    volume: float
    cost: float


class SecondTrades(NamedTuple):
    """A day's trades by the second: price and amount in USD."""

    price: PriceArray
    amount: PriceArray


def _draw_trades(path: PricePath, day: int) -> SecondTrades:
    drawn = path.draw_day(day)
    price = np.rint(drawn.mid * 2) / 2 + np.where(drawn.side > 0, 0.5, 0.0)
    return SecondTrades(price, 10 * np.maximum(1.0, np.rint(drawn.quantity * drawn.mid / 10)))


second_trades = lru_cache(maxsize=8)(_draw_trades)


@lru_cache(maxsize=4096)
def _hour_bars(path: PricePath, day: int) -> tuple[TradeBar, ...]:
    trades = _draw_trades(path, day)
    return tuple(_sum(trades, at, at + _HOUR_S) for at in range(0, DAY_S, _HOUR_S))


def _sum(day: SecondTrades, start: int, end: int) -> TradeBar:
    price, amount = day.price[start:end], day.amount[start:end]
    prices = (price[0], price.max(), price.min(), price[-1])
    return TradeBar(*map(float, (*prices, (amount / price).sum(), amount.sum())))


def bar_between(path: PricePath, start_s: int, end_s: int) -> TradeBar | None:
    """The sums of the trades of these seconds, the last one excluded; none before the market."""
    bars, at = list[TradeBar](), max(start_s, FIRST_S)
    while at < end_s:
        day, within = divmod(at, DAY_S)
        if within % _HOUR_S == 0 and at + _HOUR_S <= end_s:
            bars.append(_hour_bars(path, day)[within // _HOUR_S])
            at += _HOUR_S
        else:
            stop = min(end_s, at - at % _HOUR_S + _HOUR_S)
            bars.append(_sum(second_trades(path, day), within, within + stop - at))
            at = stop
    if not bars:
        return None
    return TradeBar(
        open=bars[0].open,
        high=max(bar.high for bar in bars),
        low=min(bar.low for bar in bars),
        close=bars[-1].close,
        volume=sum(bar.volume for bar in bars),
        cost=sum(bar.cost for bar in bars),
    )


@lru_cache(maxsize=4)
def last_day(path: PricePath, minute: int) -> TradeBar:
    """The sums of the 24 hours until the begin of a minute since the epoch."""
    end_s = minute * _MINUTE_S
    bar = bar_between(path, end_s - DAY_S, end_s)
    return bar or TradeBar(0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
