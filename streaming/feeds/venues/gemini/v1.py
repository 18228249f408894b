"""Gemini market data v1: one symbol a connection, the whole book first, then numbered changes.

Source: docs.gemini.com, "Market Data v1" (archived, still served); recorded tapes of 2018.
"""

import re
from collections import Counter
from functools import partial

import msgspec

from include.errors import RejectedFrame
from include.market.auction import BLOCK, Auction
from include.market.book import Book
from include.market.events import BookChange, Event, Frame, LedgerEntry, Message, Side, Trade
from include.market.time import USUAL_BOUND, TimeBound
from include.market.venues import BETWEEN_CONNECTIONS, GEMINI
from streaming.feeds.decoding import (
    PRICE_STEP,
    QUANTITY_STEP,
    UNSTORABLE,
    DecodedFrame,
    RejectedParts,
    parse,
    require_not_negative,
    require_positive,
    require_positive_pair,
)
from streaming.feeds.recorded_connections import FIRST
from streaming.feeds.rising_ids import RisingIds
from streaming.feeds.venues.gemini.auctions import CONDITIONS, AuctionEvent
from streaming.feeds.venues.gemini.v1_payloads import (
    APART,
    Update,
    V1BlockTrade,
    V1Event,
    V1Heartbeat,
    V1Trade,
    event_decoder,
    frame_decoder,
    kind_decoder,
    numbered_decoder,
)

VENUE = GEMINI.name
_NUMBERED_ZERO = re.compile(rb'"socket_sequence"\s*:\s*0\s*[,}]')
_AGGRESSOR: dict[str, Side] = {"ask": "buy", "bid": "sell"}
AnyTrade = V1Trade | V1BlockTrade


def name_start(data: bytes) -> str | None:
    """A connection begins with the frame that is numbered 0."""
    return FIRST if _NUMBERED_ZERO.search(data) else None


class GeminiV1Decoder:
    """Decodes one connection of one symbol and keeps its book.

    `socket_sequence` starts at 0 and rises by one a frame; otherwise something was lost: a
    ledger message names the hole, the book is invalid, and a new connection is asked for.
    `last_ids` holds the ids of the last trade and the last event, shared with the connections
    before: trades made between two connections have event ids behind these, up to that of the new
    one's snapshot, which is a gap.
    """

    def __init__(
        self,
        *,
        symbol: str,
        conn: str,
        last_ids: dict[str, int] | None = None,
        bound: TimeBound = USUAL_BOUND,
    ) -> None:
        self.last_ids = {} if last_ids is None else last_ids
        self.symbol, self.conn = symbol, conn
        self.ignored: Counter[str] = Counter()
        self.book = Book()
        self._ids = RisingIds(self.last_ids, symbol)
        self._event_key = f"{symbol}|last event"
        self._parts = RejectedParts(bound)
        self._started = self._is_compared = False
        self._is_unstorable = False  # the snapshot does not fit the columns: trades alone are kept
        self._next_seq = self._rejected_since = 0

    def decode(self, frame: Frame) -> DecodedFrame:
        """Turn a frame into a `book` (or `heartbeat`) message, and `trade` and `ledger` ones.

        Raises:
            RejectedFrame: it is not a Gemini v1 frame, or one of its changes makes no sense; the
                next frame then ends the book.
        """
        self._parts.clear()
        try:
            payload = self._parse(frame.data)
            changes, trades, auctions = self._events_of(payload, frame)
        except RejectedFrame:
            self._rejected_since += 1
            raise
        between = self._gap_between_connections(payload, frame)
        gap = self._gap_in_sequence(payload.socket_sequence, frame)
        self._keep_book(payload.socket_sequence, changes)
        messages = [message for message in (between, gap) if message]
        messages.append(self._message(payload, frame, kind=_kind(payload), events=changes))
        messages += self._new_trades(payload, frame, trades)
        if auctions:
            messages.append(self._message(payload, frame, kind="auction", events=tuple(auctions)))
        decoded = DecodedFrame(messages=tuple(messages), resync=gap is not None)
        return self._parts.complete(decoded)

    def _parse(self, data: bytes) -> Update | V1Heartbeat:
        try:
            return frame_decoder.decode(data)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return self._parse_unknown(data)

    def _parse_unknown(self, data: bytes) -> Update:
        """Read a frame that holds kinds of events not known here, which are counted."""
        kind = parse(kind_decoder.decode, data).type
        if kind == "heartbeat":
            parse(frame_decoder.decode, data)
        frame = parse(numbered_decoder.decode, data)
        events: list[V1Event] = []
        for raw in frame.events if kind == "update" else ():
            name = parse(kind_decoder.decode, bytes(raw)).type
            if name in APART:
                events += self._parts.read_each([bytes(raw)], _parse_event)
            elif name == "change":
                events.append(_parse_event(bytes(raw)))
            else:
                self.ignored[name[:40]] += 1
        if kind != "update":
            self.ignored[kind[:40]] += 1
        elif len(events) == len(frame.events):
            parse(frame_decoder.decode, data)
        return Update(frame.eventId, frame.socket_sequence, tuple(events), frame.timestampms)

    def _events_of(
        self, payload: Update | V1Heartbeat, frame: Frame
    ) -> tuple[tuple[BookChange, ...], list[Trade], list[Auction]]:
        if isinstance(payload, V1Heartbeat):
            return (), [], []
        changes = [event for event in payload.events if isinstance(event, BookChange)]
        v1_trades = [event for event in payload.events if isinstance(event, AnyTrade)]
        v1_auctions = [event for event in payload.events if isinstance(event, AuctionEvent)]
        trades = self._parts.read_each(
            v1_trades, lambda v1_trade: self._trade_of(v1_trade, payload, frame)
        )
        auctions = self._parts.read_each(
            v1_auctions, lambda v1_auction: v1_auction.read(frame, self._parts)
        )
        return self._numbered_changes(changes, payload), trades, auctions

    def _numbered_changes(
        self, changes: list[BookChange], update: Update
    ) -> tuple[BookChange, ...]:
        """The changes; none of a snapshot that no column takes, as another would not fit either.

        Raises:
            RejectedFrame: one makes no sense.
        """
        number = partial(_numbered_change, update.eventId)
        if self._is_unstorable:
            return tuple(self._parts.read_each(changes, number))
        try:
            return tuple(map(number, changes))
        except RejectedFrame as rejection:
            if self._started or update.socket_sequence or rejection.reason not in UNSTORABLE:
                raise
            self._is_unstorable = True
            self._parts.add(rejection)
            return ()

    def _trade_of(self, v1_trade: AnyTrade, update: Update, frame: Frame) -> Trade:
        require_positive_pair(v1_trade.price, v1_trade.amount)
        if update.timestampms is None:
            raise RejectedFrame("wrong_type", "a trade without timestampms")
        maker = BLOCK if isinstance(v1_trade, V1BlockTrade) else v1_trade.makerSide
        trade_id = update.eventId if v1_trade.tid is None else v1_trade.tid
        return Trade(
            trade_id=str(trade_id),
            price=v1_trade.price,
            quantity=v1_trade.amount,
            side=_AGGRESSOR.get(maker),
            traded_at=self._parts.require_time(update.timestampms * 1000, frame),
            condition=CONDITIONS.get(maker),
            block_trade_id=str(trade_id) if maker == BLOCK else None,
        )

    def _new_trades(
        self, payload: Update | V1Heartbeat, frame: Frame, trades: list[Trade]
    ) -> list[Message]:
        """A message of the trades not published yet, after the ledger entries of their ids."""
        messages, new = [], []
        for trade in trades:
            trade_id, is_late = int(trade.trade_id), trade.condition == BLOCK
            take = self._ids.take_late if is_late else self._ids.take
            entries = take(trade_id, trade.traded_at)
            if entries is None:
                self.ignored["repeated"] += 1
                continue
            new.append(trade)
            messages += [
                self._message(payload, frame, kind="ledger", events=(entry,)) for entry in entries
            ]
        if new:
            messages.append(self._message(payload, frame, kind="trade", events=tuple(new)))
        return messages

    def _gap_in_sequence(self, seq: int, frame: Frame) -> Message | None:
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
        return self._ledger_message(entry, frame, seq=(seq, seq))

    def _gap_between_connections(
        self, payload: Update | V1Heartbeat, frame: Frame
    ) -> Message | None:
        """The trades that may have been made since the connection before."""
        if isinstance(payload, V1Heartbeat):
            return None
        last = self.last_ids.get(self.symbol)
        last_event = self.last_ids.get(self._event_key, -1)
        self.last_ids[self._event_key] = payload.eventId
        is_compared, self._is_compared = self._is_compared, True
        if is_compared or last is None or payload.eventId <= max(last, last_event):
            return None
        first = max(last, last_event) + 1
        entry = LedgerEntry("gap", BETWEEN_CONNECTIONS, first, payload.eventId)
        return self._ledger_message(entry, frame, seq=None)

    def _ledger_message(
        self, entry: LedgerEntry, frame: Frame, *, seq: tuple[int, int] | None
    ) -> Message:
        return Message(
            venue=VENUE,
            symbol=self.symbol,
            kind="ledger",
            conn=self.conn,
            seq=seq,
            venue_time=None,
            received_time=frame.received_time,
            events=(entry,),
        )

    def _keep_book(self, seq: int, changes: tuple[BookChange, ...]) -> None:
        is_snapshot, self._started = seq == 0 and not self._started, True
        if is_snapshot and not self._is_unstorable:
            self.book.reset(changes)
            return
        for change in changes:
            self.book.apply(change)

    def _message(
        self,
        payload: Update | V1Heartbeat,
        frame: Frame,
        *,
        kind: str,
        events: tuple[Event, ...],
    ) -> Message:
        seq, time = payload.socket_sequence, payload.timestampms
        return Message(
            venue=VENUE,
            symbol=self.symbol,
            kind=kind,
            conn=self.conn,
            seq=(seq, seq),
            venue_time=None if time is None else self._parts.time_or_null(time * 1000, frame),
            received_time=frame.received_time,
            events=events,
            top=self.book.top() if kind in {"book", "heartbeat"} else None,
        )


def _kind(payload: Update | V1Heartbeat) -> str:
    return "heartbeat" if isinstance(payload, V1Heartbeat) else "book"


def _numbered_change(event_id: int, change: BookChange) -> BookChange:
    require_positive(change.price, PRICE_STEP)
    require_not_negative(change.remaining, QUANTITY_STEP, column="remaining")
    if change.delta is not None:
        require_not_negative(change.delta.copy_abs(), QUANTITY_STEP, column="delta")
    # Nobody else has seen the change yet: cheaper than copying it.
    msgspec.structs.force_setattr(change, "venue_event_id", event_id)
    return change


def _parse_event(data: bytes) -> V1Event:
    return parse(event_decoder.decode, data)
