"""Bare ways to bring records to the broker, as yardsticks: nothing of ours around them.

All are idempotent and wait for all replicas, with the feeds' own settings.
"""

import time
from collections.abc import Sequence

from confluent_kafka import Producer
from kafka import KafkaProducer
from kafka.record.default_records import DefaultRecordBatchBuilder

from include.bus.connection import MAX_REQUEST_BYTES, RECONNECT_OPTIONS
from include.bus.feed_producer import SETTINGS

Records = Sequence[tuple[str, bytes, bytes]]  # topic, key, value
BATCH_BYTES = 256 * 1024
FLUSH_S = 120


def time_librdkafka(bootstrap: str, records: Records) -> float:
    """Seconds from the first record to the last acknowledgement, none of them looked at."""
    producer = Producer(SETTINGS | {"bootstrap.servers": bootstrap, "compression.type": "lz4"})
    producer.list_topics(timeout=10)
    began = time.perf_counter()
    for topic, key, value in records:
        while True:
            try:
                producer.produce(topic, value, key)
                break
            except BufferError:
                producer.poll(0.01)
    producer.flush(FLUSH_S)
    return time.perf_counter() - began


def time_kafka_python(bootstrap: str, records: Records) -> float:
    """Seconds from the first record to the last acknowledgement."""
    producer = KafkaProducer(
        bootstrap_servers=bootstrap,
        enable_idempotence=True,
        acks="all",
        retries=float("inf"),
        linger_ms=5,
        batch_size=BATCH_BYTES,
        max_request_size=MAX_REQUEST_BYTES,
        **RECONNECT_OPTIONS,
    )
    try:
        for topic in {topic for topic, _, _ in records}:
            producer.partitions_for(topic)
        began = time.perf_counter()
        for topic, key, value in records:
            producer.send(topic, key=key, value=value)
        producer.flush(timeout=FLUSH_S)
        return time.perf_counter() - began
    finally:
        producer.close(timeout=5)


def time_batch_builder(records: Records) -> float:
    """Seconds of kafka-python's batch builder alone: what batches cost before they are sent."""
    began = time.perf_counter()
    builder = _builder()
    for _, key, value in records:
        if builder.size() > BATCH_BYTES:
            builder.build()
            builder = _builder()
        builder.append(0, 0, key, value, [])
    builder.build()
    return time.perf_counter() - began


def _builder() -> DefaultRecordBatchBuilder:
    return DefaultRecordBatchBuilder(
        magic=2,
        compression_type=0,
        is_transactional=False,
        producer_id=1,
        producer_epoch=0,
        base_sequence=0,
        batch_size=2 * BATCH_BYTES,
    )
