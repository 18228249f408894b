"""How long the next message of a partition has been waiting for its reader."""

from collections.abc import Mapping

from kafka import TopicPartition
from kafka.errors import KafkaError

from include.bus.connection import Position, open_consumer
from include.errors import Unreachable

TRY_MS, TRIES = 500, 6


def stamped_ms(bootstrap: str, positions: Mapping[Position, int]) -> dict[Position, int]:
    """When the message at (or, if retention took it, after) each position was stamped.

    In ms since the epoch; a position at the end of its partition has no entry.

    Raises:
        Unreachable: the broker does not answer.
    """
    consumer = open_consumer(bootstrap)
    found: dict[Position, int] = {}
    try:
        parts = {at: TopicPartition(*at) for at in positions}
        ends = consumer.end_offsets(list(parts.values())) if parts else {}
        for at, part in parts.items():
            if positions[at] >= ends[part]:
                continue
            consumer.assign([part])
            consumer.seek(part, positions[at])
            for _ in range(TRIES):
                if batches := consumer.poll(timeout_ms=TRY_MS, max_records=1):
                    found[at] = next(iter(batches.values()))[0].timestamp
                    break
    except KafkaError as error:
        raise Unreachable(f"Kafka at {bootstrap}: {error!r}") from error
    finally:
        consumer.close()
    return found
