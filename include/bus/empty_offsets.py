"""Offsets at which a topic-partition has no record to read: a transaction's markers and aborts."""

import time
from typing import Any

from kafka import TopicPartition as KafkaPartition
from kafka.errors import KafkaError

from include.bus.connection import open_consumer
from include.errors import Unreachable
from include.market.wire import OffsetHoles, OffsetRange, TopicPartition

QUIET_S = 5.0  # a reader that gets nothing for so long has no way past


def find_empty_offsets(
    bootstrap: str, spans: OffsetHoles
) -> dict[TopicPartition, list[OffsetRange]]:
    """The parts of these spans that Kafka still keeps and in which a reader is given nothing.

    Raises:
        Unreachable: the broker does not answer.
    """
    consumer = open_consumer(bootstrap)
    try:
        return {
            part: [empty for span in due_spans for empty in _read_span(consumer, part, *span)]
            for part, due_spans in spans.items()
        }
    except KafkaError as error:
        raise Unreachable(f"Kafka at {bootstrap}: {error!r}") from error
    finally:
        consumer.close()


def _read_span(consumer: Any, part: TopicPartition, first: int, end: int) -> list[OffsetRange]:
    """The parts without a record of one span, as far as Kafka keeps it."""
    at = KafkaPartition(*part)
    consumer.assign([at])
    due = max(first, consumer.beginning_offsets([at])[at])
    if due >= end:
        return []
    consumer.seek(at, due)
    empty, heard_at = [], time.monotonic()
    while due < end and time.monotonic() - heard_at < QUIET_S:
        for record in consumer.poll(timeout_ms=200).get(at, []):
            if record.offset > due:
                empty.append((due, min(record.offset, end)))
            due, heard_at = record.offset + 1, time.monotonic()
            if due >= end:
                break
        else:
            position = consumer.position(at)
            if position > due:  # behind markers at the end no record follows yet
                empty.append((due, min(position, end)))
                due, heard_at = position, time.monotonic()
    return empty
