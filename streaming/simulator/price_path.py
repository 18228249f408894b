"""The simulated market's past and future: prices and prints at any second, from a seed. Pure.

Each day is drawn by itself with a counter-based generator (Philox), so that the served
history and the live trades agree to the last digit across restarts.
"""

import threading
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from include.market.time import DAY_S

PriceArray = npt.NDArray[np.float64]
FIRST_DAY = 19_358  # 2023-01-01, where every path begins
FIRST_S = FIRST_DAY * DAY_S
CENT = Decimal("0.01")
PRINT_DISTANCE = 0.01  # of a print from the mid price
_REVERSION = 0.01
_DAILY_VOLATILITY = 0.022
_REGIMES = (0.6, 1.0, 1.0, 2.0)
_REGIME_DAYS = 9
_QUIET_MINUTES = 0.02
_SILENT_SECONDS = 0.4
# Of every day by the second: how much it moves, the variance up to it, and how prices lean.
_AT = np.arange(DAY_S)
_SEASON = 1 + 0.5 * np.sin(2 * np.pi * (_AT - 36_000) / DAY_S)
_VARIANCE = np.sum(_SEASON**2)
_SHARE = np.concatenate([[0.0], np.cumsum(_SEASON**2)]) / _VARIANCE
_DAILY = 0.004 * np.sin(2 * np.pi * _AT / DAY_S)


@dataclass(frozen=True)
class Day:
    """One UTC day by the second: mid of whole cents, quantity (0: none), +1 bought or -1 sold."""

    mid: PriceArray
    quantity: PriceArray
    side: npt.NDArray[np.int64]

    @property
    def price(self) -> PriceArray:
        """Price of the second's print, in whole cents: one cent from the mid price."""
        distance: PriceArray = self.side.astype(np.float64) * PRINT_DISTANCE
        cents: PriceArray = np.around(self.mid + distance, 2).astype(np.float64)
        return cents


class PricePath:
    """The path of one symbol around `level`; `stream` sets symbols of one seed apart."""

    def __init__(self, *, seed: int, stream: int, level: float) -> None:
        self._key, self._level = (seed << 16) + stream, level
        self.day = lru_cache(maxsize=4)(self.draw_day)
        self._starts: list[float] = [0.0]
        self._lock = threading.Lock()  # of the starts: days are drawn in threads too

    def _rng(self, number: int) -> np.random.Generator:
        return np.random.Generator(np.random.Philox(key=[self._key, number]))

    def _regime(self, day: int) -> float:
        return float(self._rng(10_000_000 + day // _REGIME_DAYS).choice(_REGIMES))

    def _start(self, day: int) -> float:
        """Log of the price over `level` at the start of a day: mean-reverting from the anchor."""
        with self._lock:
            while len(self._starts) <= day - FIRST_DAY:
                last_day = FIRST_DAY + len(self._starts) - 1
                step = _DAILY_VOLATILITY * self._regime(last_day)
                step *= self._rng(last_day).standard_normal()
                self._starts.append(self._starts[-1] * (1 - _REVERSION) + step)
            return self._starts[day - FIRST_DAY]

    def draw_day(self, day: int) -> Day:
        """Draw a day; `day` keeps the last four.

        The mid price is rounded here alone: numpy and Python round halves of a cent
        differently, and whoever rounded it for himself would have another price.
        """
        rng = self._rng(20_000_000 + day)
        steps = rng.standard_normal(DAY_S) * _SEASON
        walk = np.concatenate([[0.0], np.cumsum(steps)])
        scale = _DAILY_VOLATILITY * self._regime(day) / np.sqrt(_VARIANCE)
        begin, end = self._start(day), self._start(day + 1)
        bridge = begin + (end - begin) * _SHARE + scale * (walk - _SHARE * walk[-1])
        mid = np.around(self._level * np.exp(bridge[:-1] + _DAILY), 2)
        quantity = np.round(rng.exponential(0.12, DAY_S) * _SEASON + 1e-4, 8)
        quantity[rng.random(DAY_S) < _SILENT_SECONDS] = 0.0
        quiet = np.repeat(rng.random(DAY_S // 60) < _QUIET_MINUTES, 60)
        quantity[quiet] = 0.0
        side = np.where(rng.integers(2, size=DAY_S), 1, -1)
        return Day(mid=mid, quantity=quantity, side=side)

    def tick_at(self, second: int) -> tuple[float, float, int, float]:
        """Mid price, printed quantity, side and print price of a second since the epoch."""
        day, index = self.day(second // DAY_S), second % DAY_S
        mid, side = float(day.mid[index]), int(day.side[index])
        return (
            mid,
            float(day.quantity[index]),
            side,
            round(mid + side * PRINT_DISTANCE, 2),
        )


def make_paths(seed: int) -> dict[str, PricePath]:
    """Make the path of each simulated symbol."""
    btc = PricePath(seed=seed, stream=1, level=70_000.0)
    eth = PricePath(seed=seed, stream=2, level=2_800.0)
    sol = PricePath(seed=seed, stream=3, level=150.0)
    return {"BTC-USD": btc, "BTC-USDT": btc, "ETH-USD": eth, "ETH-USDT": eth, "SOL-USD": sol}
