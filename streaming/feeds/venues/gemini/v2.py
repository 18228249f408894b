"""Gemini market data v2: several symbols a connection, the whole book first, then changes. Pure.

Source: docs.gemini.com, "Market Data v2" (archived, still served); a recorded tape of 2021. Nothing
is numbered: a lost message leaves no trace, so the book is only as good as the connection. The
first `l2_updates` of a symbol is its snapshot, and brings its last fifty trades again.
"""

from collections import Counter
from decimal import Decimal
from typing import Literal

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
    Millis,
    parse,
    require_not_negative,
    require_positive,
    require_positive_pair,
)

VENUE = GEMINI.name
Level = tuple[Literal["buy", "sell"], Decimal, Decimal]


class _V2Trade(msgspec.Struct, frozen=True, tag_field="type", tag="trade"):
    symbol: str
    event_id: Id
    timestamp: Millis
    price: Decimal
    quantity: Decimal
    side: Side


class _Updates(msgspec.Struct, frozen=True, tag_field="type", tag="l2_updates"):
    symbol: str
    changes: tuple[Level, ...]
    trades: tuple[_V2Trade, ...] = ()


class _V2Heartbeat(msgspec.Struct, frozen=True, tag_field="type", tag="heartbeat"):
    timestamp: Millis


class _Other(msgspec.Struct, frozen=True):
    type: str = ""
    result: str = ""
    reason: str = ""


_known: msgspec.json.Decoder[_V2Trade | _Updates | _V2Heartbeat] = msgspec.json.Decoder(
    _V2Trade | _Updates | _V2Heartbeat
)
_other = msgspec.json.Decoder(_Other)
_CARRIED = {"trade", "l2_updates", "heartbeat"}


def name_start(data: bytes) -> str | None:
    """A connection begins with each symbol's snapshot, which alone brings trades of before."""
    try:
        payload = _known.decode(data) if b'"trades"' in data else None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return f"snapshot {payload.symbol}" if isinstance(payload, _Updates) else None


class GeminiV2Decoder:
    """Decodes one connection. `last_ids` are the last trade ids by symbol, across connections."""

    def __init__(
        self, *, symbols: tuple[str, ...], conn: str, last_ids: dict[str, int] | None = None
    ) -> None:
        self.conn = conn
        self.ignored: Counter[str] = Counter()
        self.last_ids = {} if last_ids is None else last_ids
        self._symbols = GEMINI.symbols.symbols_by_spelling(symbols)
        self._books: dict[str, Book] = {}

    def decode(self, frame: Frame) -> DecodedFrame:
        """Turn a frame into a `book` message, a `trade` message, or both.

        Raises:
            RejectedFrame: it is no Gemini v2 frame, of a symbol not followed, or an error.
        """
        try:
            payload = _known.decode(frame.data)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return self._decode_unknown(frame.data)
        if isinstance(payload, _V2Heartbeat):
            self.ignored["heartbeat"] += 1
            return DecodedFrame(())
        symbol = self._symbols.get(payload.symbol.upper())
        if symbol is None:
            raise RejectedFrame("unknown_symbol", payload.symbol[:40])
        if isinstance(payload, _V2Trade):
            return DecodedFrame(self._new_trades(symbol, (payload,), frame))
        first = symbol not in self._books
        changes = tuple(_change_of(level, first=first) for level in payload.changes)
        gap = self._gap_between_connections(symbol, payload.trades, frame) if first else ()
        trades = self._new_trades(symbol, payload.trades, frame)
        top = self._keep_book(symbol, changes)
        book = self._message(symbol, "book", frame, *changes, top=top)
        return DecodedFrame((*gap, book, *trades))

    def _gap_between_connections(
        self, symbol: str, trades: tuple[_V2Trade, ...], frame: Frame
    ) -> tuple[Message, ...]:
        """The hole since the connection before, if a snapshot's trades do not reach back to it."""
        last = self.last_ids.get(symbol)
        oldest = min((trade.event_id for trade in trades), default=None)
        if last is None or oldest is None or oldest <= last + 1:
            return ()
        hole = LedgerEntry("gap", BETWEEN_CONNECTIONS, first_seq=last + 1, last_seq=oldest - 1)
        return (self._message(symbol, "ledger", frame, hole),)

    def _decode_unknown(self, data: bytes) -> DecodedFrame:
        other = parse(_other.decode, data)
        if other.result == "error":
            raise RejectedFrame("venue_error", other.reason)
        if other.type in _CARRIED or not other.type:
            parse(_known.decode, data)
        self.ignored[other.type[:40]] += 1
        return DecodedFrame(())

    def _new_trades(
        self, symbol: str, trades: tuple[_V2Trade, ...], frame: Frame
    ) -> tuple[Message, ...]:
        """The trades not published yet, oldest first (a snapshot has the newest first)."""
        last = self.last_ids.get(symbol, -1)
        new = [trade for trade in trades if trade.event_id > last]
        new.sort(key=lambda trade: trade.event_id)
        self.ignored["repeated"] += len(trades) - len(new)
        if not new:
            return ()
        events = [_trade_of(trade) for trade in new]
        self.last_ids[symbol] = new[-1].event_id
        return (self._message(symbol, "trade", frame, *events, time=new[-1].timestamp * 1000),)

    def _keep_book(self, symbol: str, changes: tuple[BookChange, ...]) -> Top | None:
        if symbol not in self._books:
            self._books[symbol] = Book()
            self._books[symbol].reset(changes)
        else:
            for change in changes:
                self._books[symbol].apply(change)
        return self._books[symbol].top()

    def _message(
        self,
        symbol: str,
        kind: str,
        frame: Frame,
        *events: Event,
        time: int | None = None,
        top: Top | None = None,
    ) -> Message:
        return Message(
            venue=VENUE,
            symbol=symbol,
            kind=kind,
            conn=self.conn,
            seq=None,
            venue_time=time,
            received_time=frame.received_time,
            events=events,
            top=top,
        )


def _change_of(level: Level, *, first: bool) -> BookChange:
    side, price, remaining = level
    require_positive(price, PRICE_STEP)
    require_not_negative(remaining, QUANTITY_STEP)
    reason = "initial" if first else None
    return BookChange("bid" if side == "buy" else "ask", price, remaining, reason=reason)


def _trade_of(v2_trade: _V2Trade) -> Trade:
    require_positive_pair(v2_trade.price, v2_trade.quantity)
    return Trade(
        str(v2_trade.event_id),
        v2_trade.price,
        v2_trade.quantity,
        v2_trade.side,
        v2_trade.timestamp * 1000,
    )
