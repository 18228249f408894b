"""How many records came to each topic in each step of time, by the broker's index alone.

No record is read: the offsets that a partition had at two times differ by what came between them.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise

from kafka.errors import KafkaError

from include.bus.connection import open_consumer, partitions_of
from include.errors import Unreachable

MAX_STEPS = 60


def count_records(
    bootstrap: str, topics: Iterable[str], edges_ms: Sequence[int]
) -> dict[str, list[int]]:
    """Of each topic one number less than there are edges (ms since the epoch, rising).

    A record belongs to the step in which the broker's or producer's time of it lies; those that
    retention has removed are not counted.

    Raises:
        ValueError: there are more than 60 steps, or none.
        Unreachable: the broker does not answer.
    """
    if not 1 < len(edges_ms) <= MAX_STEPS + 1:
        raise ValueError(f"{len(edges_ms) - 1} steps: 1 to {MAX_STEPS} can be counted")
    names = list(topics)
    consumer = open_consumer(bootstrap)
    try:
        parts = partitions_of(consumer, names)
        ends = consumer.end_offsets(parts)
        columns = []
        for edge_ms in edges_ms:
            at_edge = consumer.offsets_for_times(dict.fromkeys(parts, edge_ms))
            columns.append(
                {at: at_edge[at].offset if at_edge.get(at) else ends[at] for at in parts}
            )
    except KafkaError as error:
        raise Unreachable(f"Kafka at {bootstrap}: {error!r}") from error
    finally:
        consumer.close()
    return {
        name: [
            sum(max(0, after[at] - before[at]) for at in parts if at.topic == name)
            for before, after in pairwise(columns)
        ]
        for name in names
    }
