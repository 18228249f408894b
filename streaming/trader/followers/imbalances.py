"""Imbalances from Kafka, the first of each sampling interval, with the book they were taken from.

The stream measures every book update and names the record it measured. Of the imbalances of one
interval (of market time) the first is a signal, so that a busy book makes no more decisions
than a quiet one; a repeat of it after a crash has the same interval and is known by that.
"""

from collections import deque
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec

from include.bus import Record, TopicPartition
from include.market.time import clock_time, is_believable
from include.market.tops import TopMessage, decode_top, is_sane_top
from include.market.venues import VENUES
from include.market.wire import Topic
from include.trading.inputs import RecordId, SeenTop, Signal
from streaming.trader.followers import Moment, receipt_of, record_id_of, rewind

SIGNAL_TYPE = "imbalance"
MAX_TOPS = 50_000  # kept for measures that are still on their way


class _ImbalanceMeasure(msgspec.Struct, frozen=True):
    """What the trader reads of a measure; `timestamp` is the book's time (µs)."""

    venue: str
    symbol: str
    type: str
    value: Decimal
    timestamp: int
    received_time: int
    source: RecordId


_measure: msgspec.json.Decoder[_ImbalanceMeasure] = msgspec.json.Decoder(_ImbalanceMeasure)
_type: msgspec.json.Decoder[Any] = msgspec.json.Decoder(
    msgspec.defstruct("_Type", [("type", str)], frozen=True)
)


def has_book_time(venue: str) -> bool:
    """Whether a venue's book messages carry its time; else that of receipt stands for it."""
    return venue not in VENUES or VENUES[venue].book_has_time


class ImbalanceFollower:
    """One symbol's first imbalance of every sampling interval, with the top that has it."""

    def __init__(self, *, venue: str, symbol: str, sampling_us: int, last_window: int = -1) -> None:
        """`last_window` is the start of the last interval that was decided (µs)."""
        self._key, self._has_book_time = f"{venue}|{symbol}".encode(), has_book_time(venue)
        self._sampling_us, self._last = sampling_us, last_window
        self._waiting: deque[tuple[Signal, RecordId, RecordId]] = deque()
        self._tops: deque[SeenTop] = deque(maxlen=MAX_TOPS)
        self.unreadable = 0

    def take(self, record: Record) -> None:
        """Take a record of either topic in."""
        if record.key != self._key:
            return
        try:
            if record.topic == Topic.BOOK:
                self._take_top(decode_top(record.value), record)
            elif record.topic == Topic.SIGNALS and _type.decode(record.value).type == SIGNAL_TYPE:
                self._take_measure(_measure.decode(record.value), record)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            self.unreadable += 1

    def next(self, offsets: Mapping[TopicPartition, int]) -> Moment | None:
        """The next signal with its top; null while the book's topic was not read so far.

        `offsets` are how far the topics were read.
        """
        if not self._waiting:
            return None
        signal, record_id, source = self._waiting[0]
        if offsets.get(TopicPartition(source.topic, source.partition), 0) <= source.offset:
            return None
        self._waiting.popleft()
        self._drop_tops_before(source)
        has_top = bool(self._tops) and self._tops[0].record_id == source
        return Moment(signal, record_id, self._tops[0] if has_top else None)

    def resume_at(self, offsets: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
        """The offsets from which a restarted trader sees the same: nothing undone is behind.

        A measure of a book record that was read may still be on its way, so the tops that are
        kept are read again.
        """
        unfinished = [record_id for _, *records in self._waiting for record_id in records]
        unfinished += [top.record_id for top in list(self._tops)[:1] if top.record_id]
        return rewind(offsets, unfinished)

    def _take_measure(self, measure: _ImbalanceMeasure, record: Record) -> None:
        is_sane = measure.value.is_finite() and abs(measure.value) <= 1
        received_us = receipt_of(record, measure.received_time)
        if not (is_sane and is_believable(measure.timestamp, received_us)):
            self.unreadable += 1
            return
        if measure.timestamp == measure.received_time and self._has_book_time:
            return  # a snapshot: the time of receipt is no market time
        at = clock_time(measure.timestamp, received_us)
        start = at - at % self._sampling_us
        if start > self._last:
            self._last = start
            signal = Signal(measure.venue, measure.symbol, SIGNAL_TYPE, measure.value, at, start)
            self._waiting.append((signal, record_id_of(record), measure.source))
        elif not self._waiting:  # the stream is past these: no signal will ask for their tops
            self._drop_tops_before(measure.source)

    def _take_top(self, top_message: TopMessage, record: Record) -> None:
        time_us = top_message.venue_time
        if time_us is None and not self._has_book_time:  # else it is a snapshot
            time_us = receipt_of(record, top_message.received_time)
        if time_us is not None and top_message.top is not None and is_sane_top(top_message.top):
            seen_top = SeenTop(time_us, best=top_message.top, record_id=record_id_of(record))
            self._tops.append(seen_top)

    def _drop_tops_before(self, source: RecordId) -> None:
        while self._tops and _is_before(self._tops[0].record_id, source):
            self._tops.popleft()


def _is_before(record_id: RecordId | None, source: RecordId) -> bool:
    return (
        record_id is not None
        and record_id.partition == source.partition
        and record_id.offset < source.offset
    )
