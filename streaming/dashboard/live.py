"""The shared picture of the market: bounded, in memory, filled from Kafka records.

Points lie on the market's own time; `…_seen` are wall-clock seconds, for ages alone.
"""

import threading
from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal

import msgspec

from include.bus import Record
from include.errors import WireError
from include.market import wire
from include.market.events import LedgerEntry, Message, Quote, Ticker, Top, Trade
from include.market.wire import TopicPartition
from include.trading.inputs import Signal
from streaming.dashboard.flow import Minutes
from streaming.dashboard.panels.books import Best
from streaming.dashboard.seconds import Seconds
from streaming.dashboard.trading import Trading

SECOND_US = 1_000_000
_SAME_CLOCK_US = 3600 * SECOND_US
_MOST = Decimal(10) ** 12
_LATEST_US = 4_102_444_800 * SECOND_US  # the year 2100


class _Measure(Signal, frozen=True):
    """A signal with the receipt (µs) of the message it was measured on, where it says one."""

    received_time: int | None = None


_signal: msgspec.json.Decoder[_Measure] = msgspec.json.Decoder(_Measure)


class _Book(msgspec.Struct, frozen=True):
    venue: str
    symbol: str
    kind: str
    venue_time: int | None
    received_time: int
    top: Top | None = None


_book: msgspec.json.Decoder[_Book] = msgspec.json.Decoder(_Book)


@dataclass
class Series:
    """What one venue says of one symbol. A `…_seen` of 0 means never.

    Mid prices and imbalances are the stream's own measures; a top of nothing is an invalid book.
    """

    keep_s: int
    price: float | None = None
    price_seen: float = 0.0
    trade_seen: float = 0.0
    book_seen: float = 0.0
    measure_seen: float = 0.0
    signal_seen: float = 0.0

    def __post_init__(self) -> None:
        self.prices: Seconds[float] = Seconds(self.keep_s)
        self.tops: Seconds[Best | None] = Seconds(self.keep_s)
        self.mids: Seconds[float] = Seconds(self.keep_s)
        self.imbalances: Seconds[float] = Seconds(self.keep_s)
        self.ratios: Seconds[float] = Seconds(self.keep_s)
        self.minutes = Minutes(self.keep_s // 60 + 1)


@dataclass
class Feed:
    """The last ledger entry of a venue and when its last frame was seen (wall clock)."""

    entry: str = ""
    cause: str = ""
    entry_seen: float = 0.0
    frame_seen: float = 0.0


@dataclass
class Live:
    """Everything that Kafka told; hold `lock` while reading. `clock_us` is the market clock."""

    keep_s: int
    clock_us: int = 0
    clock_seen: float = 0.0
    unreadable: int = 0
    reached: dict[TopicPartition, int] = field(default_factory=dict)
    feeds: dict[str, Feed] = field(default_factory=lambda: defaultdict(Feed))
    trading: Trading = field(default_factory=Trading)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def __post_init__(self) -> None:
        self.series: dict[tuple[str, str], Series] = {}
        self._skew_us = 0

    def of(self, venue: str, symbol: str) -> Series:
        """The series of a venue and symbol, begun if there is none."""
        return self.series.setdefault((venue, symbol), Series(self.keep_s))

    def take(self, record: Record) -> None:
        """Take a Kafka record in; one that cannot be read is counted and passed over."""
        seen = record.kafka_time_ms / 1000
        try:
            fact = _decoded(record)
        except (WireError, msgspec.MsgspecError, UnicodeDecodeError):
            with self.lock:
                self.unreadable += 1
            return
        with self.lock:
            self.reached[TopicPartition(record.topic, record.partition)] = record.offset + 1
            if isinstance(fact, _Measure):
                self._take_signal(fact, seen)
            elif isinstance(fact, _Book):
                self._take_book(fact, seen)
            elif record.topic.startswith("trading."):
                if fact.venue_time is None or 0 < fact.venue_time < _LATEST_US:
                    for event in fact.events:
                        self.trading.take(event, fact.venue_time)
            elif record.topic != "market.rejects":
                self._take_message(fact, seen)

    def _take_message(self, message: Message, seen: float) -> None:
        for event in message.events:
            if isinstance(event, LedgerEntry):
                feed = self.feeds[message.venue]
                feed.entry, feed.cause, feed.entry_seen = event.entry, event.cause, seen
                continue
            at = self._tick(message.venue, message.venue_time, message.received_time, seen)
            if isinstance(event, Trade):
                self._take_trade(self.of(message.venue, message.symbol), event, seen)
            elif isinstance(event, Ticker):
                _price(self.of(message.venue, message.symbol), event.last, at, seen)
            elif isinstance(event, Quote):
                symbol = f"{message.symbol.partition('-')[0]}-{event.currency}"
                _price(self.of(message.venue, symbol), event.price, at, seen)

    def _take_trade(self, series: Series, trade: Trade, seen: float) -> None:
        if not (_sound(trade.price) and _sound(trade.quantity)):
            self.unreadable += 1
            return
        _price(series, trade.price, trade.traded_at, seen)
        series.trade_seen = seen
        series.minutes.add(trade)

    def _take_book(self, book: _Book, seen: float) -> None:
        at = self._tick(book.venue, book.venue_time, book.received_time, seen)
        if book.kind == "heartbeat":
            return
        series, point = self.of(book.venue, book.symbol), None
        if book.top and all(map(_sound, msgspec.structs.astuple(book.top))):
            point = Best(float(book.top.bid), float(book.top.ask))
            series.book_seen = seen
        series.tops.put(at // SECOND_US, point)

    def _take_signal(self, signal: _Measure, seen: float) -> None:
        series, value = self.of(signal.venue, signal.symbol), signal.value
        if signal.type == "price_volume" and _sound(value):
            series.ratios.put(signal.timestamp // SECOND_US, float(value))
            series.signal_seen = seen
            return
        told = signal.timestamp == signal.received_time  # the venue gave no time
        second = (signal.timestamp + (self._skew_us if told else 0)) // SECOND_US
        if signal.type == "mid_price" and _sound(value):
            series.mids.put(second, float(value))
            series.measure_seen = seen
        elif signal.type == "imbalance" and value.is_finite() and abs(value) <= 1:
            series.imbalances.put(second, float(value))
            series.measure_seen = seen

    def _tick(self, venue: str, venue_time: int | None, received: int, seen: float) -> int:
        """Advance the market clock; the market time of an event, also if the venue gave none."""
        self.feeds[venue].frame_seen = max(self.feeds[venue].frame_seen, seen)
        if venue_time is not None and not 0 < venue_time < _LATEST_US:
            self.unreadable += 1
            return self.clock_us
        if venue_time is not None:
            skew = venue_time - received
            self._skew_us = skew if abs(skew) > _SAME_CLOCK_US else 0
            self.clock_us = venue_time
        elif not self._skew_us and 0 < received < _LATEST_US:
            self.clock_us = received
        self.clock_seen = max(self.clock_seen, seen)
        return venue_time if venue_time is not None else received + self._skew_us


def _decoded(record: Record) -> _Measure | _Book | Message:
    if record.topic == "market.signals":
        return _signal.decode(record.value)
    if record.topic == "market.book":
        return _book.decode(record.value)
    return wire.decode(record.value)


def _price(series: Series, price: Decimal, at: int, seen: float) -> None:
    if _sound(price):
        series.price, series.price_seen = float(price), seen
        series.prices.put(at // SECOND_US, float(price))


def _sound(number: Decimal) -> bool:
    return number.is_finite() and 0 < number < _MOST
