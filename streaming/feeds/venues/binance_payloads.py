"""Binance spot payloads as they are on the wire, and the events they make. Pure.

Source: binance/binance-spot-api-docs, web-socket-streams.md (2026-06-09).
"""

from decimal import Decimal

import msgspec

from include.market.events import Ticker, Top, Trade
from streaming.feeds.decoded import (
    MONEY,
    QUANTITY,
    Id,
    Millis,
    both_positive,
    micros,
    not_negative,
    positive,
)


class AggTradePayload(msgspec.Struct, frozen=True, gc=False, tag_field="e", tag="aggTrade"):
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


class TradePayload(msgspec.Struct, frozen=True, gc=False, tag_field="e", tag="trade"):
    """`@trade`: one trade."""

    E: Millis
    s: str
    t: Id
    p: Decimal
    q: Decimal
    T: Millis
    m: bool


class TickerPayload(msgspec.Struct, frozen=True, gc=False, tag_field="e", tag="24hrTicker"):
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


Payload = AggTradePayload | TradePayload | TickerPayload | Shutdown


class Combined(msgspec.Struct, frozen=True, gc=False):
    """Any other payload in combined framing."""

    stream: str
    data: Payload


class Anything(msgspec.Struct, frozen=True, gc=False):
    """What tells the kinds of frame apart: control reply, combined, raw payload."""

    stream: str | None = None
    data: msgspec.Raw = msgspec.Raw()
    e: str | None = None
    result: msgspec.Raw = msgspec.Raw()
    code: int | None = None
    error: msgspec.Raw = msgspec.Raw()
    id: int | str | None = None
    u: int | None = None


def sequence_of(payload: AggTradePayload | TradePayload) -> int:
    """The id that is contiguous per symbol and stream."""
    return payload.a if isinstance(payload, AggTradePayload) else payload.t


def trade_of(payload: AggTradePayload | TradePayload) -> Trade:
    """The trade; refused if a number does not fit."""
    both_positive(payload.p, payload.q)
    ids = (payload.f, payload.l) if isinstance(payload, AggTradePayload) else (None, None)
    return Trade(
        str(sequence_of(payload)),
        payload.p,
        payload.q,
        "sell" if payload.m else "buy",
        micros(payload.T),
        *ids,
    )


def ticker_of(payload: TickerPayload) -> Ticker:
    """The ticker; refused if a number does not fit."""
    positive(payload.c, MONEY)
    for price in (payload.o, payload.h, payload.l, payload.b, payload.a):
        not_negative(price, MONEY)
    for quantity in (payload.B, payload.A, payload.v, payload.q):
        not_negative(quantity, QUANTITY)
    return Ticker(
        last=payload.c,
        open=payload.o,
        high=payload.h,
        low=payload.l,
        bid=payload.b,
        bid_quantity=payload.B,
        ask=payload.a,
        ask_quantity=payload.A,
        base_volume=payload.v,
        quote_volume=payload.q,
        trade_count=payload.n,
    )


def top_of(payload: BookTicker) -> Top | None:
    """The best bid and ask; null while a side is empty or they cross."""
    for price in (payload.b, payload.a):
        not_negative(price, MONEY)
    for quantity in (payload.B, payload.A):
        not_negative(quantity, QUANTITY)
    if not (0 < payload.b < payload.a and payload.B and payload.A):
        return None
    return Top(bid=payload.b, bid_quantity=payload.B, ask=payload.a, ask_quantity=payload.A)
