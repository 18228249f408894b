"""The liquidity of each window as it comes from Kafka, with the top that the window ended with.

Books and signals lie on different topics, so the top of a window is known once a later one was
read, or once the book's topic was read to the end it had when the signal came.
"""

from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

import msgspec

from include.bus import Record, TopicPartition
from include.market.events import INITIAL, BookChange, Top
from include.market.time import CLOCK_AHEAD_US, MINUTE_US, SECOND_US, clock_time, is_believable
from include.market.tops import TopMessage, is_sane, is_sane_top
from include.market.wire import Topic
from include.trading.inputs import RecordId, SeenTop, Signal
from streaming.trader.followers import (
    Moment,
    is_signal_believable,
    receipt_of,
    record_id_of,
    rewind,
)
from streaming.trader.followers.depth import Depth
from streaming.trader.followers.window_signals import KINDS, WindowSignals

# Four hours of a top a second: the windows of older ones are too late to be traded.
MAX_TOPS = 4 * 3600
# A market that showed no top for so long is not decided on, minute after minute.
LONGEST_SILENCE_US = 60 * MINUTE_US
EndOffsets = Callable[[], Mapping[TopicPartition, int]]


class _ChangedSide(msgspec.Struct, frozen=True):
    """Which side a change of the book is of, and why it came."""

    side: str = ""
    reason: str | None = None


class _BookMessage(TopMessage, frozen=True):
    """A message of market.book with the sides that it changes."""

    events: tuple[_ChangedSide, ...] = ()


class _DeepMessage(TopMessage, frozen=True):
    """A message of market.book with its price levels."""

    events: tuple[BookChange, ...] = ()


_signal: msgspec.json.Decoder[Signal] = msgspec.json.Decoder(Signal, strict=True)
_book: msgspec.json.Decoder[_BookMessage] = msgspec.json.Decoder(_BookMessage)
_deep: msgspec.json.Decoder[_DeepMessage] = msgspec.json.Decoder(_DeepMessage)


class BookMessage(NamedTuple):
    """What counts of a message of market.book; `venue_time` (µs) is null of a snapshot.

    `sides` are those that it changes; `changes` are given where levels count.
    """

    venue_time: int | None
    received_time: int
    conn: str
    top: Top | None
    record_id: RecordId
    sides: Collection[str] = ()
    changes: Sequence[BookChange] = ()


class _Top(msgspec.Struct, frozen=True):
    """A top with its connection, and the one that the first top of its second came by.

    `ahead_us` is how far its venue time is ahead of its receipt.
    """

    top: SeenTop
    conn: str
    first_conn: str
    ahead_us: int

    def is_wrong_beside(self, later: "_Top") -> bool:
        """Whether its time was wrong, by a later one that is before it and not so far ahead."""
        is_before = later.top.venue_time < self.top.venue_time
        is_far = self.ahead_us > CLOCK_AHEAD_US + max(later.ahead_us, 0)
        return is_before and is_far


class WindowFollower:
    """One symbol's windows and tops in the order of their topics.

    Of the tops of one second only the last is kept, since windows end on whole seconds. A top
    whose venue time is before that of an earlier one is left out, or the earlier one if its time
    was wrong; so is one far ahead of its receipt. While no signal comes, the newest `MAX_TOPS` are
    kept.
    """

    def __init__(
        self, signals: WindowSignals, *, key: bytes, end_offsets: EndOffsets, depth: Depth | None
    ) -> None:
        """`end_offsets` gives how far market.book reaches now; with `depth` tops have levels.

        `key` is that of the symbol's records.
        """
        self._signals, self._key = signals, key
        self._depth, self._end_offsets = depth, end_offsets
        self._tops: deque[_Top] = deque()
        self._latest: _Top | None = None
        self._clock_us = 0
        self._snapshots: deque[RecordId] = deque()
        self._until: Mapping[TopicPartition, int] | None = None
        self.unreadable = 0

    def take(self, record: Record) -> None:
        """Take a record of either topic in."""
        if record.key != self._key:
            return
        try:
            if record.topic == Topic.SIGNALS:
                self._take_signal(record)
            elif record.topic == Topic.BOOK:
                self._take_book(record)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            self.unreadable += 1

    def next(self, offsets: Mapping[TopicPartition, int]) -> Moment | None:
        """The next window with the top it ended with; null while either is not known.

        `offsets` are how far the topics were read.
        """
        while head := self._signals.head(is_book_read=lambda: self._is_read(offsets)):
            signal, record_id = head
            if not self._is_past(signal.timestamp, offsets):
                return None
            self._signals.pop()
            self._until = None
            top = self._top_at(signal.timestamp)
            if record_id is not None:
                return Moment(signal, record_id, top)
            if top and signal.window_start - top.venue_time <= LONGEST_SILENCE_US:
                return Moment(signal, None, self._confirm(top, signal.timestamp))
            if self._tops:  # there is nothing to decide on before it
                self._signals.skip_to(max(signal.timestamp, self._tops[0].top.venue_time))
        return None

    def resume_at(self, offsets: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
        """The offsets from which a restarted trader sees the same: nothing undone is behind."""
        unfinished = self._signals.unfinished_records()
        earliest = self._latest or (self._tops[0] if self._tops else None)
        oldest = earliest.top.record_id if earliest else None
        unfinished += [oldest] if oldest else []
        unfinished += list(self._snapshots_since(oldest))[:1]
        return rewind(offsets, unfinished)

    def take_message(self, book_message: BookMessage) -> None:
        """Take a book message in; one of a time far ahead of its receipt is only counted."""
        time_us = book_message.venue_time
        if time_us is not None and not is_believable(time_us, book_message.received_time):
            self.unreadable += 1
            return
        last = self._tops[-1].top if self._tops else None
        if last and (time_us is None or _second(time_us) > _second(last.venue_time)):
            self._fix_levels()
        if self._depth and self._depth.apply(book_message.changes, top=book_message.top):
            self._snapshots.append(book_message.record_id)
        if time_us is not None:
            clock_us = clock_time(time_us, book_message.received_time)
            self._clock_us = max(self._clock_us, clock_us)
            self._signals.observe(time_us, book_message.sides, clock_us=clock_us)
            self._append_top(_make_top(book_message, time_us))

    def begin(self, start: int) -> None:
        """Begin with the window that begins then (µs), if none was seen so far."""
        self._signals.begin(start)

    def append_signal(self, signal: Signal, record_id: RecordId) -> None:
        """Take a signal in."""
        self._signals.add(signal, record_id)
        self._until = None

    def _take_signal(self, record: Record) -> None:
        signal = _signal.decode(record.value)
        if signal.type not in KINDS:
            return
        if is_sane(signal.value) and is_signal_believable(record, signal):
            self.append_signal(signal, record_id_of(record))
        else:
            self.unreadable += 1

    def _take_book(self, record: Record) -> None:
        message = (_deep if self._depth else _book).decode(record.value)
        top = message.top
        if top and not is_sane_top(top):
            self.unreadable += 1
            return
        self.take_message(
            BookMessage(
                message.venue_time,
                receipt_of(record, message.received_time),
                message.conn,
                top,
                record_id_of(record),
                _changed_sides(message.events),
                message.events if isinstance(message, _DeepMessage) else (),
            )
        )

    def _append_top(self, dated: _Top) -> None:
        while self._tops and self._tops[-1].is_wrong_beside(dated):
            self._tops.pop()
        last = self._tops[-1] if self._tops else None
        before, time_us = last or self._latest, dated.top.venue_time
        if before is not None and time_us < before.top.venue_time:
            return
        if last and _second(last.top.venue_time) == _second(time_us):
            self._tops[-1] = msgspec.structs.replace(dated, first_conn=last.first_conn)
        else:
            self._tops.append(dated)
        if len(self._tops) > MAX_TOPS:
            self._latest = self._tops.popleft()

    def _top_at(self, window_end: int) -> SeenTop | None:
        """The top that a window ended with; tops before it are forgotten."""
        self._fix_levels()
        while self._tops and self._tops[0].top.venue_time <= window_end:
            self._latest = self._tops.popleft()
        latest = self._latest.top if self._latest else None
        return latest if latest and latest.venue_time <= window_end else None

    def _confirm(self, top: SeenTop, window_end: int) -> SeenTop:
        """The top of a silent window: unchanged to its end if its connection went on after it."""
        later, latest = self._tops[0] if self._tops else None, self._latest
        if later is None or latest is None or later.first_conn != latest.conn:
            return top
        return msgspec.structs.replace(top, unchanged_until=window_end)

    def _fix_levels(self) -> None:
        """Give the last top the levels that the book has now; later changes are of later tops."""
        last = self._tops[-1] if self._tops else None
        if self._depth and last and last.top.best and not last.top.bids:
            best = last.top.best
            bids, asks = self._depth.bids(best), self._depth.asks(best)
            top = msgspec.structs.replace(last.top, bids=bids, asks=asks)
            self._tops[-1] = msgspec.structs.replace(last, top=top)

    def _snapshots_since(self, oldest: RecordId | None) -> deque[RecordId]:
        """The records of snapshots, from the one on that the levels of a top build on."""
        if oldest:
            while len(self._snapshots) > 1 and self._snapshots[1].offset <= oldest.offset:
                self._snapshots.popleft()
        return self._snapshots

    def _is_past(self, window_end: int, offsets: Mapping[TopicPartition, int]) -> bool:
        return self._clock_us > window_end or self._is_read(offsets)

    def _is_read(self, offsets: Mapping[TopicPartition, int]) -> bool:
        """Whether the book was read to the end that it had when the newest signal came."""
        if self._until is None:
            self._until = self._end_offsets()
        return all(offsets.get(partition, 0) >= end for partition, end in self._until.items())


def _changed_sides(events: Sequence[_ChangedSide | BookChange]) -> set[str]:
    """The sides whose liquidity changed; a snapshot is state and changes none."""
    if events and events[0].reason == INITIAL:
        return set()
    return {event.side for event in events}


def _make_top(book_message: BookMessage, time_us: int) -> _Top:
    top = SeenTop(venue_time=time_us, best=book_message.top, record_id=book_message.record_id)
    conn = book_message.conn
    return _Top(top, conn, conn, ahead_us=time_us - book_message.received_time)


def _second(time_us: int) -> int:
    """The first whole second at or after a time."""
    return -(-time_us // SECOND_US)
