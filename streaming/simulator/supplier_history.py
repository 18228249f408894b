"""The simulated suppliers' trades and candles: the path's prints at each supplier's price. Pure.

Amounts are whole cents until they are written, so that candles are sums of the trades.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from include.market.time import DAY_S
from streaming.simulator.price_path import FIRST_DAY, FIRST_S
from streaming.simulator.suppliers import SimulatedSupplier

WholeNumbers = npt.NDArray[np.int64]
MAX_DAYS = 30  # how far back candles go
_BASIS_POINTS, _PERCENT = 10_000, 100


@dataclass(frozen=True)
class SupplierTrades:
    """The trades of a span by time: seconds, cents, quantities, whether the taker bought."""

    seconds: WholeNumbers
    cents: WholeNumbers
    quantities: npt.NDArray[np.float64]
    taker_bought: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class SupplierCandle:
    """One candle: its first second, prices as texts, volume, mean price, count of trades."""

    start_s: int
    open: str
    high: str
    low: str
    close: str
    volume: float
    mean_price: str
    trade_count: int


def trades_of(supplier: SimulatedSupplier, pair: str, first_s: int, last_s: int) -> SupplierTrades:
    """The trades of the seconds `first_s` to `last_s`."""
    seconds = np.arange(max(first_s, FIRST_S + supplier.delay_s), last_s + 1)
    shifted = seconds - supplier.delay_s
    first_day, offset_s = divmod(int(shifted[0]), DAY_S) if len(shifted) else (FIRST_DAY, 0)
    last_day = int(shifted[-1]) // DAY_S if len(shifted) else first_day
    days = [supplier.path.day(day) for day in range(first_day, last_day + 1)]
    mids, quantities, sides = (
        np.concatenate([getattr(day, name) for day in days])[offset_s : offset_s + len(seconds)]
        for name in ("mid", "quantity", "side")
    )
    cents = _price_cents(supplier, pair, mids, shifted)
    traded = quantities > 0
    bought = sides[traded] > 0
    return SupplierTrades(seconds[traded], cents[traded], quantities[traded], bought)


def _price_cents(
    supplier: SimulatedSupplier, pair: str, mids: npt.NDArray[np.float64], seconds: WholeNumbers
) -> WholeNumbers:
    """`SimulatedSupplier.price` of many seconds, rounded half to even as that is."""
    mid_cents = np.rint(mids * _PERCENT).astype(np.int64)
    share = _BASIS_POINTS + int(supplier.bias * _BASIS_POINTS)
    noise = (seconds * 7919) % 5 - 2
    rate = int(supplier.rate(pair) * _PERCENT)
    scaled, unit = (mid_cents * share + noise * _BASIS_POINTS) * rate, _BASIS_POINTS * _PERCENT
    cents, remainder = np.divmod(scaled, unit)
    is_odd = cents % 2 == 1
    rounded: WholeNumbers = cents + ((2 * remainder > unit) | ((2 * remainder == unit) & is_odd))
    return rounded


def candles_of(
    supplier: SimulatedSupplier, pair: str, frame_s: int, first_s: int, last_s: int
) -> list[SupplierCandle]:
    """The candles that begin from `first_s` to `last_s` and had a trade, oldest first."""
    first_s = max(first_s, (last_s // DAY_S - MAX_DAYS) * DAY_S)
    first_s = -(-first_s // frame_s) * frame_s
    trades = trades_of(supplier, pair, first_s, last_s)
    frames = trades.seconds // frame_s
    if not len(frames):
        return []
    starts = np.flatnonzero(np.diff(frames, prepend=frames[0] - 1))
    ends = np.append(starts[1:], len(frames)) - 1
    high, low = (at.reduceat(trades.cents, starts) for at in (np.maximum, np.minimum))
    volume = np.add.reduceat(trades.quantities, starts)
    mean = np.add.reduceat(trades.quantities * trades.cents, starts) / volume
    columns = (trades.cents[starts], high, low, trades.cents[ends])
    texts = [[cents_text(cents) for cents in column.tolist()] for column in columns]
    return [
        SupplierCandle(
            start_s=int(frames[start]) * frame_s,
            open=texts[0][n],
            high=texts[1][n],
            low=texts[2][n],
            close=texts[3][n],
            volume=round(float(volume[n]), 8),
            mean_price=cents_text(round(float(mean[n]))),
            trade_count=int(ends[n] - start + 1),
        )
        for n, start in enumerate(starts)
    ]


def summarize_span(
    supplier: SimulatedSupplier, pair: str, now_s: int, span_s: int
) -> SupplierCandle:
    """One candle of the trades of the last `span_s` seconds, and of the price now, its close."""
    first_s, price_cents = now_s - span_s + 1, round(100 * supplier.price(pair, now_s))
    trades = trades_of(supplier, pair, first_s, now_s)
    cents = np.append(trades.cents, price_cents)
    volume = float(trades.quantities.sum())
    traded = float((trades.quantities * trades.cents).sum())
    mean = traded / volume if volume else price_cents
    return SupplierCandle(
        start_s=first_s,
        open=cents_text(int(cents[0])),
        high=cents_text(int(cents.max())),
        low=cents_text(int(cents.min())),
        close=cents_text(price_cents),
        volume=round(volume, 8),
        mean_price=cents_text(round(mean)),
        trade_count=len(trades.cents),
    )


def cents_text(cents: int) -> str:
    """An amount of cents with two decimals."""
    return f"{cents // 100}.{cents % 100:02}"
