"""Binance spot payloads as they are on the wire, and the events they make. Pure.

Source: binance/binance-spot-api-docs, web-socket-streams.md (2026-06-09).
"""

from decimal import Decimal

import msgspec

from include.market.events import Ticker, Top, Trade
from streaming.feeds.decoding import (
    PRICE_STEP,
    QUANTITY_STEP,
    Id,
    Millis,
    require_not_negative,
    require_positive,
    require_positive_pair,
    to_micros,
)


class AggTrade(msgspec.Struct, frozen=True, gc=False, tag_field="e", tag="aggTrade"):
    """`@aggTrade`: the trades of one taker order at one price."""

    E: Millis
    s: str
    a: Id
    p: Decimal
    q: Decimal
    f: Id
    l: Id  # noqa: E741 (the venue's name)
    T: Millis
    m: bool


class SingleTrade(msgspec.Struct, frozen=True, gc=False, tag_field="e", tag="trade"):
    """`@trade`: one trade."""

    E: Millis
    s: str
    t: Id
    p: Decimal
    q: Decimal
    T: Millis
    m: bool


class DayTicker(msgspec.Struct, frozen=True, gc=False, tag_field="e", tag="24hrTicker"):
    """`@ticker`: rolling 24 hours."""

    E: Millis
    s: str
    c: Decimal
    o: Decimal
    h: Decimal
    l: Decimal  # noqa: E741 (the venue's name)
    b: Decimal
    B: Decimal
    a: Decimal
    A: Decimal
    v: Decimal
    q: Decimal
    n: Id


class BookTicker(msgspec.Struct, frozen=True, gc=False):
    """Best bid and ask. It has no kind and no time of its own; `u` rises, with holes."""

    u: Id
    s: str
    b: Decimal
    B: Decimal
    a: Decimal
    A: Decimal


class CombinedBookTicker(msgspec.Struct, frozen=True, gc=False):
    """`@bookTicker` in combined framing."""

    stream: str
    data: BookTicker


class Shutdown(msgspec.Struct, frozen=True, gc=False, tag_field="e", tag="serverShutdown"):
    """The server is about to go; how soon is not promised."""

    E: Millis


Payload = AggTrade | SingleTrade | DayTicker | Shutdown


class Combined(msgspec.Struct, frozen=True, gc=False):
    """Any other payload in combined framing."""

    stream: str
    data: Payload


class Anything(msgspec.Struct, frozen=True, gc=False):
    """What distinguishes the kinds of frame: control reply, combined, raw payload."""

    stream: str | None = None
    data: msgspec.Raw = msgspec.Raw()
    e: str | None = None
    result: msgspec.Raw = msgspec.Raw()
    code: int | None = None
    error: msgspec.Raw = msgspec.Raw()
    id: int | str | None = None
    u: int | None = None


def sequence_of(payload: AggTrade | SingleTrade) -> int:
    """The id that is contiguous per symbol and stream."""
    return payload.a if isinstance(payload, AggTrade) else payload.t


def trade_of(payload: AggTrade | SingleTrade) -> Trade:
    """The trade.

    Raises:
        RejectedFrame: a number does not fit.
    """
    require_positive_pair(payload.p, payload.q)
    ids = (payload.f, payload.l) if isinstance(payload, AggTrade) else (None, None)
    return Trade(
        str(sequence_of(payload)),
        payload.p,
        payload.q,
        "sell" if payload.m else "buy",
        to_micros(payload.T),
        *ids,
    )


def ticker_of(ticker: DayTicker) -> Ticker:
    """The ticker.

    Raises:
        RejectedFrame: a number does not fit.
    """
    require_positive(ticker.c, PRICE_STEP)
    for price in (ticker.o, ticker.h, ticker.l, ticker.b, ticker.a):
        require_not_negative(price, PRICE_STEP)
    for quantity in (ticker.B, ticker.A, ticker.v, ticker.q):
        require_not_negative(quantity, QUANTITY_STEP)
    return Ticker(
        last=ticker.c,
        open=ticker.o,
        high=ticker.h,
        low=ticker.l,
        bid=ticker.b,
        bid_quantity=ticker.B,
        ask=ticker.a,
        ask_quantity=ticker.A,
        base_volume=ticker.v,
        quote_volume=ticker.q,
        trade_count=ticker.n,
    )


def top_of(ticker: BookTicker) -> Top | None:
    """The best bid and ask; null while a side is empty or they cross."""
    for price in (ticker.b, ticker.a):
        require_not_negative(price, PRICE_STEP)
    for quantity in (ticker.B, ticker.A):
        require_not_negative(quantity, QUANTITY_STEP)
    if not (0 < ticker.b < ticker.a and ticker.B and ticker.A):
        return None
    return Top(bid=ticker.b, bid_quantity=ticker.B, ask=ticker.a, ask_quantity=ticker.A)
