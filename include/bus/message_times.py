"""When messages were stamped: how long the next one of a partition waits for its reader."""

from collections.abc import Mapping

from kafka import TopicPartition as KafkaPartition
from kafka.errors import KafkaError

from include.bus.connection import open_consumer
from include.errors import Unreachable
from include.market.wire import TopicPartition

POLL_MS, POLLS = 500, 6


def message_times_ms(
    bootstrap: str, offsets: Mapping[TopicPartition, int]
) -> dict[TopicPartition, int]:
    """When the message at each offset (or the next one that retention left) was stamped.

    In ms since the epoch; the end of a partition has no entry.

    Raises:
        Unreachable: the broker does not answer.
    """
    consumer = open_consumer(bootstrap)
    times_ms: dict[TopicPartition, int] = {}
    try:
        ends = consumer.end_offsets([KafkaPartition(*at) for at in offsets]) if offsets else {}
        for at, end in ends.items():
            partition = TopicPartition(*at)
            if offsets[partition] >= end:
                continue
            consumer.assign([at])
            consumer.seek(at, offsets[partition])
            for _ in range(POLLS):
                if batches := consumer.poll(timeout_ms=POLL_MS, max_records=1):
                    times_ms[partition] = next(iter(batches.values()))[0].timestamp
                    break
    except KafkaError as error:
        raise Unreachable(f"Kafka at {bootstrap}: {error!r}") from error
    finally:
        consumer.close()
    return times_ms
