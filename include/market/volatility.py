"""Realised volatility of the last 24 hours, from the last price of each minute. Pure.

It is the root mean square of the log changes over five minutes, counted back from the newest
minute. A minute without a price counts with the last one before it, for an hour at most: what
lies within a longer gap, or across it, is left out.
"""

import math
from collections import deque
from collections.abc import Iterable
from itertools import pairwise

from include.market.time import DAY_MINUTES, MINUTE_US

STEP_MINUTES = 5
FEWEST_MINUTES = 60  # with less than an hour of prices it is not known


class DayOfPrices:
    """The prices of the last 24 hours by minute, of which the volatility is asked again and again.

    It is bounded: what lies further back than a day before the newest minute is forgotten.
    """

    def __init__(self, minute_prices: Iterable[tuple[int, float]] = ()) -> None:
        """Begin with these minutes (labels in µs, ascending) and their prices."""
        self._logs: deque[float] = deque(maxlen=DAY_MINUTES + 1)
        self._newest = 0
        for minute, price in minute_prices:
            self.add(minute, price)

    def add(self, minute: int, price: float) -> None:
        """Take a minute's price in; one of a minute that is known, or before it, is left out."""
        if self._logs:
            behind = (minute - self._newest) // MINUTE_US
            if behind <= 0:
                return
            carried = min(behind - 1, FEWEST_MINUTES)
            unknown = min(behind - 1 - carried, DAY_MINUTES)
            self._logs.extend([self._logs[-1]] * carried + [math.nan] * unknown)
        self._logs.append(math.log(price))
        self._newest = minute

    def volatility(self) -> float | None:
        """Log change per five minutes; null until an hour is known, and where nothing changed."""
        sampled = list(self._logs)[::-STEP_MINUTES]
        changes = [later - earlier for later, earlier in pairwise(sampled)]
        known_changes = [change for change in changes if not math.isnan(change)]
        if len(known_changes) < FEWEST_MINUTES // STEP_MINUTES:
            return None
        return math.sqrt(sum(change**2 for change in known_changes) / len(known_changes)) or None
