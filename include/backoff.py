"""How long to wait before the next try: exponential back-off with a ceiling and jitter."""

import random
from dataclasses import dataclass

_MAX_DOUBLINGS = 20


@dataclass(frozen=True)
class Backoff:
    """Waits of `first_s` seconds, doubled with each failure in a row, of `max_s` at most."""

    first_s: float
    max_s: float

    def longest_s(self, failures: int) -> float:
        """The wait after `failures` earlier failures in a row, without jitter."""
        return min(self.max_s, self.first_s * 2.0 ** min(failures, _MAX_DOUBLINGS))

    def wait_s(self, failures: int, rng: random.Random | None = None) -> float:
        """Seconds to wait after `failures` earlier failures in a row (0: this was the first).

        The last half of each wait is random, so that clients of one server do not all return at
        the same moment ("equal jitter" of AWS's "Exponential Backoff And Jitter").
        """
        share = rng.uniform(0.5, 1.0) if rng else random.uniform(0.5, 1.0)
        return self.longest_s(failures) * share
