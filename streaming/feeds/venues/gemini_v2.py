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
from include.market.symbols import CONCATENATED
from streaming.feeds.decoded import (
    MONEY,
    QUANTITY,
    Decoded,
    Id,
    Millis,
    both_positive,
    not_negative,
    parsed,
    positive,
)

VENUE = "gemini"
Change = tuple[Literal["buy", "sell"], Decimal, Decimal]


class _Trade(msgspec.Struct, frozen=True, tag_field="type", tag="trade"):
    symbol: str
    event_id: Id
    timestamp: Millis
    price: Decimal
    quantity: Decimal
    side: Side


class _Updates(msgspec.Struct, frozen=True, tag_field="type", tag="l2_updates"):
    symbol: str
    changes: tuple[Change, ...]
    trades: tuple[_Trade, ...] = ()


class _Heartbeat(msgspec.Struct, frozen=True, tag_field="type", tag="heartbeat"):
    timestamp: Millis


class _Other(msgspec.Struct, frozen=True):
    type: str = ""
    result: str = ""
    reason: str = ""


_known: msgspec.json.Decoder[_Trade | _Updates | _Heartbeat] = msgspec.json.Decoder(
    _Trade | _Updates | _Heartbeat
)
_other = msgspec.json.Decoder(_Other)
_CARRIED = {"trade", "l2_updates", "heartbeat"}


class GeminiV2Decoder:
    """Decodes one connection. `last_ids` are the last trade ids by symbol, across connections."""

    def __init__(
        self, *, symbols: tuple[str, ...], conn: str, last_ids: dict[str, int] | None = None
    ) -> None:
        """Start before the first frame of a connection."""
        self.conn = conn
        self.ignored: Counter[str] = Counter()
        self.last_ids = {} if last_ids is None else last_ids
        self._symbols = CONCATENATED.by_spelling(symbols)
        self._books: dict[str, Book] = {}

    def decode(self, frame: Frame) -> Decoded:
        """Turn a frame into a `book` message, a `trade` message, or both.

        Raises:
            RejectedFrame: it is no Gemini v2 frame, of a symbol not followed, or an error.
        """
        try:
            found = _known.decode(frame.data)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return self._unknown(frame.data)
        if isinstance(found, _Heartbeat):
            self.ignored["heartbeat"] += 1
            return Decoded(())
        symbol = self._symbols.get(found.symbol.upper())
        if symbol is None:
            raise RejectedFrame("unknown_symbol", found.symbol[:40])
        if isinstance(found, _Trade):
            return Decoded(self._trades(symbol, (found,), frame))
        first = symbol not in self._books
        changes = tuple(_change(one, first=first) for one in found.changes)
        hole = self._between(symbol, found.trades, frame) if first else ()
        trades = self._trades(symbol, found.trades, frame)
        top = self._keep(symbol, changes)
        return Decoded((*hole, self._message(symbol, "book", frame, *changes, top=top), *trades))

    def _between(
        self, symbol: str, trades: tuple[_Trade, ...], frame: Frame
    ) -> tuple[Message, ...]:
        """The hole since the connection before, if a snapshot's trades do not reach back to it."""
        last = self.last_ids.get(symbol)
        oldest = min((one.event_id for one in trades), default=None)
        if last is None or oldest is None or oldest <= last + 1:
            return ()
        hole = LedgerEntry("gap", "between_connections", first_seq=last + 1, last_seq=oldest - 1)
        return (self._message(symbol, "ledger", frame, hole),)

    def _unknown(self, data: bytes) -> Decoded:
        found = parsed(_other.decode, data)
        if found.result == "error":
            raise RejectedFrame("venue_error", found.reason)
        if found.type in _CARRIED or not found.type:
            parsed(_known.decode, data)
        self.ignored[found.type[:40]] += 1
        return Decoded(())

    def _trades(self, symbol: str, trades: tuple[_Trade, ...], frame: Frame) -> tuple[Message, ...]:
        """The trades that were not told yet, oldest first (a snapshot has the newest first)."""
        last = self.last_ids.get(symbol, -1)
        new = sorted((one for one in trades if one.event_id > last), key=lambda one: one.event_id)
        self.ignored["repeated"] += len(trades) - len(new)
        if not new:
            return ()
        events = [_trade(one) for one in new]
        self.last_ids[symbol] = new[-1].event_id
        told = self._message(symbol, "trade", frame, *events, time=new[-1].timestamp * 1000)
        return (told,)

    def _keep(self, symbol: str, changes: tuple[BookChange, ...]) -> Top | None:
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


def _change(change: Change, *, first: bool) -> BookChange:
    side, price, remaining = change
    positive(price, MONEY)
    not_negative(remaining, QUANTITY)
    reason = "initial" if first else None
    return BookChange("bid" if side == "buy" else "ask", price, remaining, reason=reason)


def _trade(trade: _Trade) -> Trade:
    both_positive(trade.price, trade.quantity)
    return Trade(
        str(trade.event_id), trade.price, trade.quantity, trade.side, trade.timestamp * 1000
    )
