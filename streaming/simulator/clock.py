"""The simulator's clock: one for its markets, accounts, tokens, limits and faults."""

from collections.abc import Callable
from dataclasses import dataclass

from include import clock
from include.market.time import SECOND_US


@dataclass(frozen=True)
class Clock:
    """`now_us` in the units that venues use. Sleeping is the event loop's."""

    now_us: Callable[[], int] = clock.now_us

    def now_ms(self) -> int:
        """Milliseconds since the epoch."""
        return self.now_us() // 1000

    def now_s(self) -> float:
        """Seconds since the epoch."""
        return self.now_us() / SECOND_US
