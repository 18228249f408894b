"""Kafka's messages as the count reads them, by a client of its own."""

import hashlib
import json
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from kafka import KafkaConsumer
from kafka import TopicPartition as KafkaPartition

from include.market.wire import TOPICS, VERSION, Offsets, Topic, TopicPartition

RecordId = tuple[str, int, int]  # topic, partition, offset
READ_WHOLE = frozenset((Topic.TRADES, Topic.LEDGER, Topic.DECISIONS))
LATEST_US = 4_102_444_800_000_000  # the year 2100: a message from there on belongs in quarantine
FROM_FIRST: Offsets = MappingProxyType({})


@dataclass(frozen=True)
class CountedMessage:
    """What the count needs of one message: `events` is null for bytes that are no message.

    `message` is that of trades, ledger entries and decisions alone: books are large.
    """

    digest: bytes
    events: int | None
    message: Mapping[str, Any] | None

    @property
    def event_indexes(self) -> list[int]:
        """Of its rows in its topic's table; none if it belongs in quarantine."""
        if self.events is None:
            return []
        return list(range(self.events)) or [-1]


CountedMessages = Mapping[RecordId, CountedMessage]


class Recorder(threading.Thread):
    """Follows every topic; `messages` is what the broker gave, until it is away."""

    def __init__(
        self, bootstrap: str, log: Path | None = None, *, start: Offsets = FROM_FIRST
    ) -> None:
        """`log`: a file that gets a line a message; `start`: where it begins, else at the first."""
        super().__init__(daemon=True)
        self.messages: dict[RecordId, CountedMessage] = {}
        self._address, self._log, self._stop_it = bootstrap, log, threading.Event()
        self._begin = start

    def run(self) -> None:
        """Follow until `finish`."""
        consumer = _make_consumer(self._address)
        try:
            _assign(consumer, self._begin)
            while not self._stop_it.is_set():
                polled = list(_poll(consumer))
                self.messages.update(polled)
                self._write(polled)
        finally:
            consumer.close()

    def finish(self) -> dict[RecordId, CountedMessage]:
        """Stop, and what was read."""
        self._stop_it.set()
        self.join(30)
        return self.messages

    def _write(self, polled: Iterable[tuple[RecordId, CountedMessage]]) -> None:
        if self._log is not None:
            with self._log.open("a") as log:
                log.writelines(
                    f"{' '.join(map(str, record_id))} {message.digest.hex()}\n"
                    for record_id, message in polled
                )


def read_topics(bootstrap: str, *, start: Offsets = FROM_FIRST) -> dict[RecordId, CountedMessage]:
    """Every message that every topic has now, from `start` on."""
    consumer = _make_consumer(bootstrap)
    try:
        parts = _assign(consumer, start)
        ends = consumer.end_offsets(parts)
        messages: dict[RecordId, CountedMessage] = {}
        while any(consumer.position(part) < end for part, end in ends.items()):
            messages |= _poll(consumer)
        return messages
    finally:
        consumer.close()


def list_ends(kafka_messages: CountedMessages) -> dict[TopicPartition, int]:
    """The offset after the last message of each topic and partition."""
    ends: dict[TopicPartition, int] = {}
    for topic, partition, offset in kafka_messages:
        part = TopicPartition(topic, partition)
        ends[part] = max(offset + 1, ends.get(part, 0))
    return ends


def find_kafka_ends(bootstrap: str) -> dict[TopicPartition, int]:
    """The next offset of each topic and partition."""
    consumer = _make_consumer(bootstrap)
    try:
        ends = consumer.end_offsets(_assign(consumer, FROM_FIRST))
    finally:
        consumer.close()
    return {TopicPartition(*part): end for part, end in ends.items()}


def _make_consumer(bootstrap: str) -> Any:
    return KafkaConsumer(
        bootstrap_servers=bootstrap,
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=16 * 1024 * 1024,
        fetch_max_wait_ms=50,
    )


def _assign(consumer: Any, start: Offsets) -> list[KafkaPartition]:
    parts = [
        KafkaPartition(topic, part)
        for topic in TOPICS
        for part in sorted(consumer.partitions_for_topic(topic) or ())
    ]
    consumer.assign(parts)
    consumer.seek_to_beginning(*parts)
    for part in parts:
        if offset := start.get(TopicPartition(*part)):
            consumer.seek(part, offset)
    return parts


def _poll(consumer: Any) -> Iterable[tuple[RecordId, CountedMessage]]:
    return [
        ((part.topic, part.partition, record.offset), count_message(part.topic, record.value))
        for part, records in consumer.poll(timeout_ms=200).items()
        for record in records
    ]


def count_message(topic: str, value: bytes | None) -> CountedMessage:
    """What the count needs of a Kafka record's value."""
    digest = hashlib.sha1(value or b"").digest()
    try:
        message = json.loads(value or b"")
    except ValueError:
        return CountedMessage(digest, None, None)
    is_message = isinstance(message, dict) and message.get("v") == VERSION and "events" in message
    if not is_message or (message.get("received_time") or 0) >= LATEST_US:
        return CountedMessage(digest, None, None)
    whole_message = message if topic in READ_WHOLE else None
    return CountedMessage(digest, len(message["events"]), whole_message)
