"""The wall clock, for what may read it: processes at the edge, never pure code."""

import time


def now_us() -> int:
    """The time now, in microseconds since the epoch."""
    return time.time_ns() // 1000
