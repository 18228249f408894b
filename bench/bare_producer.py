"""The bare kafka-python producer, as a yardstick: the same settings, nothing of ours around it."""

import time
from collections.abc import Callable, Sequence

from kafka import KafkaProducer

from include.bus.connection import MAX_REQUEST_BYTES, PATIENT

Records = Sequence[tuple[str, bytes, bytes]]


def seconds_to_publish(
    bootstrap: str, records: Records, *, clock: Callable[[], float] = time.perf_counter
) -> float:
    """Seconds from the first send to the last acknowledgement of (topic, key, value) records.

    With `time.process_time` they are those of the processor, which others' work lengthens little.
    """
    producer = KafkaProducer(
        bootstrap_servers=bootstrap,
        enable_idempotence=True,
        acks="all",
        retries=float("inf"),
        linger_ms=5,
        batch_size=256 * 1024,
        max_request_size=MAX_REQUEST_BYTES,
        **PATIENT,
    )
    try:
        for topic in {topic for topic, _, _ in records}:
            producer.partitions_for(topic)
        began = clock()
        for topic, key, value in records:
            producer.send(topic, key=key, value=value)
        producer.flush(timeout=120)
        return clock() - began
    finally:
        producer.close(timeout=5)
