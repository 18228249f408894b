"""Liquidity ratios as they come from Kafka, each with the top that its window ended with.

Books and signals lie on different topics, so the top of a window is known once a later one was
read, or once the book's topic was read to the end it had when the signal came.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence

import msgspec

from include.bus import Record, TopicPartition
from include.market.events import BookChange, Top
from include.market.time import SECOND_US
from include.market.tops import TopMessage, decode_top, is_sane, is_sane_top
from include.market.wire import Topic
from include.trading.inputs import RecordId, SeenTop, Signal
from streaming.trader.followers import Moment, record_id_of, rewind
from streaming.trader.followers.depth import Depth

SIGNAL_TYPE = "price_volume"
# Four hours of a top a second: the windows of older ones are too late to be traded.
MOST_TOPS = 4 * 3600
EndOffsets = Callable[[], Mapping[TopicPartition, int]]


class _DeepMessage(TopMessage, frozen=True):
    """A message of market.book with its price levels."""

    events: tuple[BookChange, ...] = ()


_signal: msgspec.json.Decoder[Signal] = msgspec.json.Decoder(Signal, strict=True)
_deep: msgspec.json.Decoder[_DeepMessage] = msgspec.json.Decoder(_DeepMessage)


class WindowFollower:
    """One symbol's signals and tops in the order of their topics.

    Of the tops of one second only the last is kept, since windows end on whole seconds. A top
    whose venue time is before that of an earlier one is left out. While no signal comes, the newest
    `MOST_TOPS` are kept.
    """

    def __init__(
        self, *, venue: str, symbol: str, end_offsets: EndOffsets, depth: Depth | None = None
    ) -> None:
        """`end_offsets` gives how far market.book reaches now; with `depth` tops have levels."""
        self._depth, self._end_offsets = depth, end_offsets
        self._key = f"{venue}|{symbol}".encode()
        self._signals: deque[tuple[Signal, RecordId]] = deque()
        self._tops: deque[SeenTop] = deque()
        self._latest: SeenTop | None = None
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
        """The next signal with the top its window ended with; null while that is not known.

        `offsets` say how far the topics were read.
        """
        if not self._signals:
            return None
        signal, record_id = self._signals[0]
        if not self._is_past(signal.timestamp, offsets):
            return None
        self._signals.popleft()
        self._until = None
        self._fix_levels()
        while self._tops and self._tops[0].venue_time <= signal.timestamp:
            self._latest = self._tops.popleft()
        top = self._latest
        is_before_end = top is not None and top.venue_time <= signal.timestamp
        return Moment(signal, record_id, top if is_before_end else None)

    def resume_at(self, offsets: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
        """The offsets from which a restarted trader sees the same: nothing undone is behind."""
        unfinished = [record_id for _, record_id in self._signals]
        oldest = self._latest or (self._tops[0] if self._tops else None)
        unfinished += [oldest.record_id] if oldest and oldest.record_id else []
        unfinished += list(self._snapshots_since(oldest))[:1]
        return rewind(offsets, unfinished)

    def take_top(
        self,
        venue_time: int | None,
        top: Top | None,
        record_id: RecordId,
        *,
        changes: Sequence[BookChange] = (),
    ) -> None:
        """Take a book message in: its venue time (µs, null: a snapshot), top and changes."""
        last = self._tops[-1] if self._tops else None
        if self._depth:
            if last and (venue_time is None or _second(venue_time) > _second(last.venue_time)):
                self._fix_levels()
            if self._depth.apply(changes, top=top):
                self._snapshots.append(record_id)
        if venue_time is not None:
            self._append_top(SeenTop(venue_time=venue_time, best=top, record_id=record_id))

    def append_signal(self, signal: Signal, record_id: RecordId) -> None:
        """Take a signal in."""
        self._signals.append((signal, record_id))

    def _take_signal(self, record: Record) -> None:
        signal = _signal.decode(record.value)
        if signal.type != SIGNAL_TYPE:
            return
        if is_sane(signal.value):
            self.append_signal(signal, record_id_of(record))
        else:
            self.unreadable += 1

    def _take_book(self, record: Record) -> None:
        message = _deep.decode(record.value) if self._depth else decode_top(record.value)
        if message.top and not is_sane_top(message.top):
            self.unreadable += 1
            return
        changes = message.events if isinstance(message, _DeepMessage) else ()
        self.take_top(message.venue_time, message.top, record_id_of(record), changes=changes)

    def _append_top(self, top: SeenTop) -> None:
        before = self._tops[-1] if self._tops else self._latest
        if before is not None and top.venue_time < before.venue_time:
            return
        if self._tops and _second(self._tops[-1].venue_time) == _second(top.venue_time):
            self._tops[-1] = top
        else:
            self._tops.append(top)
        if len(self._tops) > MOST_TOPS:
            self._latest = self._tops.popleft()

    def _fix_levels(self) -> None:
        """Give the last top the levels that the book has now; later changes are of later tops."""
        last = self._tops[-1] if self._tops else None
        if self._depth and last and last.best and not last.bids:
            bids, asks = self._depth.bids(last.best), self._depth.asks(last.best)
            self._tops[-1] = msgspec.structs.replace(last, bids=bids, asks=asks)

    def _snapshots_since(self, top: SeenTop | None) -> deque[RecordId]:
        """The records of snapshots, from the one on that the levels of a top build on."""
        if top and top.record_id:
            while len(self._snapshots) > 1 and self._snapshots[1].offset <= top.record_id.offset:
                self._snapshots.popleft()
        return self._snapshots

    def _is_past(self, window_end: int, offsets: Mapping[TopicPartition, int]) -> bool:
        if self._tops and self._tops[-1].venue_time > window_end:
            return True
        if self._until is None:
            self._until = self._end_offsets()
        return all(offsets.get(partition, 0) >= end for partition, end in self._until.items())


def _second(time_us: int) -> int:
    """The first whole second at or after a time."""
    return -(-time_us // SECOND_US)
