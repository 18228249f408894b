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
from include.market.events import BookChange, Event, Frame, LedgerEntry, Message, Top, Trade
from include.market.symbols import CONCATENATED
from streaming.feeds.decoded import (
    MONEY,
    QUANTITY,
    Decoded,
    Id,
    both_positive,
    not_negative,
    parsed,
    positive,
)

VENUE = "gemini"
_NANOSECONDS_FROM, _OK = 10**15, 200


class _Depth(msgspec.Struct, frozen=True):
    e: str
    E: Id
    s: str
    U: Id
    u: Id
    b: tuple[tuple[Decimal, Decimal], ...]
    a: tuple[tuple[Decimal, Decimal], ...]


class _Trade(msgspec.Struct, frozen=True):
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
    """What tells the kinds of frame apart."""

    e: str = ""
    t: int | None = None
    B: msgspec.Raw = msgspec.Raw()
    U: int | None = None
    status: int | None = None
    error: _Failure | None = None


_any = msgspec.json.Decoder(_Any)
_depth = msgspec.json.Decoder(_Depth)
_trade = msgspec.json.Decoder(_Trade)
_best = msgspec.json.Decoder(_Best)


class GeminiDecoder:
    """Decodes one connection. `last_ids` are the last trade ids by symbol, across connections.

    Trades are not numbered one by one: what may lie between the last trade of the connection
    before and the first of this one is told as a gap.
    """

    def __init__(
        self, *, symbols: tuple[str, ...], conn: str, last_ids: dict[str, int] | None = None
    ) -> None:
        """Start before the first frame of a connection."""
        self.conn = conn
        self.ignored: Counter[str] = Counter()
        self.last_ids = {} if last_ids is None else last_ids
        self._symbols = CONCATENATED.by_spelling(symbols)
        self._books: dict[str, tuple[Book, int]] = {}
        self._traded_on: set[str] = set()

    def decode(self, frame: Frame) -> Decoded:
        """Turn a frame into a `book` or `trade` message, a `ledger` one before a hole.

        Raises:
            RejectedFrame: it is no frame of this service, of no symbol followed, or an error.
        """
        found, data = parsed(_any.decode, frame.data), frame.data
        if found.status is not None:
            if found.status != _OK:
                told = found.error or _Failure()
                raise RejectedFrame("venue_error", f"{found.status} {told.code} {told.msg}")
            self.ignored["reply"] += 1
            return Decoded(())
        if found.U is not None:
            return self._book(parsed(_depth.decode, data), frame)
        if found.t is not None:
            return self._traded(parsed(_trade.decode, data), frame)
        if bytes(found.B)[:1] == b'"':
            return self._top(parsed(_best.decode, data), frame)
        if not found.e:
            raise RejectedFrame("wrong_type", "neither payload nor reply")
        self.ignored[found.e[:40]] += 1
        return Decoded(())

    def _book(self, depth: _Depth, frame: Frame) -> Decoded:
        symbol = self._symbol(depth.s)
        book, last = self._books.get(symbol, (Book(), None))
        if last is not None and depth.u <= last:
            self.ignored["repeated"] += 1
            return Decoded(())
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
        told = self._message(symbol, "book", frame, *changes, time=depth.E, seq=seq, top=book.top())
        return Decoded((*messages, told), resync=bool(messages))

    def _traded(self, found: _Trade, frame: Frame) -> Decoded:
        symbol = self._symbol(found.s)
        both_positive(found.p, found.q)
        if found.t <= self.last_ids.get(symbol, -1):
            self.ignored["repeated"] += 1
            return Decoded(())
        last, fresh = self.last_ids.get(symbol), symbol not in self._traded_on
        self.last_ids[symbol] = found.t
        self._traded_on.add(symbol)
        side, at = "sell" if found.m else "buy", _micros(found.E)
        trade = Trade(str(found.t), found.p, found.q, "sell" if side == "sell" else "buy", at)
        told = self._message(symbol, "trade", frame, trade, time=found.E)
        if last is None or not fresh or found.t == last + 1:
            return Decoded((told,))
        hole = LedgerEntry("gap", "between_connections", first_seq=last + 1, last_seq=found.t - 1)
        return Decoded((self._message(symbol, "ledger", frame, hole, time=found.E), told))

    def _top(self, best: _Best, frame: Frame) -> Decoded:
        both_positive(best.b, best.B)
        both_positive(best.a, best.A)
        top = None if best.b >= best.a else Top(best.b, best.B, best.a, best.A)
        symbol, seq = self._symbol(best.s), (best.u, best.u)
        return Decoded((self._message(symbol, "book", frame, time=best.E, seq=seq, top=top),))

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
            venue_time=_micros(time),
            received_time=frame.received_time,
            events=events,
            top=top,
        )


def _changes(depth: _Depth, *, first: bool) -> tuple[BookChange, ...]:
    reason, found = "initial" if first else None, []
    for price, remaining in depth.b:
        found.append(BookChange("bid", price, remaining, None, reason, depth.u))
    for price, remaining in depth.a:
        found.append(BookChange("ask", price, remaining, None, reason, depth.u))
    for change in found:
        positive(change.price, MONEY)
        not_negative(change.remaining, QUANTITY)
    return tuple(found)


def _micros(time: int) -> int:
    """Microseconds of the documented nanoseconds, or of milliseconds where those come instead."""
    return time // 1000 if time >= _NANOSECONDS_FROM else time * 1000
