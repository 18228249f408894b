"""Followers: from records of market.signals and market.book to signals with their tops.

`windows` follows the liquidity of each window, on the message that `window_signals` chooses,
`imbalances` the first imbalance of each sampling interval; `depth` keeps the price
levels that an order may reach.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple, Protocol

from include.bus import Record, TopicPartition
from include.market.time import EARLIEST_US, LATEST_US, believed_receipt, is_believable
from include.trading.inputs import RecordId, SeenTop, Signal


class Moment(NamedTuple):
    """A signal, its Kafka record, and the top of the book that belongs to it (null: none)."""

    signal: Signal
    record_id: RecordId | None
    top: SeenTop | None


class Follower(Protocol):
    """Takes records in, gives each signal with the top of the book that belongs to it."""

    unreadable: int

    def take(self, record: Record) -> None:
        """Take a record of market.signals or market.book in; junk is counted."""

    def next(self, offsets: Mapping[TopicPartition, int]) -> Moment | None:
        """The next signal with its top; null while that is not known.

        `offsets` are how far the topics were read.
        """

    def resume_at(self, offsets: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
        """The offsets from which a restarted trader sees the same."""


def receipt_of(record: Record, received_us: int) -> int:
    """A message's time of receipt (µs) as far as Kafka's stamp lets it be believed."""
    return believed_receipt(received_us, record.kafka_time_ms * 1000)


def is_signal_believable(record: Record, signal: Signal) -> bool:
    """Whether a signal's times are such that its record may have them."""
    stamp_us, end_us = record.kafka_time_ms * 1000, max(signal.window_start, signal.timestamp)
    if not EARLIEST_US <= stamp_us < LATEST_US:
        return True
    return EARLIEST_US <= signal.window_start and is_believable(end_us, stamp_us)


def record_id_of(record: Record) -> RecordId:
    """Topic, partition and offset of a record."""
    return RecordId(record.topic, record.partition, record.offset)


def rewind(
    offsets: Mapping[TopicPartition, int], unfinished: Iterable[RecordId]
) -> dict[TopicPartition, int]:
    """The offsets moved back to the earliest of the unfinished records of each partition."""
    earliest = dict(offsets)
    for record_id in unfinished:
        partition = TopicPartition(record_id.topic, record_id.partition)
        earliest[partition] = min(earliest.get(partition, record_id.offset), record_id.offset)
    return earliest
