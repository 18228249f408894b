"""A published forecast put at the present: its level and band from the last closed minute on. Pure.

A curve is published once a night, and the price moves on from where the curve begins. Re-anchored
it begins at the last closed minute's price, with the volatility of the 24 hours before:

* level at t = price x published level at t / published level at the anchor,
* bound at t = level at t x (published bound / published level) ^ (volatility / published one),
  the bound and level in brackets as far after training's end as t is after the anchor. In log price
  that is q(minutes from the anchor) x volatility, since the published half width is q(minutes from
  training's end) x published volatility (`include/forecast/bands.py`).

Levels change by one factor, so sides stay what they are. Times are labels of minutes, µs UTC.
"""

import math
from decimal import Decimal
from typing import NamedTuple, Protocol

import msgspec

from include.market.predicted_move import minute_of
from include.market.time import MINUTE_US

MAX_LOG, SMALLEST_SHARE = 100.0, 1e-40  # a bound is within e^100 of its level, and above zero


class Anchor(msgspec.Struct, frozen=True):
    """Where a curve is put: a closed minute's label (µs), its price, the volatility up to it."""

    minute: int
    price: Decimal
    volatility: float


class AnchoredMinute(NamedTuple):
    """The re-anchored curve at a minute: its close with 80 % bounds."""

    level: float
    lower: float
    upper: float


class PublishedCurve(Protocol):
    """What re-anchoring needs of a published forecast."""

    @property
    def trained_until(self) -> int:
        """The label of the last minute that its model saw."""

    @property
    def volatility(self) -> float:
        """The volatility of its band; 0: its band is in no such units, and stays as wide."""

    def level_at(self, minute_us: int) -> float | None:
        """The predicted close of a minute, at `trained_until` the last price; null outside."""

    def bounds_at(self, minute_us: int) -> tuple[float, float] | None:
        """The 80 % bounds of a minute; null outside."""


def last_closed_minute(time_us: int) -> int:
    """The label of the last minute that is over at this time."""
    return minute_of(time_us) - MINUTE_US


def reanchor(curve: PublishedCurve, anchor: Anchor, minute_us: int) -> AnchoredMinute | None:
    """Level and bounds at a minute; null at or before the anchor, and outside the curve."""
    ahead = minute_us - anchor.minute
    begin, end = curve.level_at(anchor.minute), curve.level_at(minute_us)
    as_far = curve.trained_until + ahead
    level_there, bounds_there = curve.level_at(as_far), curve.bounds_at(as_far)
    if ahead <= 0 or not begin or end is None or not level_there or bounds_there is None:
        return None
    level = float(anchor.price) * end / begin
    wider = anchor.volatility / curve.volatility if curve.volatility > 0 else 1.0
    lower, upper = (level * _widen(bound / level_there, wider) for bound in bounds_there)
    return AnchoredMinute(level, lower, upper)


def _widen(share: float, wider: float) -> float:
    """A bound's share of its level, so many times as far from it in log price."""
    distance = math.log(max(share, SMALLEST_SHARE)) * wider
    return math.exp(min(max(distance, -MAX_LOG), MAX_LOG))
