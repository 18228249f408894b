"""Signals and tops as they come from Kafka, and which top a signal's window ended with.

Books and signals lie on different topics, so the top of a window is known once a later one was
read, or once the book's topic was read to the end it had when the signal came.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Protocol

import msgspec

from include.bus import Record, TopicPartition
from include.market.events import BookChange, Top
from include.trading.inputs import Place, SeenTop, Signal
from streaming.trader.depth import Depth

SIGNALS, BOOK = "market.signals", "market.book"
_SECOND_US = 1_000_000
MOST = Decimal(10) ** 12  # what the tables' money can hold
Ends = Callable[[], Mapping[TopicPartition, int]]


class _Book(msgspec.Struct, frozen=True):
    """What the trader reads of a market.book message; the levels are passed over."""

    venue: str
    symbol: str
    venue_time: int | None
    top: Top | None


class _Deep(_Book, frozen=True):
    """The same with its levels."""

    events: tuple[BookChange, ...]


_signal: msgspec.json.Decoder[Signal] = msgspec.json.Decoder(Signal, strict=True)
_book: msgspec.json.Decoder[_Book] = msgspec.json.Decoder(_Book)
_deep: msgspec.json.Decoder[_Deep] = msgspec.json.Decoder(_Deep)


class Follower(Protocol):
    """Takes records in, gives each signal with the top of the book that belongs to it."""

    unreadable: int

    def take(self, record: Record) -> None:
        """Take a record of market.signals or market.book in."""

    def next(
        self, positions: Mapping[TopicPartition, int]
    ) -> tuple[Signal, Place, SeenTop | None] | None:
        """The next signal with its top; null while that is not known."""

    def resume_at(self, positions: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
        """The offsets from which a restarted trader sees the same."""


class Market:
    """One symbol's signals and tops in the order of their topics.

    Of the tops of one second only the last is kept, since windows end on whole seconds. A top
    whose venue time is before that of an earlier one is left out.
    """

    def __init__(self, *, venue: str, symbol: str, ends: Ends, depth: Depth | None = None) -> None:
        """`ends` gives how far market.book reaches now; with `depth` tops have levels."""
        self._depth = depth
        self._venue, self._symbol, self._ends = venue, symbol, ends
        self._key = f"{venue}|{symbol}".encode()
        self._signals: deque[tuple[Signal, Place]] = deque()
        self._tops: deque[SeenTop] = deque()
        self._latest: SeenTop | None = None
        self._snapshots: deque[Place] = deque()
        self._until: Mapping[TopicPartition, int] | None = None
        self.unreadable = 0

    def take(self, record: Record) -> None:
        """Take a record of either topic in."""
        if record.key != self._key:
            return
        try:
            self._take(record)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            self.unreadable += 1

    def next(
        self, positions: Mapping[TopicPartition, int]
    ) -> tuple[Signal, Place, SeenTop | None] | None:
        """The next signal with the top its window ended with; null while that is not known.

        `positions` say how far the topics were read.
        """
        if not self._signals:
            return None
        signal, place = self._signals[0]
        if not self._passed(signal.timestamp, positions):
            return None
        self._signals.popleft()
        self._until = None
        self._freeze()
        while self._tops and self._tops[0].venue_time <= signal.timestamp:
            self._latest = self._tops.popleft()
        top = self._latest
        return signal, place, top if top and top.venue_time <= signal.timestamp else None

    def resume_at(self, positions: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
        """The offsets from which a restarted trader sees the same: nothing undone is behind."""
        needed = [place for _, place in self._signals]
        kept = self._latest or (self._tops[0] if self._tops else None)
        needed += [kept.place] if kept and kept.place else []
        needed += list(self._snapshots_since(kept))[:1]
        found = dict(positions)
        for place in needed:
            at = TopicPartition(place.topic, place.partition)
            found[at] = min(found.get(at, place.offset), place.offset)
        return found

    def _snapshots_since(self, kept: SeenTop | None) -> deque[Place]:
        """Where snapshots lie, from the one on that the levels of a top build on."""
        if kept and kept.place:
            while len(self._snapshots) > 1 and self._snapshots[1].offset <= kept.place.offset:
                self._snapshots.popleft()
        return self._snapshots

    def _passed(self, window_end: int, positions: Mapping[TopicPartition, int]) -> bool:
        if self._tops and self._tops[-1].venue_time > window_end:
            return True
        if self._until is None:
            self._until = self._ends()
        return all(positions.get(at, 0) >= end for at, end in self._until.items())

    def _take(self, record: Record) -> None:
        place = Place(record.topic, record.partition, record.offset)
        if record.topic == SIGNALS:
            signal = _signal.decode(record.value)
            if signal.type != "price_volume":
                return
            if _sound(signal.value):
                self.follow(signal, place)
            else:
                self.unreadable += 1
            return
        book = (_deep if self._depth else _book).decode(record.value)
        if book.top and not all(map(_sound, msgspec.structs.astuple(book.top))):
            self.unreadable += 1
        else:
            changes = book.events if isinstance(book, _Deep) else ()
            self.see(book.venue_time, book.top, place, changes=changes)

    def see(
        self, at: int | None, top: Top | None, place: Place, *, changes: Sequence[BookChange] = ()
    ) -> None:
        """Take a book message in: its venue time (µs, null: a snapshot), top and changes."""
        last = self._tops[-1] if self._tops else None
        if self._depth:
            if last and (at is None or _ends_at(at) > _ends_at(last.venue_time)):
                self._freeze()
            if self._depth.apply(changes, top=top):
                self._snapshots.append(place)
        if at is not None:
            self.keep(SeenTop(venue_time=at, top=top, place=place))

    def _freeze(self) -> None:
        """Give the last top the levels that the book has now; later changes are of later tops."""
        last = self._tops[-1] if self._tops else None
        if self._depth and last and last.top and not last.bids:
            bids, asks = self._depth.bids(last.top), self._depth.asks(last.top)
            self._tops[-1] = msgspec.structs.replace(last, bids=bids, asks=asks)

    def follow(self, signal: Signal, place: Place) -> None:
        """Take a signal in."""
        self._signals.append((signal, place))

    def keep(self, seen: SeenTop) -> None:
        """Take a top in."""
        before = self._tops[-1] if self._tops else self._latest
        if before is not None and seen.venue_time < before.venue_time:
            return
        if self._tops and _ends_at(self._tops[-1].venue_time) == _ends_at(seen.venue_time):
            self._tops[-1] = seen
        else:
            self._tops.append(seen)


def _sound(number: Decimal) -> bool:
    return number.is_finite() and 0 <= number < MOST


def _ends_at(time_us: int) -> int:
    """The first whole second at or after a time."""
    return -(-time_us // _SECOND_US)
