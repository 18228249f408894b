"""Signals of windows to market.signals at once, then into Delta; each once, whatever happens.

The state of a query's batches has how far market.signals reached before a batch. One that is run
again after a crash looks beyond that for what it had sent.
"""

import threading
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from include.bus import Producer, Record, offset_ranges
from include.bus.tail import read_from
from include.lake.signal_rows import insert_new
from include.market.signals import PublishedSignal
from include.market.wire import VERSION, Topic, TopicPartition
from include.settings import Settings
from include.trading.inputs import Signal

SignalKey = tuple[str, str, str, int]  # venue, symbol, type, window_start
_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Signal] = msgspec.json.Decoder(Signal)


class SignalPublisher:
    """Sends and inserts; `wakeup` is set when Delta has new rows."""

    def __init__(self, settings: Settings, *, query: str, wakeup: threading.Event) -> None:
        """Connect to Kafka.

        Raises:
            Unreachable: it does not answer.
        """
        self._settings, self._wakeup = settings, wakeup
        self._producer = Producer(settings.bootstrap, client_id=query, topics=[Topic.SIGNALS])
        self._sent_signals: frozenset[SignalKey] = frozenset()

    def resume(self, offsets: Mapping[int, int]) -> None:
        """Find what was sent since market.signals reached these offsets, by partition."""
        since = {TopicPartition(Topic.SIGNALS, part): offset for part, offset in offsets.items()}
        records = read_from(self._settings.bootstrap, [Topic.SIGNALS], offsets=since)
        self._sent_signals = frozenset(key for key in map(signal_key, records) if key is not None)

    def publish(self, signals: Sequence[PublishedSignal]) -> None:
        """Send signals, all but those that were sent before a crash, and insert them all.

        Raises:
            Unreachable: Kafka did not take them.
        """
        for signal in signals:
            if (*signal[:3], signal.window_start) not in self._sent_signals:
                key = f"{signal.venue}|{signal.symbol}".encode()
                self._producer.send(Topic.SIGNALS, key, encode(signal))
        self._producer.flush()
        self._insert(signals)

    def _insert(self, signals: Sequence[PublishedSignal]) -> None:
        insert_new(self._settings.lake, signals)
        self._sent_signals = frozenset()  # the batch that was run again is behind
        self._wakeup.set()


def signal_ends(settings: Settings) -> dict[int, int]:
    """How far market.signals reaches now, by partition."""
    ranges = offset_ranges(settings.bootstrap, [Topic.SIGNALS])
    return {at.partition: end for at, (_, end) in ranges.items()}


def encode(signal: PublishedSignal) -> bytes:
    """A signal as the value of a record: JSON, times in µs, the value as text."""
    fields: dict[str, Any] = {
        "v": VERSION,
        "venue": signal.venue,
        "symbol": signal.symbol,
        "type": signal.type,
        "value": f"{signal.value:.12f}",
        "timestamp": signal.window_end,
        "window_start": signal.window_start,
    }
    return _encoder.encode(fields)


def signal_key(record: Record) -> SignalKey | None:
    """Which signal a record is; null for one of a moment, and for junk."""
    try:
        signal = _decoder.decode(record.value)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    if signal.timestamp == signal.window_start:
        return None
    return signal.venue, signal.symbol, signal.type, signal.window_start
