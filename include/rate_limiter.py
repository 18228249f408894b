"""A rate limit kept by waiting before the call that would be one too many. No clock: it is given.

The limits of the simulator are another thing: they are the venues' own, and refuse.
"""

from collections import deque

_POLITE_SHARE = 0.45


class RateLimiter:
    """At most `calls` calls within any `within_s` seconds, of any clock that only rises."""

    def __init__(self, calls: int, *, within_s: float) -> None:
        self._within_s = within_s
        self._starts_s: deque[float] = deque(maxlen=calls)
        self._held_until_s = 0.0

    @classmethod
    def half_rate(cls, per_minute: float) -> "RateLimiter":
        """Calls spaced evenly at less than half of a venue's limit, in calls a minute."""
        return cls(1, within_s=60.0 / (per_minute * _POLITE_SHARE))

    def claim(self, now_s: float) -> float:
        """Reserve the next call; returns the seconds to wait before it."""
        starts_s = max(now_s, self._held_until_s)
        if len(self._starts_s) == self._starts_s.maxlen:
            starts_s = max(starts_s, self._starts_s[0] + self._within_s)
        self._starts_s.append(starts_s)
        return starts_s - now_s

    def hold(self, now_s: float, wait_s: float) -> None:
        """Allow no call for `wait_s` seconds, because the venue asked for it."""
        self._held_until_s = max(self._held_until_s, now_s + wait_s)
