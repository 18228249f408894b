"""Binance spot payloads as they are on the wire, and the events they make. Pure.

Source: binance/binance-spot-api-docs, web-socket-streams.md (2026-06-09).
"""

from collections import Counter
from decimal import Decimal

import msgspec

from include.errors import RejectedFrame
from include.market.events import Frame, Ticker, Top, Trade
from streaming.feeds.decoding import (
    PRICE_STEP,
    QUANTITY_STEP,
    RATIO_STEP,
    Id,
    RejectedParts,
    Time,
    parse,
    require_not_negative,
    require_positive,
    require_positive_pair,
    to_micros,
)
from streaming.feeds.venues.binance.depth import DepthUpdate


class AggTrade(msgspec.Struct, frozen=True, gc=False, tag_field="e", tag="aggTrade"):
    """`@aggTrade`: the trades of one taker order at one price."""

    E: Time
    s: str
    a: Id
    p: Decimal
    q: Decimal
    f: Id
    l: Id  # noqa: E741 (the venue's name)
    T: Time
    m: bool


class SingleTrade(msgspec.Struct, frozen=True, gc=False, tag_field="e", tag="trade"):
    """`@trade`: one trade."""

    E: Time
    s: str
    t: Id
    p: Decimal
    q: Decimal
    T: Time
    m: bool


class DayTicker(msgspec.Struct, frozen=True, gc=False, tag_field="e", tag="24hrTicker"):
    """`@ticker`: rolling 24 hours."""

    E: Time
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
    p: Decimal | None = None
    P: Decimal | None = None
    w: Decimal | None = None
    x: Decimal | None = None
    Q: Decimal | None = None
    F: int | None = None
    L: int | None = None
    O: Time | None = None  # noqa: E741 (the venue's name)
    C: Time | None = None


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

    E: Time


Payload = AggTrade | SingleTrade | DayTicker | DepthUpdate | Shutdown


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


_book = msgspec.json.Decoder(BookTicker)
_raw: msgspec.json.Decoder[Payload] = msgspec.json.Decoder(Payload)
_anything = msgspec.json.Decoder(Anything)
_KNOWN_KINDS = {"aggTrade", "trade", "24hrTicker", "depthUpdate", "serverShutdown"}


def read_uncommon(data: bytes, ignored: Counter[str]) -> Payload | BookTicker | None:
    """The payload of a frame that is not in combined framing; null of what is not carried.

    Control replies and kinds that are not carried are counted in `ignored`.

    Raises:
        RejectedFrame: it is no Binance frame, or a venue's error.
    """
    try:
        return _raw.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _read_other(data, ignored)


def _read_other(data: bytes, ignored: Counter[str]) -> Payload | BookTicker | None:
    envelope = parse(_anything.decode, data)
    if envelope.code is not None or bytes(envelope.error):
        raise RejectedFrame("venue_error", data[:300].decode(errors="replace"))
    if envelope.stream is not None:
        data = bytes(envelope.data)
        if data.lstrip().startswith(b"["):
            ignored[envelope.stream[:40]] += 1
            return None
        envelope = parse(_anything.decode, data)
    if envelope.e in _KNOWN_KINDS:
        return parse(_raw.decode, data)
    if envelope.e is None and envelope.u is not None:
        return parse(_book.decode, data)
    if envelope.e is None and not bytes(envelope.result):
        raise RejectedFrame("wrong_type", "neither payload nor reply")
    ignored[(envelope.e or "reply")[:40]] += 1
    return None


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


def ticker_of(ticker: DayTicker, parts: RejectedParts, frame: Frame) -> Ticker:
    """The ticker; what does not fit beside the last price is null, and a rejected part.

    Raises:
        RejectedFrame: the last price does not fit.
    """
    require_positive(ticker.c, PRICE_STEP, column="last")
    return Ticker(
        last=ticker.c,
        open=parts.fitting_or_null(ticker.o, PRICE_STEP, column="open"),
        high=parts.fitting_or_null(ticker.h, PRICE_STEP, column="high"),
        low=parts.fitting_or_null(ticker.l, PRICE_STEP, column="low"),
        bid=parts.fitting_or_null(ticker.b, PRICE_STEP, column="bid"),
        bid_quantity=parts.fitting_or_null(ticker.B, QUANTITY_STEP, column="bid_quantity"),
        ask=parts.fitting_or_null(ticker.a, PRICE_STEP, column="ask"),
        ask_quantity=parts.fitting_or_null(ticker.A, QUANTITY_STEP, column="ask_quantity"),
        base_volume=parts.fitting_or_null(ticker.v, QUANTITY_STEP, column="base_volume"),
        quote_volume=parts.fitting_or_null(ticker.q, QUANTITY_STEP, column="quote_volume"),
        trade_count=ticker.n,
        change=parts.signed_or_null(ticker.p, PRICE_STEP),
        change_percent=parts.signed_or_null(ticker.P, RATIO_STEP),
        average=parts.fitting_or_null(ticker.w, PRICE_STEP, column="average"),
        previous_close=parts.fitting_or_null(ticker.x, PRICE_STEP, column="previous_close"),
        last_quantity=parts.fitting_or_null(ticker.Q, QUANTITY_STEP, column="last_quantity"),
        first_trade_id=_id_or_null(ticker.F),
        last_trade_id=_id_or_null(ticker.L),
        window_start=_time_or_null(ticker.O, parts, frame),
        window_end=_time_or_null(ticker.C, parts, frame),
    )


def _id_or_null(number: int | None) -> int | None:
    """A trade id; -1 is none: nothing was traded."""
    return number if number is not None and 0 <= number < 2**63 else None


def _time_or_null(time_ms: int | None, parts: RejectedParts, frame: Frame) -> int | None:
    return None if time_ms is None else parts.time_or_null(to_micros(time_ms), frame)


def top_of(ticker: BookTicker) -> Top | None:
    """The best bid and ask; null while a side is empty or they cross."""
    for price in (ticker.b, ticker.a):
        require_not_negative(price, PRICE_STEP)
    for quantity in (ticker.B, ticker.A):
        require_not_negative(quantity, QUANTITY_STEP)
    if not (0 < ticker.b < ticker.a and ticker.B and ticker.A):
        return None
    return Top(bid=ticker.b, bid_quantity=ticker.B, ask=ticker.a, ask_quantity=ticker.A)
