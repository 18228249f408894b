"""Binance spot streams: aggregate trades, trades, tickers, books or best prices; raw or combined.

Source: binance/binance-spot-api-docs, web-socket-streams.md (2026-06-09).
"""

from collections import Counter

import msgspec

from include.errors import RejectedFrame
from include.market.events import Event, Frame, LedgerEntry, Message, Side, Top, Trade
from include.market.numerals import ZERO
from include.market.time import SECOND_US, USUAL_BOUND, TimeBound
from include.market.venues import BINANCE, SNAPSHOT
from streaming.feeds.decoding import (
    ORDINARY,
    PRICE_STEP,
    UNSTORABLE,
    DecodedFrame,
    RejectedParts,
    to_micros,
)
from streaming.feeds.trade_sequence import ContiguousTrades
from streaming.feeds.update_numbers import UpdateNumbers
from streaming.feeds.venues.binance.depth import (
    AGAIN_S,
    REJECTED_S,
    DepthBook,
    DepthUpdate,
    changes_of,
    read_snapshot,
    spelling_of_snapshot,
)
from streaming.feeds.venues.binance.payloads import (
    AggTrade,
    BookTicker,
    Combined,
    CombinedBookTicker,
    DayTicker,
    Payload,
    Shutdown,
    SingleTrade,
    read_uncommon,
    sequence_of,
    ticker_of,
    top_of,
    trade_of,
)

VENUE = BINANCE.name
_combined = msgspec.json.Decoder(Combined)
_combined_book = msgspec.json.Decoder(CombinedBookTicker)
_UNREAD = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, IndexError)
_QUOTE = ord('"')


class BinanceDecoder:
    """Decodes one connection of several symbols.

    Trade ids are contiguous per symbol and stream: a hole becomes a ledger message. `last_ids`
    are shared with the connections before and beside it: the hole between two is seen, and what
    both of them carry (the overlap when one takes over from the other) is published once. Books are
    chained to snapshots of the REST at `rest_url`.
    """

    def __init__(
        self,
        *,
        symbols: tuple[str, ...],
        conn: str,
        last_ids: dict[str, int] | None = None,
        bound: TimeBound = USUAL_BOUND,
        rest_url: str = BINANCE.rest_url,
    ) -> None:
        self.conn = conn
        self.ignored: Counter[str] = Counter()
        self.last_ids = {} if last_ids is None else last_ids
        self._symbols = BINANCE.symbols.symbols_by_spelling(symbols)
        self._books = {symbol: DepthBook(rest_url, name) for name, symbol in self._symbols.items()}
        self._trades = {
            key: ContiguousTrades(self.last_ids, key)
            for symbol in symbols
            for key in (symbol, f"{symbol}|trade")
        }
        self._parts = RejectedParts(bound)
        self._ahead_us = int(bound.ahead_s * SECOND_US)
        self._behind_us = int(bound.behind_s * SECOND_US)
        self._best_prices = UpdateNumbers(self.last_ids, "best prices")

    def decode(self, frame: Frame) -> DecodedFrame:
        """Turn a frame into a `trade`, `ticker` or `book` message, a `ledger` one before a hole.

        Raises:
            RejectedFrame: it is no Binance frame, of a symbol not followed, or a venue's error.
        """
        data = frame.data
        try:
            if data[-3] == _QUOTE:  # of all kinds in combined framing, best prices alone end so
                payload: Payload | BookTicker = _combined_book.decode(data).data
            else:
                payload = _combined.decode(data).data
        except _UNREAD:
            if (spelling := spelling_of_snapshot(data)) is not None:
                return self._decode_snapshot(self._symbol(spelling), frame)
            other = read_uncommon(data, self.ignored)
            return DecodedFrame(()) if other is None else self._decode_parts(other, frame)
        if type(payload) is AggTrade and (symbol := self._symbols.get(payload.s)) is not None:
            return self._decode_aggregate(symbol, payload, frame)
        return self._decode_parts(payload, frame)

    def _decode_parts(self, payload: Payload | BookTicker, frame: Frame) -> DecodedFrame:
        self._parts.clear()
        return self._parts.complete(self._decode_other(payload, frame))

    def _decode_other(self, payload: Payload | BookTicker, frame: Frame) -> DecodedFrame:
        if isinstance(payload, Shutdown):
            self.ignored["serverShutdown"] += 1
            return DecodedFrame((), renew="serverShutdown")
        symbol = self._symbol(payload.s)
        if isinstance(payload, BookTicker):
            return self._decode_top(symbol, payload, frame)
        if isinstance(payload, DepthUpdate):
            return self._decode_depth(symbol, payload, frame)
        if isinstance(payload, DayTicker):
            return self._decode_ticker(symbol, payload, frame)
        key = f"{symbol}|trade" if isinstance(payload, SingleTrade) else symbol
        return self._decode_trade(symbol, payload, frame, key=key)

    def _symbol(self, spelling: str) -> str:
        symbol = self._symbols.get(spelling)
        if symbol is None:
            raise RejectedFrame("unknown_symbol", spelling[:40])
        return symbol

    def _decode_depth(self, symbol: str, depth: DepthUpdate, frame: Frame) -> DecodedFrame:
        """A book message, after a ledger one if updates lack; asks for a snapshot where one is due.

        An update that is rejected is not taken, so that the next one shows the hole.
        """
        book = self._books[symbol]
        if book.is_repeated(depth):
            self.ignored["repeated"] += 1
            return DecodedFrame(())
        changes, hole = changes_of(depth), book.hole_before(depth)
        book.take(depth, changes, follows=hole is None)
        seq, top = (depth.U, depth.u), book.top()
        message = self._message(symbol, "book", frame, *changes, seq=seq, ts=depth.E, top=top)
        ledger = [self._message(symbol, "ledger", frame, hole, seq=seq)] if hole else []
        requests = (book.request_snapshot(),) if book.needs_snapshot else ()
        return DecodedFrame((*ledger, message), requests=requests)

    def _decode_snapshot(self, symbol: str, frame: Frame) -> DecodedFrame:
        """The book of all that came by now; of a snapshot that is no use, another is asked for."""
        self._parts.clear()
        book = self._books[symbol]
        if not book.awaits_snapshot:
            self.ignored["repeated"] += 1
            return DecodedFrame(())
        try:
            snapshot = read_snapshot(frame.data)
        except RejectedFrame as rejection:
            if rejection.reason in UNSTORABLE:  # so would another be
                raise
            self._parts.add(rejection)
            requests = (book.request_snapshot(after_s=REJECTED_S),)
            return self._parts.complete(DecodedFrame((), requests=requests))
        if book.is_too_old(snapshot):
            self.ignored["snapshot too old"] += 1
            return DecodedFrame((), requests=(book.request_snapshot(after_s=AGAIN_S),))
        levels, was_broken = book.chain(snapshot)
        assert book.last_id is not None
        seq = (snapshot.lastUpdateId, book.last_id)
        message = self._message(symbol, "book", frame, *levels, seq=seq, top=book.top())
        entry = LedgerEntry("recovered", SNAPSHOT)
        ledger = [self._message(symbol, "ledger", frame, entry, seq=seq)] if was_broken else []
        return DecodedFrame((*ledger, message))

    def _decode_ticker(self, symbol: str, day_ticker: DayTicker, frame: Frame) -> DecodedFrame:
        if not day_ticker.c:
            self.ignored["ticker without a last price"] += 1
            return DecodedFrame(())
        ticker = ticker_of(day_ticker, self._parts, frame)
        return DecodedFrame((self._message(symbol, "ticker", frame, ticker, ts=day_ticker.E),))

    def _decode_top(self, symbol: str, ticker: BookTicker, frame: Frame) -> DecodedFrame:
        """A book message without changes: this stream has nothing but the best prices."""
        top = top_of(ticker)
        entries, is_news = self._best_prices.take(symbol, ticker.u)
        ledger = [self._message(symbol, "ledger", frame, entry) for entry in entries]
        if not is_news:
            self.ignored["repeated"] += 1
            return DecodedFrame(tuple(ledger))
        seq = (ticker.u, ticker.u)
        return DecodedFrame((*ledger, self._message(symbol, "book", frame, seq=seq, top=top)))

    def _decode_aggregate(self, symbol: str, aggregate: AggTrade, frame: Frame) -> DecodedFrame:
        """By far the most frequent: made in one go while nothing is out of the ordinary.

        Ordinary are eight decimals above zero, milliseconds near those of the receipt, and an id
        that follows the last.
        """
        number, price, quantity = aggregate.a, aggregate.p, aggregate.q
        trades = self._trades[symbol]
        traded_us, sent_us, received = aggregate.T * 1000, aggregate.E * 1000, frame.received_time
        if not (
            self.last_ids.get(symbol) == number - 1
            and trades.filled_key not in self.last_ids
            and price.same_quantum(PRICE_STEP)  # so it is no NaN, which could not be compared
            and quantity.same_quantum(PRICE_STEP)
            and ZERO < price < ORDINARY
            and ZERO < quantity < ORDINARY
            and -self._ahead_us <= received - traded_us <= self._behind_us
            and -self._ahead_us <= received - sent_us <= self._behind_us
        ):
            return self._decode_parts(aggregate, frame)
        self.last_ids[symbol] = number
        self.last_ids[trades.newest_key] = traded_us
        trades.times.add(number, traded_us)
        side: Side = "sell" if aggregate.m else "buy"
        trade = Trade(str(number), price, quantity, side, traded_us, aggregate.f, aggregate.l)
        return DecodedFrame(
            (
                Message(  # in the order of its fields: names would slow every frame
                    VENUE,
                    symbol,
                    "trade",
                    self.conn,
                    (number, number),
                    sent_us,
                    received,
                    (trade,),
                ),
            )
        )

    def _decode_trade(
        self, symbol: str, payload: AggTrade | SingleTrade, frame: Frame, *, key: str
    ) -> DecodedFrame:
        trade, number = trade_of(payload), sequence_of(payload)
        self._parts.require_time(trade.traded_at, frame)
        entries = self._trades[key].take(number, trade.traded_at)
        if entries is None:
            self.ignored["repeated"] += 1
            return DecodedFrame(())
        messages = [
            self._message(symbol, "ledger", frame, entry, seq=(number, number)) for entry in entries
        ]
        seq = (number, number)
        messages.append(self._message(symbol, "trade", frame, trade, ts=payload.E, seq=seq))
        return DecodedFrame(tuple(messages))

    def _message(
        self,
        symbol: str,
        kind: str,
        frame: Frame,
        *events: Event,
        seq: tuple[int, int] | None = None,
        ts: int | None = None,
        top: Top | None = None,
    ) -> Message:
        return Message(
            venue=VENUE,
            symbol=symbol,
            kind=kind,
            conn=self.conn,
            seq=seq,
            venue_time=None if ts is None else self._parts.time_or_null(to_micros(ts), frame),
            received_time=frame.received_time,
            events=events,
            top=top,
        )
