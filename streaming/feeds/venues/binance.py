"""Binance spot streams: aggregate trades, trades, tickers, best bid and ask; raw or combined.

Source: binance/binance-spot-api-docs, web-socket-streams.md (2026-06-09).
"""

from collections import Counter

import msgspec

from include.errors import RejectedFrame
from include.market.events import Event, Frame, LedgerEntry, Message, Side, Top, Trade
from include.market.symbols import CONCATENATED
from streaming.feeds.decoded import MICROS_FROM, MONEY, NONE, TOO_LARGE, Decoded, micros, parsed
from streaming.feeds.venues.binance_payloads import (
    AggTradePayload,
    Anything,
    BookTicker,
    Combined,
    CombinedBookTicker,
    Payload,
    Shutdown,
    TickerPayload,
    TradePayload,
    sequence_of,
    ticker_of,
    top_of,
    trade_of,
)

VENUE = "binance"
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
    both of them tell (the overlap when one takes over from the other) is told once.
    """

    def __init__(
        self, *, symbols: tuple[str, ...], conn: str, last_ids: dict[str, int] | None = None
    ) -> None:
        """Start before the first frame of a connection."""
        self.conn = conn
        self.ignored: Counter[str] = Counter()
        self.last_ids = {} if last_ids is None else last_ids
        self._symbols = CONCATENATED.by_spelling(symbols)

    def decode(self, frame: Frame) -> Decoded:
        """Turn a frame into a `trade`, `ticker` or `book` message, a `ledger` one before a hole.

        Raises:
            RejectedFrame: it is no Binance frame, of a symbol not followed, or a venue's error.
        """
        data = frame.data
        try:
            if data[-3] == _QUOTE:  # of all kinds in combined framing, best prices alone end so
                found: Payload | BookTicker = _combined_book.decode(data).data
            else:
                found = _combined.decode(data).data
        except _UNREAD:
            other = self._parse(data)
            return Decoded(()) if other is None else self._other(other, frame)
        if type(found) is AggTradePayload and (symbol := self._symbols.get(found.s)) is not None:
            return self._aggregate(symbol, found, frame)
        return self._other(found, frame)

    def _other(self, payload: Payload | BookTicker, frame: Frame) -> Decoded:
        if isinstance(payload, Shutdown):
            self.ignored["serverShutdown"] += 1
            return Decoded((), renew="serverShutdown")
        symbol = self._symbols.get(payload.s)
        if symbol is None:
            raise RejectedFrame("unknown_symbol", payload.s[:40])
        if isinstance(payload, BookTicker):
            return self._top(symbol, payload, frame)
        if isinstance(payload, TickerPayload):
            told = self._message(symbol, "ticker", frame, ticker_of(payload), time=payload.E)
            return Decoded((told,))
        key = f"{symbol}|trade" if isinstance(payload, TradePayload) else symbol
        return self._trade(symbol, payload, frame, key=key)

    def _parse(self, data: bytes) -> Payload | BookTicker | None:
        try:
            return _raw.decode(data)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return self._parse_other(data)

    def _parse_other(self, data: bytes) -> Payload | BookTicker | None:
        """Read what is no plain payload: control replies, errors, kinds not carried."""
        found = parsed(_anything.decode, data)
        if found.code is not None or bytes(found.error):
            raise RejectedFrame("venue_error", data[:300].decode(errors="replace"))
        if found.stream is not None:
            data = bytes(found.data)
            if data.lstrip().startswith(b"["):
                self.ignored[found.stream[:40]] += 1
                return None
            found = parsed(_anything.decode, data)
        if found.e in _KNOWN:
            return parsed(_raw.decode, data)
        if found.e is None and found.u is not None:
            return parsed(_book.decode, data)
        if found.e is None and not bytes(found.result):
            raise RejectedFrame("wrong_type", "neither payload nor reply")
        self.ignored[(found.e or "reply")[:40]] += 1
        return None

    def _top(self, symbol: str, payload: BookTicker, frame: Frame) -> Decoded:
        """A book message without changes: this stream tells nothing but the best prices."""
        top, key = top_of(payload), f"{symbol}|top"
        if payload.u <= self.last_ids.get(key, -1):
            self.ignored["repeated"] += 1
            return Decoded(())
        self.last_ids[key] = payload.u
        seq = (payload.u, payload.u)
        return Decoded((self._message(symbol, "book", frame, seq=seq, top=top),))

    def _aggregate(self, symbol: str, payload: AggTradePayload, frame: Frame) -> Decoded:
        """By far the most frequent: made in one go while nothing is out of the ordinary.

        Ordinary are eight decimals above zero, milliseconds, and an id that follows the last.
        """
        number, price, quantity = payload.a, payload.p, payload.q
        at, told_at = payload.T, payload.E
        if not (
            self.last_ids.get(symbol) == number - 1
            and price.same_quantum(MONEY)  # so it is no NaN, which could not be compared
            and quantity.same_quantum(MONEY)
            and NONE < price < TOO_LARGE
            and NONE < quantity < TOO_LARGE
            and at < MICROS_FROM
            and told_at < MICROS_FROM
        ):
            return self._trade(symbol, payload, frame, key=symbol)
        self.last_ids[symbol] = number
        side: Side = "sell" if payload.m else "buy"
        trade = Trade(str(number), price, quantity, side, at * 1000, payload.f, payload.l)
        return Decoded(
            (
                Message(  # in the order of its fields: names cost a tenth of a frame's time
                    VENUE,
                    symbol,
                    "trade",
                    self.conn,
                    (number, number),
                    told_at * 1000,
                    frame.received_time,
                    (trade,),
                ),
            )
        )

    def _trade(
        self, symbol: str, payload: AggTradePayload | TradePayload, frame: Frame, *, key: str
    ) -> Decoded:
        trade = trade_of(payload)
        number = sequence_of(payload)
        last = self.last_ids.get(key)
        if last is not None and number <= last:
            self.ignored["repeated"] += 1
            return Decoded(())
        self.last_ids[key] = number
        told = self._message(symbol, "trade", frame, trade, time=payload.E, seq=(number, number))
        if last is None or number == last + 1:
            return Decoded((told,))
        hole = (last + 1, number - 1)
        entry = LedgerEntry("gap", "missing", first_seq=hole[0], last_seq=hole[1])
        return Decoded((self._message(symbol, "ledger", frame, entry, seq=hole), told))

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
            venue_time=None if time is None else micros(time),
            received_time=frame.received_time,
            events=events,
            top=top,
        )
