"""Price jumps: a minute's move beyond so many times the running volatility. Pure.

The volatility is that of log returns per minute: the root of the exponentially weighted mean of
their squares, the weights halved every so many minutes (RiskMetrics, J. P. Morgan 1996), without
the minute that is judged. A minute without a price has no return: the next one has that of all
minutes since, over the root of their number. A price that hardly moves has next to no volatility:
there is a lowest one that a move is judged by. A jump's size is bounded.
"""

import math
from collections.abc import Iterator
from decimal import Decimal

import msgspec

from include.market.numerals import SIGNAL_STEP, round_half_up
from include.market.prices import SupplierPrice
from include.market.signals import PublishedSignal
from include.market.time import MINUTE_US, SECOND_US

JUMP = "jump"  # type of the signal: the return over the volatility, below zero for a fall
SETTLE_US = 5 * SECOND_US  # prices of one minute come by several topics
MIN_RETURNS = 30  # of a volatility that anything is judged by
LARGEST = Decimal(1_000_000)  # without a lowest volatility the size has no end, a column does


class PriceSeries(msgspec.Struct):
    """One symbol of one venue: its last counted minute, and the sums of its volatility.

    `minute` counts from 1970 (null: none is counted yet), and `price` is its last. `squares` is the
    weighted sum of squared returns, `weight` that of the weights, `returns` their number. `open`
    has the time (µs) and value of the last price of each minute that is not counted yet.
    """

    minute: int | None = None
    price: Decimal = Decimal(0)
    squares: float = 0.0
    weight: float = 0.0
    returns: int = 0
    clock_us: int = 0
    open: dict[int, tuple[int, Decimal]] = msgspec.field(default_factory=dict)


class Jumps:
    """Takes prices in, gives the jumps of the minutes that are over by the series' own times.

    `volatilities` is how many times the volatility a return must exceed (0: nothing is a jump),
    `half_life_minutes` when a return's weight is halved, `lowest_volatility` (a log return) what a
    move is judged by where the series' own is less.
    """

    def __init__(
        self,
        *,
        volatilities: float,
        half_life_minutes: float,
        lowest_volatility: float = 0.0,
        by_series: dict[str, PriceSeries] | None = None,
    ) -> None:
        """Go on from the series by `venue|symbol`."""
        self._volatilities, self._half_life = volatilities, half_life_minutes
        self._lowest_volatility = lowest_volatility
        self.series = {} if by_series is None else by_series

    def take(self, supplied: SupplierPrice) -> None:
        """Take a price in; one of a minute that is counted already changes nothing."""
        key, minute = f"{supplied.supplier}|{supplied.symbol}", supplied.at_us // MINUTE_US
        series = self.series.setdefault(key, PriceSeries())
        series.clock_us = max(series.clock_us, supplied.at_us)
        if series.minute is not None and minute <= series.minute:
            return
        last = series.open.get(minute)
        if last is None or last[0] <= supplied.at_us:
            series.open[minute] = supplied.at_us, supplied.price

    def advance(self) -> list[PublishedSignal]:
        """The jumps of the minutes that are over by now, oldest first."""
        jumps = [jump for key, series in self.series.items() for jump in self._advance(key, series)]
        return sorted(jumps, key=lambda jump: (jump.window_start, jump.venue, jump.symbol))

    def _advance(self, key: str, series: PriceSeries) -> Iterator[PublishedSignal]:
        end_minute = (series.clock_us - SETTLE_US) // MINUTE_US
        for minute in sorted(series.open):
            if minute >= end_minute:
                return
            _, price = series.open.pop(minute)
            size = self._count(series, minute, price)
            if size and self._volatilities and abs(size) > self._volatilities:
                venue, _, symbol = key.partition("|")
                bounded = max(-LARGEST, min(LARGEST, Decimal(repr(size))))
                value = round_half_up(bounded, SIGNAL_STEP)
                start = minute * MINUTE_US
                yield PublishedSignal(venue, symbol, JUMP, value, start, start + MINUTE_US)

    def _count(self, series: PriceSeries, minute: int, price: Decimal) -> float | None:
        """Count a minute in; its return over the volatility before it, null without one."""
        before, price_before = series.minute, series.price
        series.minute, series.price = minute, price
        if before is None:
            return None
        minutes = minute - before
        log_return = math.log(price / price_before) / math.sqrt(minutes)
        size = None
        if series.returns >= MIN_RETURNS:
            volatility = max(math.sqrt(series.squares / series.weight), self._lowest_volatility)
            size = log_return / volatility if volatility else None
        decay = 0.5 ** (minutes / self._half_life)
        series.squares = series.squares * decay + log_return**2
        series.weight = series.weight * decay + 1.0
        series.returns += 1
        return size
