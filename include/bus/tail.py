"""The newest records of topics: how far they got, for a writer that starts again."""

from collections.abc import Iterable, Iterator

from include.bus.consumer import Consumer, Record
from include.bus.topics import offset_ranges
from include.errors import Unreachable

_MAX_POLLS = 100


def read_tail(bootstrap: str, topics: Iterable[str], *, record_count: int) -> Iterator[Record]:
    """Each partition's newest records, at most so many, up to the end it has now.

    Raises:
        Unreachable: the broker does not answer, or does not give them in time.
    """
    names = sorted(topics)
    ranges = offset_ranges(bootstrap, names)
    starts = {at: max(first, end - record_count) for at, (first, end) in ranges.items()}
    consumer = Consumer(bootstrap, topics=names, offsets=starts)
    try:
        for _ in range(_MAX_POLLS):
            if all(consumer.offsets[at] >= end for at, (_, end) in ranges.items()):
                return
            yield from consumer.poll(0.2)
    finally:
        consumer.close()
    raise Unreachable(f"the newest records of {', '.join(names)} could not be read")
