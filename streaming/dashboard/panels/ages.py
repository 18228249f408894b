"""How old a thing is, and whether that is too old."""

from collections.abc import Iterable
from typing import Literal

Status = Literal["live", "stale", "none"]
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def status(seen: float, now: float, *, limit_s: float) -> Status:
    """`none` if it was never seen (0), `stale` if more than `limit_s` ago, else `live`."""
    if not seen:
        return "none"
    return "stale" if now - seen > limit_s else "live"


def best(states: Iterable[Status]) -> Status:
    """`live` if one is, else `stale` if one is, else `none`."""
    found = set(states)
    return "live" if "live" in found else "stale" if "stale" in found else "none"


def age(seconds: float) -> str:
    """`8 s`, `5 min`, `3 h` or `2 d`: whole units, cut off."""
    whole = max(0, int(seconds))
    for unit, name in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min")):
        if whole >= 2 * unit:
            return f"{whole // unit} {name}"
    return f"{whole} s"


def feed_state(*, entry: str, frame_age: float | None, quiet_s: float, stale_s: float) -> str:
    """`live`, `quiet`, `stale`, `gap`, `disconnected` or `no data`.

    The last ledger entry says so where it told a fault; else the age of the last frame decides.
    """
    if entry == "disconnect":
        return "disconnected"
    if frame_age is None:
        return "no data"
    if entry == "stale" or frame_age > stale_s:
        return "stale"
    if entry in {"gap", "dropped"}:
        return "gap"
    return "quiet" if frame_age > quiet_s else "live"
