"""Gemini market data v1: one symbol a connection, the whole book first, then numbered changes.

Source: docs.gemini.com, "Market Data v1" (archived, still served); recorded tapes of 2018.
"""

from collections import Counter
from decimal import Decimal
from typing import Literal

import msgspec

from include.errors import RejectedFrame
from include.market.book import Book
from include.market.events import BookChange, Frame, LedgerEntry, Message, Side, Trade
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
_AGGRESSOR: dict[str, Side | None] = {"ask": "buy", "bid": "sell", "auction": None}


class _Trade(msgspec.Struct, frozen=True, tag_field="type", tag="trade"):
    tid: Id
    price: Decimal
    amount: Decimal
    makerSide: Literal["bid", "ask", "auction"]


class _Update(msgspec.Struct, frozen=True, tag_field="type", tag="update"):
    """A venue's change has the shape of a BookChange, so it is decoded as one."""

    eventId: Id
    socket_sequence: Id
    events: tuple[BookChange | _Trade, ...]
    timestampms: Millis | None = None


class _Heartbeat(msgspec.Struct, frozen=True, tag_field="type", tag="heartbeat"):
    socket_sequence: Id
    timestampms: Millis | None = None


class _Numbered(msgspec.Struct, frozen=True):
    """Any frame of a kind that is not known here, as long as it is numbered."""

    type: str
    socket_sequence: Id
    eventId: Id = 0
    timestampms: Millis | None = None
    events: tuple[msgspec.Raw, ...] = ()


class _Named(msgspec.Struct, frozen=True):
    type: str


_known: msgspec.json.Decoder[_Update | _Heartbeat] = msgspec.json.Decoder(_Update | _Heartbeat)
_numbered = msgspec.json.Decoder(_Numbered)
_named = msgspec.json.Decoder(_Named)
_one_event = msgspec.json.Decoder(BookChange | _Trade)


class GeminiV1Decoder:
    """Decodes one connection of one symbol and keeps its book.

    `socket_sequence` starts at 0 and rises by one a frame; otherwise something was lost: a
    ledger message tells the hole, the book is invalid, and a new connection is asked for.
    `last_ids` holds the last trade's id, shared with the connections before: trades made between
    two connections have event ids up to that of the new one's snapshot, which is told as a gap.
    """

    def __init__(self, *, symbol: str, conn: str, last_ids: dict[str, int] | None = None) -> None:
        """Start before the first frame of a connection."""
        self.last_ids = {} if last_ids is None else last_ids
        self.symbol, self.conn = symbol, conn
        self.ignored: Counter[str] = Counter()
        self.book = Book()
        self._started = False
        self._next_seq = 0
        self._rejected_since = 0

    def decode(self, frame: Frame) -> Decoded:
        """Turn a frame into a `book` (or `heartbeat`) message, and `trade` and `ledger` ones.

        Raises:
            RejectedFrame: it is not a Gemini v1 frame; the decoder goes on as if it had not come.
        """
        try:
            found = self._parse(frame.data)
            changes, trades = self._sorted(found)
        except RejectedFrame:
            self._rejected_since += 1
            raise
        between, gap = self._between(found, frame), self._follow(found.socket_sequence, frame)
        self._keep(found.socket_sequence, changes)
        messages = [one for one in (between, gap) if one]
        messages.append(self._message(found, frame, kind=_kind(found), events=changes))
        if trades:
            messages.append(self._message(found, frame, kind="trade", events=trades))
            self.last_ids[self.symbol] = max(int(trade.trade_id) for trade in trades)
        return Decoded(messages=tuple(messages), resync=gap is not None)

    def _parse(self, data: bytes) -> _Update | _Heartbeat:
        try:
            return _known.decode(data)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return self._parse_unknown(data)

    def _parse_unknown(self, data: bytes) -> _Update:
        """Read a frame that holds kinds of events not known here, which are counted."""
        kind = parsed(_named.decode, data).type
        if kind == "heartbeat":
            parsed(_known.decode, data)
        frame = parsed(_numbered.decode, data)
        events: list[BookChange | _Trade] = []
        for raw in frame.events if kind == "update" else ():
            name = parsed(_named.decode, bytes(raw)).type
            if name in {"change", "trade"}:
                events.append(parsed(_one_event.decode, bytes(raw)))
            else:
                self.ignored[name[:40]] += 1
        if kind != "update":
            self.ignored[kind[:40]] += 1
        elif len(events) == len(frame.events):
            parsed(_known.decode, data)
        return _Update(frame.eventId, frame.socket_sequence, tuple(events), frame.timestampms)

    def _sorted(
        self, found: _Update | _Heartbeat
    ) -> tuple[tuple[BookChange, ...], tuple[Trade, ...]]:
        changes: list[BookChange] = []
        trades: list[Trade] = []
        if isinstance(found, _Heartbeat):
            return (), ()
        for event in found.events:
            if isinstance(event, BookChange):
                changes.append(_checked(event, found.eventId))
            else:
                trades.append(_trade(event, found))
        return tuple(changes), tuple(trades)

    def _follow(self, seq: int, frame: Frame) -> Message | None:
        expected, rejected = self._next_seq, self._rejected_since
        self._next_seq, self._rejected_since = seq + 1, 0
        if seq == expected:
            return None
        self.book.invalidate()
        if seq > expected:
            cause = "rejected" if rejected else "missing"
            entry = LedgerEntry("gap", cause, first_seq=expected, last_seq=seq - 1)
        else:
            entry = LedgerEntry("gap", "out_of_order", detail=f"{seq} where {expected} was due")
        return Message(
            venue=VENUE,
            symbol=self.symbol,
            kind="ledger",
            conn=self.conn,
            seq=(seq, seq),
            venue_time=None,
            received_time=frame.received_time,
            events=(entry,),
        )

    def _between(self, found: _Update | _Heartbeat, frame: Frame) -> Message | None:
        """The trades that may have been made since the connection before."""
        last = self.last_ids.get(self.symbol)
        if self._started or last is None or isinstance(found, _Heartbeat) or found.eventId <= last:
            return None
        entry = LedgerEntry(
            "gap", "between_connections", first_seq=last + 1, last_seq=found.eventId
        )
        return Message(
            venue=VENUE,
            symbol=self.symbol,
            kind="ledger",
            conn=self.conn,
            seq=None,
            venue_time=None,
            received_time=frame.received_time,
            events=(entry,),
        )

    def _keep(self, seq: int, changes: tuple[BookChange, ...]) -> None:
        started, self._started = self._started, True
        if seq == 0 and not started:
            self.book.reset(changes)
            return
        for change in changes:
            self.book.apply(change)

    def _message(
        self,
        found: _Update | _Heartbeat,
        frame: Frame,
        *,
        kind: str,
        events: tuple[BookChange, ...] | tuple[Trade, ...],
    ) -> Message:
        seq, time = found.socket_sequence, found.timestampms
        return Message(
            venue=VENUE,
            symbol=self.symbol,
            kind=kind,
            conn=self.conn,
            seq=(seq, seq),
            venue_time=None if time is None else time * 1000,
            received_time=frame.received_time,
            events=events,
            top=None if kind == "trade" else self.book.top(),
        )


def _kind(found: _Update | _Heartbeat) -> str:
    return "heartbeat" if isinstance(found, _Heartbeat) else "book"


def _checked(change: BookChange, event_id: int) -> BookChange:
    positive(change.price, MONEY)
    not_negative(change.remaining, QUANTITY)
    if change.delta is not None:
        not_negative(change.delta.copy_abs(), QUANTITY)
    # Nobody else has seen the change yet: cheaper than copying it.
    msgspec.structs.force_setattr(change, "venue_event_id", event_id)
    return change


def _trade(trade: _Trade, update: _Update) -> Trade:
    both_positive(trade.price, trade.amount)
    if update.timestampms is None:
        raise RejectedFrame("wrong_type", "a trade without timestampms")
    return Trade(
        trade_id=str(trade.tid),
        price=trade.price,
        quantity=trade.amount,
        side=_AGGRESSOR[trade.makerSide],
        traded_at=update.timestampms * 1000,
    )
