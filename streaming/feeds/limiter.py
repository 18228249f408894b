"""How soon a venue may be asked again: under half its limit, and never before it said so. Pure."""

SHARE = 0.45


class Limiter:
    """Spaces the requests to one venue evenly. Times are seconds of any clock that only rises."""

    def __init__(self, per_minute: float) -> None:
        """Know the venue's own limit, in requests a minute."""
        self._space_s = 60.0 / (per_minute * SHARE)
        self._free_at = 0.0

    def claim(self, now_s: float) -> float:
        """Book the next request; returns the seconds to wait before it."""
        begins_at = max(now_s, self._free_at)
        self._free_at = begins_at + self._space_s
        return begins_at - now_s

    def hold(self, now_s: float, wait_s: float) -> None:
        """Send nothing for so long, because the venue asked for it."""
        self._free_at = max(self._free_at, now_s + wait_s)
