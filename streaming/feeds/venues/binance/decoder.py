"""Binance spot streams: aggregate trades, trades, tickers, best bid and ask; raw or combined.

Source: binance/binance-spot-api-docs, web-socket-streams.md (2026-06-09).
"""

from collections import Counter

import msgspec

from include.errors import RejectedFrame
from include.market.events import Event, Frame, LedgerEntry, Message, Side, Top, Trade
from include.market.venues import BINANCE
from streaming.feeds.decoding import (
    MICROS_FROM,
    PRICE_STEP,
    TOO_LARGE,
    ZERO,
    DecodedFrame,
    parse,
    to_micros,
)
from streaming.feeds.venues.binance.payloads import (
    AggTrade,
    Anything,
    BookTicker,
    Combined,
    CombinedBookTicker,
    DayTicker,
    Payload,
    Shutdown,
    SingleTrade,
    sequence_of,
    ticker_of,
    top_of,
    trade_of,
)

VENUE = BINANCE.name
_combined = msgspec.json.Decoder(Combined)
_combined_book = msgspec.json.Decoder(CombinedBookTicker)
_book = msgspec.json.Decoder(BookTicker)
_raw: msgspec.json.Decoder[Payload] = msgspec.json.Decoder(Payload)
_anything = msgspec.json.Decoder(Anything)
_UNREAD = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, IndexError)
_QUOTE = ord('"')
_KNOWN = {"aggTrade", "trade", "24hrTicker", "serverShutdown"}


class BinanceDecoder:
    """Decodes one connection of several symbols.

    Trade ids are contiguous per symbol and stream: a hole becomes a ledger message. `last_ids`
    are shared with the connections before and beside it: the hole between two is seen, and what
    both of them carry (the overlap when one takes over from the other) is published once.
    """

    def __init__(
        self, *, symbols: tuple[str, ...], conn: str, last_ids: dict[str, int] | None = None
    ) -> None:
        self.conn = conn
        self.ignored: Counter[str] = Counter()
        self.last_ids = {} if last_ids is None else last_ids
        self._symbols = BINANCE.symbols.symbols_by_spelling(symbols)

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
            other = self._parse(data)
            return DecodedFrame(()) if other is None else self._decode_other(other, frame)
        if type(payload) is AggTrade and (symbol := self._symbols.get(payload.s)) is not None:
            return self._decode_aggregate(symbol, payload, frame)
        return self._decode_other(payload, frame)

    def _decode_other(self, payload: Payload | BookTicker, frame: Frame) -> DecodedFrame:
        if isinstance(payload, Shutdown):
            self.ignored["serverShutdown"] += 1
            return DecodedFrame((), renew="serverShutdown")
        symbol = self._symbols.get(payload.s)
        if symbol is None:
            raise RejectedFrame("unknown_symbol", payload.s[:40])
        if isinstance(payload, BookTicker):
            return self._decode_top(symbol, payload, frame)
        if isinstance(payload, DayTicker):
            ticker = ticker_of(payload)
            return DecodedFrame((self._message(symbol, "ticker", frame, ticker, time=payload.E),))
        key = f"{symbol}|trade" if isinstance(payload, SingleTrade) else symbol
        return self._decode_trade(symbol, payload, frame, key=key)

    def _parse(self, data: bytes) -> Payload | BookTicker | None:
        try:
            return _raw.decode(data)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return self._parse_other(data)

    def _parse_other(self, data: bytes) -> Payload | BookTicker | None:
        """Read what is no plain payload: control replies, errors, kinds not carried."""
        envelope = parse(_anything.decode, data)
        if envelope.code is not None or bytes(envelope.error):
            raise RejectedFrame("venue_error", data[:300].decode(errors="replace"))
        if envelope.stream is not None:
            data = bytes(envelope.data)
            if data.lstrip().startswith(b"["):
                self.ignored[envelope.stream[:40]] += 1
                return None
            envelope = parse(_anything.decode, data)
        if envelope.e in _KNOWN:
            return parse(_raw.decode, data)
        if envelope.e is None and envelope.u is not None:
            return parse(_book.decode, data)
        if envelope.e is None and not bytes(envelope.result):
            raise RejectedFrame("wrong_type", "neither payload nor reply")
        self.ignored[(envelope.e or "reply")[:40]] += 1
        return None

    def _decode_top(self, symbol: str, ticker: BookTicker, frame: Frame) -> DecodedFrame:
        """A book message without changes: this stream has nothing but the best prices."""
        top, key = top_of(ticker), f"{symbol}|top"
        if ticker.u <= self.last_ids.get(key, -1):
            self.ignored["repeated"] += 1
            return DecodedFrame(())
        self.last_ids[key] = ticker.u
        seq = (ticker.u, ticker.u)
        return DecodedFrame((self._message(symbol, "book", frame, seq=seq, top=top),))

    def _decode_aggregate(self, symbol: str, aggregate: AggTrade, frame: Frame) -> DecodedFrame:
        """By far the most frequent: made in one go while nothing is out of the ordinary.

        Ordinary are eight decimals above zero, milliseconds, and an id that follows the last.
        """
        number, price, quantity = aggregate.a, aggregate.p, aggregate.q
        traded_ms, sent_ms = aggregate.T, aggregate.E
        if not (
            self.last_ids.get(symbol) == number - 1
            and price.same_quantum(PRICE_STEP)  # so it is no NaN, which could not be compared
            and quantity.same_quantum(PRICE_STEP)
            and ZERO < price < TOO_LARGE
            and ZERO < quantity < TOO_LARGE
            and traded_ms < MICROS_FROM
            and sent_ms < MICROS_FROM
        ):
            return self._decode_trade(symbol, aggregate, frame, key=symbol)
        self.last_ids[symbol] = number
        side: Side = "sell" if aggregate.m else "buy"
        trade = Trade(
            str(number), price, quantity, side, traded_ms * 1000, aggregate.f, aggregate.l
        )
        return DecodedFrame(
            (
                Message(  # in the order of its fields: names would slow every frame
                    VENUE,
                    symbol,
                    "trade",
                    self.conn,
                    (number, number),
                    sent_ms * 1000,
                    frame.received_time,
                    (trade,),
                ),
            )
        )

    def _decode_trade(
        self, symbol: str, payload: AggTrade | SingleTrade, frame: Frame, *, key: str
    ) -> DecodedFrame:
        trade = trade_of(payload)
        number = sequence_of(payload)
        last = self.last_ids.get(key)
        if last is not None and number <= last:
            self.ignored["repeated"] += 1
            return DecodedFrame(())
        self.last_ids[key] = number
        message = self._message(symbol, "trade", frame, trade, time=payload.E, seq=(number, number))
        if last is None or number == last + 1:
            return DecodedFrame((message,))
        hole = (last + 1, number - 1)
        entry = LedgerEntry("gap", "missing", first_seq=hole[0], last_seq=hole[1])
        return DecodedFrame((self._message(symbol, "ledger", frame, entry, seq=hole), message))

    def _message(
        self,
        symbol: str,
        kind: str,
        frame: Frame,
        *events: Event,
        seq: tuple[int, int] | None = None,
        time: int | None = None,
        top: Top | None = None,
    ) -> Message:
        return Message(
            venue=VENUE,
            symbol=symbol,
            kind=kind,
            conn=self.conn,
            seq=seq,
            venue_time=None if time is None else to_micros(time),
            received_time=frame.received_time,
            events=events,
            top=top,
        )
