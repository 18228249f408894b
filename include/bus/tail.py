"""Records up to the end that topics have now: how far they got, for one that starts again."""

from collections.abc import Iterable, Iterator, Mapping

from include.bus.consumer import Consumer, Record
from include.bus.topics import offset_ranges
from include.errors import Unreachable
from include.market.wire import TopicPartition

_IDLE_POLLS = 100


def read_tail(bootstrap: str, topics: Iterable[str], *, record_count: int) -> Iterator[Record]:
    """Each partition's newest records, at most so many, up to the end it has now.

    Raises:
        Unreachable: the broker does not answer, or does not give them in time.
    """
    ranges = offset_ranges(bootstrap, topics := sorted(topics))
    starts = {at: max(first, end - record_count) for at, (first, end) in ranges.items()}
    ends = {at: end for at, (_, end) in ranges.items()}
    yield from _read(Consumer(bootstrap, topics=topics, offsets=starts), ends)


def read_from(
    bootstrap: str, topics: Iterable[str], *, offsets: Mapping[TopicPartition, int]
) -> Iterator[Record]:
    """The records from those offsets (absent ones: the beginning) up to the end there is now.

    Raises:
        Unreachable: as `read_tail`.
    """
    ranges = offset_ranges(bootstrap, topics := sorted(topics))
    starts = {
        at: min(max(first, offsets.get(at, first)), end) for at, (first, end) in ranges.items()
    }
    ends = {at: end for at, (_, end) in ranges.items()}
    yield from _read(Consumer(bootstrap, topics=topics, offsets=starts), ends)


def _read(consumer: Consumer, ends: Mapping[TopicPartition, int]) -> Iterator[Record]:
    idle = 0
    try:
        while any(consumer.offsets[at] < end for at, end in ends.items()):
            records = consumer.poll(0.2)
            idle = 0 if records else idle + 1
            if idle > _IDLE_POLLS:
                raise Unreachable("Kafka does not give the newest records of its topics")
            yield from records
    finally:
        consumer.close()
