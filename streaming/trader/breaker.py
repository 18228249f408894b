"""A breaker: after so many failures in a row the venue is left alone for a while."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

from include.errors import Transient
from include.log import event

log = logging.getLogger("tickhouse.trader")


class Breaker:
    """Counts failures in a row; open from the n-th on, for `cool_down_s` seconds.

    Then one try is let through: its success closes the breaker, its failure opens it anew.
    """

    def __init__(
        self, *, failures: int, cool_down_s: float, clock: Callable[[], float] = monotonic
    ) -> None:
        """Closed. `clock` gives seconds that never go back."""
        self._most, self._cool_down_s, self._clock = failures, cool_down_s, clock
        self._in_a_row, self._open_until = 0, 0.0

    @property
    def open_s(self) -> float:
        """Seconds until the next try; zero: go ahead."""
        return max(0.0, self._open_until - self._clock())

    def failed(self, why: object) -> None:
        """Note a failure."""
        self._in_a_row += 1
        if self._in_a_row >= self._most:
            self._open_until = self._clock() + self._cool_down_s
            log.warning(
                event(
                    "breaker opens",
                    failures=self._in_a_row,
                    cause=why,
                    cool_down_s=self._cool_down_s,
                )
            )

    def succeeded(self) -> None:
        """Note a success."""
        if self._in_a_row >= self._most:
            log.info(event("breaker closes", failures=self._in_a_row))
        self._in_a_row, self._open_until = 0, 0.0

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Note a passing fault of what is done inside, and let it go on its way."""
        try:
            yield
        except Transient as error:
            self.failed(error)
            raise
