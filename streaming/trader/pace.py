"""Keeps calls below a rate by waiting before the one too many."""

import time
from collections import deque
from collections.abc import Callable


class Pace:
    """At most so many calls within any so many seconds."""

    def __init__(
        self,
        *,
        most: int,
        within_s: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`clock` gives seconds that never go back."""
        self._within_s, self._clock, self._sleep = within_s, clock, sleep
        self._begun: deque[float] = deque(maxlen=most)

    def wait(self) -> None:
        """Wait until one more call is allowed, and count it."""
        if len(self._begun) == self._begun.maxlen:
            left_s = self._begun[0] + self._within_s - self._clock()
            if left_s > 0:
                self._sleep(left_s)
        self._begun.append(self._clock())
