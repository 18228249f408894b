"""The wall clock, for what may read it: processes at the edge, never pure code."""

import time
from datetime import UTC, datetime


def now_us() -> int:
    """The time now, in microseconds since the epoch."""
    return time.time_ns() // 1000


def utc_now() -> datetime:
    """The time now, in UTC."""
    return datetime.now(UTC)
