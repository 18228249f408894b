"""Gemini market data v2: several symbols a connection, the whole book first, then changes. Pure.

Source: docs.gemini.com, "Market Data v2" (archived, still served); a recorded tape of 2021. Nothing
is numbered: a lost message leaves no trace, so the book is only as good as the connection. The
first `l2_updates` of a symbol is its snapshot, and brings its last fifty trades and the events of
its last auction again.
"""

from collections import Counter
from decimal import Decimal
from typing import Literal

import msgspec

from include.errors import RejectedFrame
from include.market.auction import BLOCK
from include.market.book import Book
from include.market.events import (
    INITIAL,
    BookChange,
    Event,
    Frame,
    LedgerEntry,
    Message,
    Top,
    Trade,
)
from include.market.time import USUAL_BOUND, TimeBound
from include.market.venues import BETWEEN_CONNECTIONS, GEMINI
from streaming.feeds.decoding import (
    PRICE_STEP,
    QUANTITY_STEP,
    UNSTORABLE,
    DecodedFrame,
    Id,
    RejectedParts,
    Time,
    parse,
    require_not_negative,
    require_positive,
    require_positive_pair,
)
from streaming.feeds.rising_ids import RisingIds
from streaming.feeds.venues.gemini.auctions import (
    AUCTION_TYPES,
    CONDITIONS,
    SIDES,
    AnySide,
    AuctionEvent,
)

VENUE = GEMINI.name
SideLevel = tuple[Literal["buy", "sell"], Decimal, Decimal]


class _V2Trade(msgspec.Struct, frozen=True, tag_field="type", tag="trade"):
    symbol: str
    event_id: Id
    timestamp: Time
    price: Decimal
    quantity: Decimal
    side: AnySide


class _Updates(msgspec.Struct, frozen=True, tag_field="type", tag="l2_updates"):
    symbol: str
    changes: tuple[SideLevel, ...]
    trades: tuple[msgspec.Raw, ...] = ()
    auction_events: tuple[msgspec.Raw, ...] = ()


class _V2Heartbeat(msgspec.Struct, frozen=True, tag_field="type", tag="heartbeat"):
    timestamp: Time


class _Other(msgspec.Struct, frozen=True):
    type: str = ""
    result: str = ""
    reason: str = ""


_Payload = _V2Trade | _Updates | _V2Heartbeat | AuctionEvent
_frame_decoder: msgspec.json.Decoder[_Payload] = msgspec.json.Decoder(_Payload)
_auction: msgspec.json.Decoder[AuctionEvent] = msgspec.json.Decoder(AuctionEvent)
_trade = msgspec.json.Decoder(_V2Trade)
_other = msgspec.json.Decoder(_Other)
_NO_UPDATE = {"trade", "heartbeat", *AUCTION_TYPES}
_CARRIED = _NO_UPDATE | {"l2_updates"}


def name_start(data: bytes) -> str | None:
    """A connection begins with each symbol's snapshot, which alone brings trades of before."""
    try:
        payload = _frame_decoder.decode(data) if b'"trades"' in data else None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return f"snapshot {payload.symbol}" if isinstance(payload, _Updates) else None


class GeminiV2Decoder:
    """Decodes one connection. `last_ids` are the last trade ids by symbol, across connections.

    An update that is rejected is a hole in its symbol's book, and one that cannot be read may be
    of any symbol: only a new connection brings another snapshot.
    """

    def __init__(
        self,
        *,
        symbols: tuple[str, ...],
        conn: str,
        last_ids: dict[str, int] | None = None,
        bound: TimeBound = USUAL_BOUND,
    ) -> None:
        self.conn = conn
        self.ignored: Counter[str] = Counter()
        self.last_ids = {} if last_ids is None else last_ids
        self._symbols = GEMINI.symbols.symbols_by_spelling(symbols)
        self._ids = {symbol: RisingIds(self.last_ids, symbol) for symbol in symbols}
        self._books: dict[str, Book] = {}
        self._broken: set[str] = set()
        self._unstorable: set[str] = set()  # their snapshots do not fit the columns
        self._parts = RejectedParts(bound)

    def decode(self, frame: Frame) -> DecodedFrame:
        """Turn a frame into a `book` message, a `trade` message, or both.

        Raises:
            RejectedFrame: it is no Gemini v2 frame, of a symbol not followed, or an error.
        """
        self._parts.clear()
        try:
            payload = _frame_decoder.decode(frame.data)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return self._decode_unknown(frame.data)
        if isinstance(payload, _V2Heartbeat):
            self.ignored["heartbeat"] += 1
            return DecodedFrame(())
        symbol = self._symbols.get(payload.symbol.upper())
        if symbol is None:
            raise RejectedFrame("unknown_symbol", payload.symbol[:40])
        if isinstance(payload, _V2Trade):
            trades = self._parts.read_each(
                [payload], lambda v2_trade: self._trade_of(v2_trade, frame)
            )
            return self._parts.complete(DecodedFrame(self._new_trades(symbol, trades, frame)))
        if isinstance(payload, _Updates):
            return self._parts.complete(self._decode_updates(symbol, payload, frame))
        auction = payload.read(frame, self._parts)
        return self._parts.complete(
            DecodedFrame((self._message(symbol, "auction", frame, auction),))
        )

    def _decode_updates(self, symbol: str, updates: _Updates, frame: Frame) -> DecodedFrame:
        first = symbol not in self._books
        trades = self._parts.read_each(
            updates.trades, lambda raw: self._trade_of(parse(_trade.decode, bytes(raw)), frame)
        )
        gap = self._gap_between_connections(symbol, trades, frame) if first else ()
        new_trades = self._new_trades(symbol, trades, frame, is_history=first)
        new_trades += self._auctions_of(symbol, updates, frame)
        try:
            changes = tuple(_change_of(level, first=first) for level in updates.changes)
        except RejectedFrame as rejection:
            self._break_book(symbol)
            if first and rejection.reason in UNSTORABLE:
                self._unstorable.add(symbol)
            resync = symbol not in self._unstorable
            if not new_trades:
                reason, detail = rejection.reason, rejection.detail
                raise RejectedFrame(reason, detail, needs_snapshot=resync) from rejection
            self._parts.add(rejection)
            return DecodedFrame((*gap, *new_trades), resync=resync)
        top = self._keep_book(symbol, changes, first=first)
        book = self._message(symbol, "book", frame, *changes, top=top)
        resync = symbol in self._broken - self._unstorable
        return DecodedFrame((*gap, book, *new_trades), resync=resync)

    def _break_book(self, *symbols: str) -> None:
        for symbol in symbols:
            self._broken.add(symbol)
            self._books.setdefault(symbol, Book()).invalidate()

    def _gap_between_connections(
        self, symbol: str, trades: list[Trade], frame: Frame
    ) -> tuple[Message, ...]:
        """The hole since the connection before, if a snapshot's trades do not reach back to it."""
        last = self.last_ids.get(symbol)
        oldest = min((int(trade.trade_id) for trade in trades), default=None)
        if last is None or oldest is None or oldest <= last + 1:
            return ()
        hole = LedgerEntry("gap", BETWEEN_CONNECTIONS, first_seq=last + 1, last_seq=oldest - 1)
        return (self._message(symbol, "ledger", frame, hole),)

    def _decode_unknown(self, data: bytes) -> DecodedFrame:
        """Count a kind not carried; what may be an update that cannot be read breaks every book."""
        other = _Other()
        try:
            other = parse(_other.decode, data)
            if other.result == "error":
                raise RejectedFrame("venue_error", other.reason)
            if other.type in _CARRIED or not other.type:
                parse(_frame_decoder.decode, data)
        except RejectedFrame as rejection:
            if other.type in _NO_UPDATE or other.result == "error":
                raise
            self._break_book(*self._symbols.values())
            reason, detail = rejection.reason, rejection.detail
            raise RejectedFrame(reason, detail, needs_snapshot=True) from rejection
        self.ignored[other.type[:40]] += 1
        return DecodedFrame(())

    def _new_trades(
        self, symbol: str, trades: list[Trade], frame: Frame, *, is_history: bool = False
    ) -> tuple[Message, ...]:
        """The trades not published yet, oldest first (a snapshot has the newest first).

        Of a snapshot (`is_history`) what came before is known.
        """
        ids = self._ids[symbol]
        trades = sorted(trades, key=lambda trade: int(trade.trade_id))
        if is_history:
            news = ids.leave_out_known(trades)
            self.ignored["repeated"] += len(trades) - len(news)
            trades = news
        messages, new = [], []
        for trade in trades:
            trade_id, is_late = int(trade.trade_id), trade.condition == BLOCK
            take = ids.take_late if is_late else ids.take
            entries = take(trade_id, trade.traded_at)
            if entries is None:
                self.ignored["repeated"] += 1
                continue
            new.append(trade)
            messages += [self._message(symbol, "ledger", frame, entry) for entry in entries]
        if new:
            venue_time = new[-1].traded_at
            messages.append(self._message(symbol, "trade", frame, *new, venue_time=venue_time))
        return tuple(messages)

    def _auctions_of(self, symbol: str, updates: _Updates, frame: Frame) -> tuple[Message, ...]:
        """The auction's events that a snapshot brings again, oldest first."""
        auctions = self._parts.read_each(
            reversed(updates.auction_events),
            lambda raw: parse(_auction.decode, bytes(raw)).read(frame, self._parts),
        )
        return (self._message(symbol, "auction", frame, *auctions),) if auctions else ()

    def _keep_book(
        self, symbol: str, changes: tuple[BookChange, ...], *, first: bool
    ) -> Top | None:
        book = self._books.setdefault(symbol, Book())
        if first:
            book.reset(changes)
        else:
            for change in changes:
                book.apply(change)
        return book.top()

    def _trade_of(self, v2_trade: _V2Trade, frame: Frame) -> Trade:
        require_positive_pair(v2_trade.price, v2_trade.quantity)
        return Trade(
            str(v2_trade.event_id),
            v2_trade.price,
            v2_trade.quantity,
            SIDES.get(v2_trade.side),
            self._parts.require_time(v2_trade.timestamp * 1000, frame),
            condition=CONDITIONS.get(v2_trade.side),
            block_trade_id=str(v2_trade.event_id) if v2_trade.side == BLOCK else None,
        )

    def _message(
        self,
        symbol: str,
        kind: str,
        frame: Frame,
        *events: Event,
        venue_time: int | None = None,
        top: Top | None = None,
    ) -> Message:
        return Message(
            venue=VENUE,
            symbol=symbol,
            kind=kind,
            conn=self.conn,
            seq=None,
            venue_time=venue_time,
            received_time=frame.received_time,
            events=events,
            top=top,
        )


def _change_of(level: SideLevel, *, first: bool) -> BookChange:
    side, price, remaining = level
    require_positive(price, PRICE_STEP)
    require_not_negative(remaining, QUANTITY_STEP, column="remaining")
    reason = INITIAL if first else None
    return BookChange("bid" if side == "buy" else "ask", price, remaining, reason=reason)
