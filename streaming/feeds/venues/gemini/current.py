"""Gemini's current market data (`wss://ws.gemini.com`): books by `U`/`u`, trades, tops. Pure.

Source: gemini/developer-platform `specs/asyncapi/websocket.yaml` v0.10.7. Event times are
nanoseconds. With `snapshot=-1` the first `depthUpdate` of a symbol is the whole book; after it `U`
may overlap the last `u` or follow it, and a larger step is a hole.
"""

from collections import Counter
from decimal import Decimal

import msgspec

from include.errors import RejectedFrame
from include.market.book import Book
from include.market.events import BookChange, Event, Frame, LedgerEntry, Message, Side, Top, Trade
from include.market.venues import BETWEEN_CONNECTIONS, GEMINI
from streaming.feeds.decoding import (
    PRICE_STEP,
    QUANTITY_STEP,
    DecodedFrame,
    Id,
    parse,
    require_not_negative,
    require_positive,
    require_positive_pair,
)

VENUE = GEMINI.name
_NANOSECONDS_FROM, _OK = 10**15, 200


class _Depth(msgspec.Struct, frozen=True):
    e: str
    E: Id
    s: str
    U: Id
    u: Id
    b: tuple[tuple[Decimal, Decimal], ...]
    a: tuple[tuple[Decimal, Decimal], ...]


class _CurrentTrade(msgspec.Struct, frozen=True):
    E: Id
    s: str
    t: Id
    p: Decimal
    q: Decimal
    m: bool


class _Best(msgspec.Struct, frozen=True):
    u: Id
    E: Id
    s: str
    b: Decimal
    B: Decimal
    a: Decimal
    A: Decimal


class _Failure(msgspec.Struct, frozen=True):
    code: int = 0
    msg: str = ""


class _Any(msgspec.Struct, frozen=True):
    """What distinguishes the kinds of frame."""

    e: str = ""
    t: int | None = None
    B: msgspec.Raw = msgspec.Raw()
    U: int | None = None
    status: int | None = None
    error: _Failure | None = None


_any = msgspec.json.Decoder(_Any)
_depth = msgspec.json.Decoder(_Depth)
_trade = msgspec.json.Decoder(_CurrentTrade)
_best = msgspec.json.Decoder(_Best)


def name_start(data: bytes) -> str | None:
    """A connection begins with the reply to its one request."""
    try:
        return "reply" if b'"status"' in data and _any.decode(data).status is not None else None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


class GeminiCurrentDecoder:
    """Decodes one connection. `last_ids` are the last trade ids by symbol, across connections.

    Trades are not numbered one by one: what may lie between the last trade of the connection
    before and the first of this one is a gap.
    """

    def __init__(
        self, *, symbols: tuple[str, ...], conn: str, last_ids: dict[str, int] | None = None
    ) -> None:
        self.conn = conn
        self.ignored: Counter[str] = Counter()
        self.last_ids = {} if last_ids is None else last_ids
        self._symbols = GEMINI.symbols.symbols_by_spelling(symbols)
        self._books: dict[str, tuple[Book, int]] = {}
        self._traded_on: set[str] = set()

    def decode(self, frame: Frame) -> DecodedFrame:
        """Turn a frame into a `book` or `trade` message, a `ledger` one before a hole.

        Raises:
            RejectedFrame: it is no frame of this service, of no symbol followed, or an error.
        """
        kind, data = parse(_any.decode, frame.data), frame.data
        if kind.status is not None:
            if kind.status != _OK:
                error = kind.error or _Failure()
                raise RejectedFrame("venue_error", f"{kind.status} {error.code} {error.msg}")
            self.ignored["reply"] += 1
            return DecodedFrame(())
        if kind.U is not None:
            return self._decode_depth(parse(_depth.decode, data), frame)
        if kind.t is not None:
            return self._decode_trade(parse(_trade.decode, data), frame)
        if bytes(kind.B)[:1] == b'"':
            return self._decode_top(parse(_best.decode, data), frame)
        if not kind.e:
            raise RejectedFrame("wrong_type", "neither payload nor reply")
        self.ignored[kind.e[:40]] += 1
        return DecodedFrame(())

    def _decode_depth(self, depth: _Depth, frame: Frame) -> DecodedFrame:
        symbol = self._symbol(depth.s)
        book, last = self._books.get(symbol, (Book(), None))
        if last is not None and depth.u <= last:
            self.ignored["repeated"] += 1
            return DecodedFrame(())
        changes = _changes(depth, first=last is None)
        self._books[symbol] = (book, depth.u)
        messages = []
        if last is None:
            book.reset(changes)
        elif depth.U > last + 1:
            book.invalidate()
            hole = LedgerEntry("gap", "missing", detail=f"updates {last + 1} to {depth.U - 1}")
            messages.append(self._message(symbol, "ledger", frame, hole, time=depth.E))
        else:
            self.ignored["overlapping"] += depth.U == last
            for change in changes:
                book.apply(change)
        seq = (depth.U, depth.u)
        resync = bool(messages)
        messages.append(
            self._message(symbol, "book", frame, *changes, time=depth.E, seq=seq, top=book.top())
        )
        return DecodedFrame(tuple(messages), resync=resync)

    def _decode_trade(self, current_trade: _CurrentTrade, frame: Frame) -> DecodedFrame:
        symbol, number = self._symbol(current_trade.s), current_trade.t
        require_positive_pair(current_trade.p, current_trade.q)
        if number <= self.last_ids.get(symbol, -1):
            self.ignored["repeated"] += 1
            return DecodedFrame(())
        last, first = self.last_ids.get(symbol), symbol not in self._traded_on
        self.last_ids[symbol] = number
        self._traded_on.add(symbol)
        side: Side = "sell" if current_trade.m else "buy"
        trade = Trade(
            str(number), current_trade.p, current_trade.q, side, _micros_of(current_trade.E)
        )
        message = self._message(symbol, "trade", frame, trade, time=current_trade.E)
        if last is None or not first or number == last + 1:
            return DecodedFrame((message,))
        hole = LedgerEntry("gap", BETWEEN_CONNECTIONS, first_seq=last + 1, last_seq=number - 1)
        gap = self._message(symbol, "ledger", frame, hole, time=current_trade.E)
        return DecodedFrame((gap, message))

    def _decode_top(self, best: _Best, frame: Frame) -> DecodedFrame:
        require_positive_pair(best.b, best.B)
        require_positive_pair(best.a, best.A)
        top = None if best.b >= best.a else Top(best.b, best.B, best.a, best.A)
        symbol, seq = self._symbol(best.s), (best.u, best.u)
        return DecodedFrame((self._message(symbol, "book", frame, time=best.E, seq=seq, top=top),))

    def _symbol(self, spelling: str) -> str:
        symbol = self._symbols.get(spelling.upper())
        if symbol is None:
            raise RejectedFrame("unknown_symbol", spelling[:40])
        return symbol

    def _message(
        self,
        symbol: str,
        kind: str,
        frame: Frame,
        *events: Event,
        time: int,
        seq: tuple[int, int] | None = None,
        top: Top | None = None,
    ) -> Message:
        return Message(
            venue=VENUE,
            symbol=symbol,
            kind=kind,
            conn=self.conn,
            seq=seq,
            venue_time=_micros_of(time),
            received_time=frame.received_time,
            events=events,
            top=top,
        )


def _changes(depth: _Depth, *, first: bool) -> tuple[BookChange, ...]:
    reason, changes = "initial" if first else None, []
    for price, remaining in depth.b:
        changes.append(BookChange("bid", price, remaining, None, reason, depth.u))
    for price, remaining in depth.a:
        changes.append(BookChange("ask", price, remaining, None, reason, depth.u))
    for change in changes:
        require_positive(change.price, PRICE_STEP)
        require_not_negative(change.remaining, QUANTITY_STEP)
    return tuple(changes)


def _micros_of(time: int) -> int:
    """Microseconds of the documented nanoseconds, or of milliseconds where those come instead."""
    return time // 1000 if time >= _NANOSECONDS_FROM else time * 1000
