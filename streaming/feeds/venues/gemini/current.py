"""Gemini's current market data (`wss://ws.gemini.com`): books by `U`/`u`, trades, tops. Pure.

Source: gemini/developer-platform `specs/asyncapi/websocket.yaml` v0.10.7. Event times are
nanoseconds. With `snapshot=-1` the first `depthUpdate` of a symbol is the whole book; after it `U`
may overlap the last `u` or follow it, and a larger step is a hole.
"""

from collections import Counter, deque

import msgspec

from include.errors import RejectedFrame
from include.market.book import Book
from include.market.events import (
    BookChange,
    Event,
    Frame,
    LedgerEntry,
    Message,
    Side,
    Top,
    Trade,
)
from include.market.time import USUAL_BOUND, TimeBound
from include.market.venues import BEGINS_AGAIN, BETWEEN_CONNECTIONS, GEMINI
from streaming.feeds.decoding import (
    UNSTORABLE,
    DecodedFrame,
    RejectedParts,
    parse,
    require_positive_pair,
)
from streaming.feeds.rising_ids import RisingIds
from streaming.feeds.update_numbers import UpdateNumbers
from streaming.feeds.venues.gemini.current_payloads import (
    CurrentBest,
    CurrentDepth,
    CurrentFailure,
    CurrentFrame,
    CurrentTrade,
    changes_of,
    micros_of,
    top_of,
)
from streaming.feeds.venues.gemini.overlap import Overlap

VENUE = GEMINI.name
_OK = 200
_RECENT = 64  # updates of a book remembered, to recognise repeats

_any = msgspec.json.Decoder(CurrentFrame)
_depth = msgspec.json.Decoder(CurrentDepth)
_trade = msgspec.json.Decoder(CurrentTrade)
_best = msgspec.json.Decoder(CurrentBest)


def name_start(data: bytes) -> str | None:
    """A connection begins with the reply to its one request."""
    try:
        return "reply" if b'"status"' in data and _any.decode(data).status is not None else None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


class _DepthBook:
    """One symbol's book and how far its updates came."""

    def __init__(self) -> None:
        self.book = Book()
        self.last: int | None = None
        self.is_broken = False  # waits for a new connection's snapshot
        self.is_unstorable = False  # no snapshot can be kept: numbers do not fit the columns
        self._recent: deque[int] = deque(maxlen=_RECENT)

    def is_repeated(self, depth: CurrentDepth) -> bool:
        """Whether these updates were taken before."""
        return depth.u in self._recent

    def hole_before(self, depth: CurrentDepth) -> LedgerEntry | None:
        """The ledger entry of what lacks before these updates."""
        if self.last is None:
            return LedgerEntry("gap", "rejected", detail="snapshot") if self.is_broken else None
        if depth.u <= self.last:
            detail = f"update {depth.u} after {self.last}"
            return LedgerEntry("renumbered", BEGINS_AGAIN, detail=detail)
        if depth.U > self.last + 1:
            return LedgerEntry("gap", "missing", detail=f"updates {self.last + 1} to {depth.U - 1}")
        is_lost, detail = self.is_broken and self.book.valid, f"an update after {self.last}"
        return LedgerEntry("gap", "rejected", detail=detail) if is_lost else None

    def take(self, depth: CurrentDepth, changes: tuple[BookChange, ...], *, is_whole: bool) -> None:
        """Take updates that follow (`is_whole`) or leave a hole, which ends the book."""
        is_first, self.last = self.last is None, depth.u
        self._recent.append(depth.u)
        if not is_whole:
            self.is_broken = True
            self.book.invalidate()
        elif is_first:
            self.book.reset(changes)
        else:
            for change in changes:
                self.book.apply(change)


class GeminiCurrentDecoder:
    """Decodes one connection. `last_ids` are the last trade ids by symbol, across connections.

    Trades are not numbered one by one: what may lie between the last trade of the connection
    before and the first of this one is a gap, unless that one brought an update of the book which
    is not older than this one's first.
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
        self._books = {symbol: _DepthBook() for symbol in symbols}
        self._ids = {symbol: RisingIds(self.last_ids, symbol) for symbol in symbols}
        self._traded_on: set[str] = set()
        self._overlaps = {symbol: Overlap(self.last_ids, symbol) for symbol in symbols}
        self._best_prices = UpdateNumbers(self.last_ids, "best prices")
        self._parts = RejectedParts(bound)

    def decode(self, frame: Frame) -> DecodedFrame:
        """Turn a frame into a `book` or `trade` message, a `ledger` one before a hole.

        Raises:
            RejectedFrame: it is no frame of this service, of no symbol followed, or an error.
        """
        self._parts.clear()
        try:
            fields = parse(_any.decode, frame.data)
            depth = parse(_depth.decode, frame.data) if fields.U is not None else None
        except RejectedFrame as rejection:
            raise self._break_books(rejection) from rejection
        decoded = self._decode_other(fields, frame) if depth is None else self._take(depth, frame)
        return self._parts.complete(decoded)

    def _break_books(self, rejection: RejectedFrame) -> RejectedFrame:
        """The rejection of what may be an update or a snapshot, of whichever symbol."""
        for book in self._books.values():
            book.is_broken = True
        is_storable = not all(book.is_unstorable for book in self._books.values())
        return RejectedFrame(rejection.reason, rejection.detail, needs_snapshot=is_storable)

    def _decode_other(self, fields: CurrentFrame, frame: Frame) -> DecodedFrame:
        if fields.status is not None:
            if fields.status != _OK:
                error = fields.error or CurrentFailure()
                raise RejectedFrame("venue_error", f"{fields.status} {error.code} {error.msg}")
            self.ignored["reply"] += 1
            return DecodedFrame(())
        if fields.t is not None:
            return self._decode_trade(parse(_trade.decode, frame.data), frame)
        if bytes(fields.B)[:1] == b'"':
            return self._decode_top(parse(_best.decode, frame.data), frame)
        if not fields.e:
            raise RejectedFrame("wrong_type", "neither payload nor reply")
        self.ignored[fields.e[:40]] += 1
        return DecodedFrame(())

    def _take(self, depth: CurrentDepth, frame: Frame) -> DecodedFrame:
        symbol = self._symbol(depth.s)
        book = self._books[symbol]
        if book.is_repeated(depth):
            self.ignored["repeated"] += 1
            return DecodedFrame(())
        try:
            changes = changes_of(depth, first=book.last is None and not book.is_broken)
        except RejectedFrame as rejection:
            book.is_unstorable |= book.last is None and rejection.reason in UNSTORABLE
            book.is_broken = True
            rejection.needs_snapshot = not book.is_unstorable
            raise
        self._overlaps[symbol].take(depth.u)
        self.ignored["overlapping"] += depth.U == book.last
        hole = book.hole_before(depth)
        book.take(depth, changes, is_whole=hole is None and not book.is_broken)
        messages = [self._message(symbol, "ledger", frame, hole, ts=depth.E)] if hole else []
        seq, top = (depth.U, depth.u), book.book.top()
        messages.append(
            self._message(symbol, "book", frame, *changes, ts=depth.E, seq=seq, top=top)
        )
        return DecodedFrame(tuple(messages), resync=book.is_broken and not book.is_unstorable)

    def _decode_trade(self, current_trade: CurrentTrade, frame: Frame) -> DecodedFrame:
        symbol, number = self._symbol(current_trade.s), current_trade.t
        require_positive_pair(current_trade.p, current_trade.q)
        traded_at = self._parts.require_time(micros_of(current_trade.E), frame)
        last, is_first = self.last_ids.get(symbol), symbol not in self._traded_on
        entries = self._ids[symbol].take(number, traded_at)
        self._traded_on.add(symbol)  # a repeat too: the connections overlap, and nothing is missing
        if entries is None:
            self.ignored["repeated"] += 1
            return DecodedFrame(())
        is_unproven = is_first and not self._overlaps[symbol].is_proven
        self._overlaps[symbol].end()
        if not entries and is_unproven and last is not None and number > last + 1:
            entries = (LedgerEntry("gap", BETWEEN_CONNECTIONS, last + 1, number - 1),)
        side: Side = "sell" if current_trade.m else "buy"
        trade = Trade(str(number), current_trade.p, current_trade.q, side, traded_at)
        ts = current_trade.E
        messages = [self._message(symbol, "ledger", frame, entry, ts=ts) for entry in entries]
        return DecodedFrame((*messages, self._message(symbol, "trade", frame, trade, ts=ts)))

    def _decode_top(self, best: CurrentBest, frame: Frame) -> DecodedFrame:
        symbol, seq, top = self._symbol(best.s), (best.u, best.u), top_of(best)
        message = self._message(symbol, "book", frame, ts=best.E, seq=seq, top=top)
        entries, is_news = self._best_prices.take(symbol, best.u, message.venue_time)
        self.ignored["repeated"] += not is_news
        ledger = [self._message(symbol, "ledger", frame, entry, ts=best.E) for entry in entries]
        return DecodedFrame((*ledger, message) if is_news else tuple(ledger))

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
        ts: int,
        seq: tuple[int, int] | None = None,
        top: Top | None = None,
    ) -> Message:
        return Message(
            venue=VENUE,
            symbol=symbol,
            kind=kind,
            conn=self.conn,
            seq=seq,
            venue_time=self._parts.time_or_null(micros_of(ts), frame),
            received_time=frame.received_time,
            events=events,
            top=top,
        )
