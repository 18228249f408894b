"""The newest records of a topic, and those that come: filtered, for a person to read."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from include.bus.consumer import Consumer, Record
from include.bus.topics import offset_ranges
from include.errors import QueryError, shorten
from include.market.time import from_epoch_us
from include.market.wire import TopicPartition

POLL_S = 0.5
FIELDS, TEXT = ("venue", "symbol", "kind", "type"), "text"
SHOWN_VALUE = 160  # characters of a record that is no JSON object
SHOWN_EVENTS = 3
SEARCHED = 10_000
"""Records before the end of each partition in which a filter looks."""


@dataclass(frozen=True)
class RecordFilter:
    """Which records are shown: those with these values of the message, and with these texts."""

    values: Mapping[str, str] = field(default_factory=dict)
    texts: tuple[str, ...] = ()

    def takes(self, record: Record) -> bool:
        """Whether the record is shown."""
        message = read_object(record) if self.values else {}
        return all(message.get(name) == value for name, value in self.values.items()) and all(
            text.encode() in record.value for text in self.texts
        )


def parse_filter(conditions: Iterable[str]) -> RecordFilter:
    """The filter of conditions such as `venue=binance`; `text=` looks in the whole record.

    Raises:
        QueryError: a condition is none, or names what no message has.
    """
    values: dict[str, str] = {}
    texts: list[str] = []
    for condition in conditions:
        name, equals, value = condition.partition("=")
        if not equals or name not in {*FIELDS, TEXT}:
            names = ", ".join(f"{name}=" for name in (*FIELDS, TEXT))
            raise QueryError(f"{shorten(condition)!r} is no filter: it begins with one of {names}")
        if name == TEXT:
            texts.append(value)
        else:
            values[name] = value
    return RecordFilter(values, tuple(texts))


@dataclass(frozen=True)
class Beginning:
    """Where to begin: so many records before the end of each partition, or an offset of it.

    Without `partition` it is every partition. With `searched` the `last` are those that pass a
    filter, of so many before the end.
    """

    last: int = 10
    offset: int | None = None
    partition: int | None = None
    searched: int = 0

    def offset_in(self, part: TopicPartition, offset_range: tuple[int, int]) -> int:
        """The first offset to read of a partition that keeps these (first and next).

        Raises:
            QueryError: the partition does not keep the offset.
        """
        first, end = offset_range
        if self.offset is None:
            return max(first, end - max(self.last, self.searched))
        if not first <= self.offset <= end:
            raise QueryError(f"{part} keeps offsets {first} to {end - 1}, not {self.offset}")
        return self.offset


def read_object(record: Record) -> Mapping[str, Any]:
    """The JSON object that a record holds; empty if it holds none."""
    try:
        decoded = msgspec.json.decode(record.value)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}
    return decoded if isinstance(decoded, dict) else {}


def describe_record(record: Record) -> dict[str, Any]:
    """All of the record, for JSON; contents that are no JSON object are given as text."""
    return {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "kafka_time": _read_stamp(record),
        "key": record.key.decode(errors="replace"),
        "message": dict(read_object(record)) or record.value.decode(errors="replace"),
    }


def describe_briefly(record: Record) -> str:
    """The record in one line: where it lies, when, what it is of, and its events."""
    message = read_object(record)
    record_id = f"{record.topic}/{record.partition}@{record.offset}"
    if not message:
        return f"{record_id}  {record.value[:SHOWN_VALUE]!r}"
    received_at = _read_time(message.get("received_time"))
    at = f"{received_at:%Y-%m-%d %H:%M:%S.%f}" if received_at else "-"
    names = ("venue", "symbol", "kind", "type", "value")
    values = " ".join(str(message[name]) for name in names if message.get(name) is not None)
    events = message.get("events")
    events = events if isinstance(events, list) else []
    events_text = msgspec.json.encode(events[:SHOWN_EVENTS]).decode() if events else ""
    hidden_count = len(events) - SHOWN_EVENTS
    more = f" and {hidden_count} more" if hidden_count > 0 else ""
    return f"{record_id}  {at}  {values}  {events_text}{more}".rstrip()


def _read_stamp(record: Record) -> str | None:
    stamped_at = _read_time(record.kafka_time_ms * 1000) if record.kafka_time_ms >= 0 else None
    return stamped_at.isoformat() if stamped_at else None


def _read_time(epoch_us: object) -> datetime | None:
    """The time of so many microseconds; null where that is none of the years 1 to 9999."""
    try:
        return from_epoch_us(epoch_us) if isinstance(epoch_us, int) else None
    except OverflowError:
        return None


class _NewestRecords:
    """Of the records before the ends that pass a filter, the last ones of each partition."""

    def __init__(self, ends: Mapping[TopicPartition, int], beginning: Beginning) -> None:
        self._ends = ends if beginning.searched and beginning.offset is None else {}
        self._records = {part: deque[Record](maxlen=beginning.last) for part in self._ends}

    def collect(self, record: Record) -> bool:
        """Whether the record is one of them, to be taken later."""
        part = TopicPartition(record.topic, record.partition)
        if record.offset >= self._ends.get(part, 0):
            return False
        self._records[part].append(record)
        return True

    def take(self) -> Iterator[Record]:
        """Those that were collected, oldest first; there are none of them afterwards."""
        records = [record for queue in self._records.values() for record in queue]
        for queue in self._records.values():
            queue.clear()
        yield from sorted(records, key=lambda record: record.kafka_time_ms)


def browse_records(
    bootstrap: str,
    topic: str,
    beginning: Beginning,
    *,
    record_filter: RecordFilter,
    follow: bool = False,
    is_stopped: Callable[[], bool] = lambda: False,
) -> Iterator[Record]:
    """The records of a topic from the beginning on that pass the filter; with `follow` new ones.

    Raises:
        QueryError: the topic has no such partition, or does not keep that offset.
        Unreachable: the broker does not answer.
    """
    ranges = offset_ranges(bootstrap, [topic])
    number = beginning.partition
    chosen = {part for part in ranges if number in {None, part.partition}}
    if not chosen:
        numbers = ", ".join(str(part.partition) for part in sorted(ranges))
        raise QueryError(f"{topic} has no partition {number}; it has {numbers}")
    ends = {part: ranges[part][1] for part in chosen}
    starts = {part: beginning.offset_in(part, ranges[part]) for part in chosen}
    newest = _NewestRecords(ends, beginning)
    others = {part: end for part, (_, end) in ranges.items() if part not in chosen}
    with closing(Consumer(bootstrap, topics=[topic], offsets=others | starts)) as consumer:
        while not is_stopped() and (follow or _has_more(consumer, ends)):
            for record in consumer.poll(POLL_S):
                end = ends.get(TopicPartition(record.topic, record.partition), 0)
                is_due = end > 0 and (follow or record.offset < end)
                if is_due and record_filter.takes(record) and not newest.collect(record):
                    yield from newest.take()
                    yield record
            if not _has_more(consumer, ends):
                yield from newest.take()
        yield from newest.take()


def _has_more(consumer: Consumer, ends: Mapping[TopicPartition, int]) -> bool:
    """Whether records before the ends are still to be read."""
    return any(consumer.offsets[part] < end for part, end in ends.items())
