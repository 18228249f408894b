"""Whether what was last reported is still worth showing."""

from collections.abc import Iterable
from typing import Literal

Freshness = Literal["live", "stale", "none", "past"]
"""`past` is what a chosen span of time shows: it does not age."""


def judge_freshness(seen_s: float, now_s: float, *, limit_s: float) -> Freshness:
    """`none` if it was never seen (0), `stale` if more than `limit_s` ago, else `live`."""
    if not seen_s:
        return "none"
    return "stale" if now_s - seen_s > limit_s else "live"


def best_freshness(states: Iterable[Freshness]) -> Freshness:
    """`past` or `live` if one is, else `stale` if one is, else `none`."""
    present = set(states)
    ranked: tuple[Freshness, ...] = ("past", "live", "stale")
    return next((state for state in ranked if state in present), "none")
