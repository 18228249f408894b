"""Binance spot streams: aggregate trades, trades and 24-hour tickers, raw or combined framing.

Source: binance/binance-spot-api-docs, web-socket-streams.md (2026-06-09).
"""

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal

import msgspec

from include.errors import RejectedFrame
from include.market.events import Frame, LedgerEntry, Message, Ticker, Trade
from include.market.symbols import table
from streaming.feeds.decoded import (
    MONEY,
    QUANTITY,
    Decoded,
    Id,
    Millis,
    micros,
    not_negative,
    parsed,
    positive,
)

VENUE = "binance"
SequenceKey = tuple[str, str]


class _AggTrade(msgspec.Struct, frozen=True, tag_field="e", tag="aggTrade"):
    E: Millis
    s: str
    a: Id
    p: Decimal
    q: Decimal
    f: Id
    l: Id  # noqa: E741 (the venue's name)
    T: Millis
    m: bool


class _Trade(msgspec.Struct, frozen=True, tag_field="e", tag="trade"):
    E: Millis
    s: str
    t: Id
    p: Decimal
    q: Decimal
    T: Millis
    m: bool


class _Ticker(msgspec.Struct, frozen=True, tag_field="e", tag="24hrTicker"):
    E: Millis
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


class _Shutdown(msgspec.Struct, frozen=True, tag_field="e", tag="serverShutdown"):
    E: Millis


_Payload = _AggTrade | _Trade | _Ticker | _Shutdown


class _Combined(msgspec.Struct, frozen=True):
    stream: str
    data: _Payload


class _Anything(msgspec.Struct, frozen=True):
    """What tells the kinds of frame apart: control reply, combined, raw payload."""

    stream: str | None = None
    data: msgspec.Raw = msgspec.Raw()
    e: str | None = None
    result: msgspec.Raw = msgspec.Raw()
    code: int | None = None
    error: msgspec.Raw = msgspec.Raw()
    id: int | str | None = None
    u: int | None = None


_combined = msgspec.json.Decoder(_Combined)
_raw: msgspec.json.Decoder[_Payload] = msgspec.json.Decoder(_Payload)
_anything = msgspec.json.Decoder(_Anything)
_KNOWN = {"aggTrade", "trade", "24hrTicker", "serverShutdown"}


class BinanceDecoder:
    """Decodes one connection of several symbols.

    Trade ids are contiguous per symbol and stream: a hole becomes a ledger message. `last_ids`
    of an earlier connection lets the hole between two connections be seen as well.
    """

    def __init__(
        self,
        *,
        symbols: tuple[str, ...],
        conn: str,
        last_ids: Mapping[SequenceKey, int] | None = None,
    ) -> None:
        """Start before the first frame of a connection."""
        self.conn = conn
        self.ignored: Counter[str] = Counter()
        self.last_ids: dict[SequenceKey, int] = dict(last_ids or {})
        self._symbols = table(symbols)

    def decode(self, frame: Frame) -> Decoded:
        """Turn a frame into a `trade` or `ticker` message, with a `ledger` one before a hole.

        Raises:
            RejectedFrame: it is no Binance frame, of a symbol not followed, or a venue's error.
        """
        payload = self._parse(frame.data)
        if payload is None:
            return Decoded(())
        if isinstance(payload, _Shutdown):
            self.ignored["serverShutdown"] += 1
            return Decoded((), resync=True)
        symbol = self._symbols.get(payload.s)
        if symbol is None:
            raise RejectedFrame("unknown_symbol", payload.s[:40])
        if isinstance(payload, _Ticker):
            return Decoded((self._message(symbol, payload.E, frame, _ticker(payload)),))
        trade, first = _trade(payload), _sequence(payload)
        told = self._message(symbol, payload.E, frame, trade, seq=(first, first))
        gap = self._follow(symbol, "t" if isinstance(payload, _Trade) else "a", first, frame)
        return Decoded((gap, told) if gap else (told,))

    def _parse(self, data: bytes) -> _Payload | None:
        try:
            if data.startswith(b'{"stream"'):
                return _combined.decode(data).data
            return _raw.decode(data)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return self._parse_other(data)

    def _parse_other(self, data: bytes) -> _Payload | None:
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
        if found.e is None and not bytes(found.result) and found.u is None:
            raise RejectedFrame("wrong_type", "neither payload nor reply")
        kind = found.e or ("reply" if bytes(found.result) else "bookTicker")
        self.ignored[kind[:40]] += 1
        return None

    def _follow(self, symbol: str, stream: str, first: int, frame: Frame) -> Message | None:
        last = self.last_ids.get((symbol, stream))
        self.last_ids[symbol, stream] = first if last is None else max(first, last)
        if last is not None and first <= last:
            self.ignored["repeated"] += 1
        if last is None or first <= last + 1:
            return None
        hole = (last + 1, first - 1)
        entry = LedgerEntry("gap", "missing", first_seq=hole[0], last_seq=hole[1])
        return self._message(symbol, None, frame, entry, seq=hole)

    def _message(
        self,
        symbol: str,
        time: int | None,
        frame: Frame,
        event: Trade | Ticker | LedgerEntry,
        *,
        seq: tuple[int, int] | None = None,
    ) -> Message:
        kind = type(event).__name__.lower()
        return Message(
            venue=VENUE, symbol=symbol, kind="ledger" if kind == "ledgerentry" else kind,
            conn=self.conn, seq=seq, venue_time=None if time is None else micros(time),
            received_time=frame.received_time, events=(event,),
        )  # fmt: skip


def _sequence(payload: _AggTrade | _Trade) -> int:
    return payload.a if isinstance(payload, _AggTrade) else payload.t


def _trade(payload: _AggTrade | _Trade) -> Trade:
    positive(payload.p, MONEY)
    positive(payload.q, QUANTITY)
    first, last = (payload.f, payload.l) if isinstance(payload, _AggTrade) else (None, None)
    return Trade(
        trade_id=str(_sequence(payload)), price=payload.p, quantity=payload.q,
        side="sell" if payload.m else "buy", traded_at=micros(payload.T),
        first_trade_id=first, last_trade_id=last,
    )  # fmt: skip


def _ticker(payload: _Ticker) -> Ticker:
    positive(payload.c, MONEY)
    for price in (payload.o, payload.h, payload.l, payload.b, payload.a):
        not_negative(price, MONEY)
    for quantity in (payload.B, payload.A, payload.v, payload.q):
        not_negative(quantity, QUANTITY)
    return Ticker(
        last=payload.c, open=payload.o, high=payload.h, low=payload.l, bid=payload.b,
        bid_quantity=payload.B, ask=payload.a, ask_quantity=payload.A,
        base_volume=payload.v, quote_volume=payload.q, trade_count=payload.n,
    )  # fmt: skip
