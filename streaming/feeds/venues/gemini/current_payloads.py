"""Payloads of Gemini's current market data as they are on the wire. Pure.

Source: gemini/developer-platform `specs/asyncapi/websocket.yaml` v0.10.7.
"""

from decimal import Decimal

import msgspec

from include.market.events import INITIAL, BookChange, Top
from streaming.feeds.decoding import (
    PRICE_STEP,
    QUANTITY_STEP,
    Id,
    Time,
    require_not_negative,
    require_positive,
)

_NANOSECONDS_FROM = 10**15


class CurrentDepth(msgspec.Struct, frozen=True):
    """Changes of a book from update `U` to `u`; at first the whole of it."""

    e: str
    E: Time
    s: str
    U: Id
    u: Id
    b: tuple[tuple[Decimal, Decimal], ...]
    a: tuple[tuple[Decimal, Decimal], ...]


class CurrentTrade(msgspec.Struct, frozen=True):
    """One trade; `m`: the buyer was the maker."""

    E: Time
    s: str
    t: Id
    p: Decimal
    q: Decimal
    m: bool


class CurrentBest(msgspec.Struct, frozen=True):
    """Best bid and ask as of update `u`; an empty side is price 0."""

    u: Id
    E: Time
    s: str
    b: Decimal
    B: Decimal
    a: Decimal
    A: Decimal


class CurrentFailure(msgspec.Struct, frozen=True):
    """Why a request was refused."""

    code: int = 0
    msg: str = ""


class CurrentFrame(msgspec.Struct, frozen=True):
    """What distinguishes the kinds of frame."""

    e: str = ""
    t: int | None = None
    B: msgspec.Raw = msgspec.Raw()
    U: int | None = None
    status: int | None = None
    error: CurrentFailure | None = None


def changes_of(depth: CurrentDepth, *, first: bool) -> tuple[BookChange, ...]:
    """The changes of an update, those of the first as a snapshot's.

    Raises:
        RejectedFrame: a number does not fit.
    """
    reason, changes = INITIAL if first else None, []
    for price, remaining in depth.b:
        changes.append(BookChange("bid", price, remaining, None, reason, depth.u))
    for price, remaining in depth.a:
        changes.append(BookChange("ask", price, remaining, None, reason, depth.u))
    for change in changes:
        require_positive(change.price, PRICE_STEP)
        require_not_negative(change.remaining, QUANTITY_STEP, column="remaining")
    return tuple(changes)


def top_of(best: CurrentBest) -> Top | None:
    """The best bid and ask; null while a side is empty or they cross.

    Raises:
        RejectedFrame: a number does not fit.
    """
    for price in (best.b, best.a):
        require_not_negative(price, PRICE_STEP)
    for quantity in (best.B, best.A):
        require_not_negative(quantity, QUANTITY_STEP)
    if not (0 < best.b < best.a and best.B and best.A):
        return None
    return Top(best.b, best.B, best.a, best.A)


def micros_of(ts: int) -> int:
    """Microseconds of the documented nanoseconds, or of milliseconds where those come instead."""
    return ts // 1000 if ts >= _NANOSECONDS_FROM else ts * 1000
