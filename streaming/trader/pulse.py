"""Imbalances as they come from Kafka, the first of each pulse, with the book they were taken from.

The stream measures every book update and names the record it measured. Of the imbalances of one
pulse (a stretch of market time) the first is a signal, so that a busy book makes no more decisions
than a calm one; a repeat of it after a crash has the same pulse and is known by that.
"""

from collections import deque
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec

from include.bus import Record, TopicPartition
from include.market.events import Top
from include.trading.inputs import Place, SeenTop, Signal
from streaming.trader.market import BOOK, MOST, SIGNALS

KIND = "imbalance"
UNTIMED = frozenset({"binance"})  # its spot bookTicker has no time: that of receipt stands for it
MOST_TOPS = 50_000  # kept for measures that are still on their way


class _Measure(msgspec.Struct, frozen=True):
    """What the trader reads of a measure; `timestamp` is the book's time (µs)."""

    venue: str
    symbol: str
    type: str
    value: Decimal
    timestamp: int
    received_time: int
    source: Place


class _Book(msgspec.Struct, frozen=True):
    """What the trader reads of a market.book message; the levels are passed over."""

    venue_time: int | None
    received_time: int
    top: Top | None


_measure: msgspec.json.Decoder[_Measure] = msgspec.json.Decoder(_Measure)
_type: msgspec.json.Decoder[Any] = msgspec.json.Decoder(
    msgspec.defstruct("_Kind", [("type", str)], frozen=True)
)
_book: msgspec.json.Decoder[_Book] = msgspec.json.Decoder(_Book)


def book_time(venue: str, *, venue_time: int | None, received_time: int) -> int | None:
    """The market time of a book message (µs); null for one without, such as a snapshot."""
    return received_time if venue_time is None and venue in UNTIMED else venue_time


class PulseMarket:
    """One symbol's first imbalance of every pulse, with the top that has it."""

    def __init__(self, *, venue: str, symbol: str, pulse_us: int, last_window: int = -1) -> None:
        """`last_window` is the start of the last pulse that was decided (µs)."""
        self._venue, self._key = venue, f"{venue}|{symbol}".encode()
        self._pulse_us, self._last = pulse_us, last_window
        self._waiting: deque[tuple[Signal, Place, Place]] = deque()
        self._tops: deque[SeenTop] = deque(maxlen=MOST_TOPS)
        self.unreadable = 0

    def take(self, record: Record) -> None:
        """Take a record of either topic in."""
        if record.key != self._key:
            return
        place = Place(record.topic, record.partition, record.offset)
        try:
            if record.topic == BOOK:
                self._seen(_book.decode(record.value), place)
            elif record.topic == SIGNALS and _type.decode(record.value).type == KIND:
                self._measured(_measure.decode(record.value), place)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            self.unreadable += 1

    def next(
        self, positions: Mapping[TopicPartition, int]
    ) -> tuple[Signal, Place, SeenTop | None] | None:
        """The next signal with its top; null while the book's topic was not read so far.

        `positions` say how far the topics were read.
        """
        if not self._waiting:
            return None
        signal, place, source = self._waiting[0]
        if positions.get(TopicPartition(source.topic, source.partition), 0) <= source.offset:
            return None
        self._waiting.popleft()
        while self._tops and _before(self._tops[0].place, source):
            self._tops.popleft()
        found = self._tops[0] if self._tops and self._tops[0].place == source else None
        return signal, place, found

    def resume_at(self, positions: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
        """The offsets from which a restarted trader sees the same: nothing undone is behind.

        A measure of a book record that was read may still be on its way, so the tops that are
        kept are read again.
        """
        needed = [place for one in self._waiting for place in one[1:]]
        needed += [one.place for one in list(self._tops)[:1] if one.place]
        found = dict(positions)
        for place in needed:
            at = TopicPartition(place.topic, place.partition)
            found[at] = min(found.get(at, place.offset), place.offset)
        return found

    def _measured(self, told: _Measure, place: Place) -> None:
        if not (told.value.is_finite() and abs(told.value) <= 1):
            self.unreadable += 1
            return
        if told.timestamp == told.received_time and told.venue not in UNTIMED:
            return  # a snapshot: the time of receipt is no market time
        start = told.timestamp - told.timestamp % self._pulse_us
        if start > self._last:
            self._last = start
            signal = Signal(told.venue, told.symbol, KIND, told.value, told.timestamp, start)
            self._waiting.append((signal, place, told.source))
            return
        if not self._waiting:  # the stream is past these: no signal will ask for their tops
            while self._tops and _before(self._tops[0].place, told.source):
                self._tops.popleft()

    def _seen(self, book: _Book, place: Place) -> None:
        top = book.top
        at = book_time(self._venue, venue_time=book.venue_time, received_time=book.received_time)
        if at is None or top is None or not all(map(_sound, msgspec.structs.astuple(top))):
            return
        self._tops.append(SeenTop(venue_time=at, top=top, place=place))


def _before(place: Place | None, source: Place) -> bool:
    return (
        place is not None and place.partition == source.partition and (place.offset < source.offset)
    )


def _sound(number: Decimal) -> bool:
    return number.is_finite() and 0 <= number < MOST
