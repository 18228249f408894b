"""A consumer of given offsets."""

import logging
import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from kafka import TopicPartition as KafkaPartition
from kafka.errors import KafkaError

from include.bus.connection import (
    open_consumer,
    partition_of_key,
    partitions_of,
    read_topic_id,
)
from include.errors import Unreachable
from include.log import event
from include.market.wire import TopicPartition
from include.unread_records import removed_by_topic

MARKERS_S = 0.2  # how often a partition may be looked at for an end without records
log = logging.getLogger("tickhouse.bus")


@dataclass(frozen=True)
class Record:
    """One Kafka record: where it lies, when it was stamped (ms since the epoch), its bytes."""

    topic: str
    partition: int
    offset: int
    kafka_time_ms: int
    key: bytes
    value: bytes


class Consumer:
    """Reads given topics from given offsets, without a consumer group.

    `restarted` are partitions whose topic was recreated: it has another id, or their offsets went
    back. It is read from its beginning. `skipped` counts
    offsets that were not there to read: removed by retention, or a transaction's; `removed` those
    of retention, which are reported.
    Partitions that a topic gets later are read from their beginning. Of a topic in `keys` only
    the partitions are read that records of these keys go to, and those in `offsets`: what was sent
    before a topic got more partitions lies where it went then.
    """

    def __init__(
        self,
        bootstrap: str,
        *,
        topics: Iterable[str],
        offsets: Mapping[TopicPartition, int] | None = None,
        from_end: bool = False,
        keys: Mapping[str, Collection[bytes]] | None = None,
        topic_ids: Mapping[str, str] | None = None,
    ) -> None:
        """Start at the next offset to read in `offsets`, absent ones at the beginning (or end).

        `topic_ids` are of the topics that these offsets were read of, by name: offsets of a topic
        that has another id now mean nothing.

        Raises:
            Unreachable: no broker answers, or a topic does not exist.
        """
        self.skipped, self.removed, self._next_look_s = 0, 0, 0.0
        self.restarted: set[TopicPartition] = set()
        self._gaps: list[tuple[TopicPartition, int, int]] = []  # from and to before
        self._topics, self._keys = tuple(topics), keys or {}
        removed_by_topic.update(dict.fromkeys(self._topics, 0))  # a rate needs the zero before
        self._next: dict[TopicPartition, int] = dict(offsets or {})
        self._ids = dict(topic_ids or {})
        self._consumer = open_consumer(bootstrap)
        try:
            partitions = partitions_of(self._consumer, self._topics)
            self._forget_recreated_topics()
            self._assign([at for at in partitions if self._is_read(at)], from_end=from_end)
        except KafkaError as error:
            self.close()
            raise Unreachable(f"Kafka at {bootstrap}: {error!r}") from error
        except Unreachable:
            self.close()
            raise

    @property
    def offsets(self) -> dict[TopicPartition, int]:
        """The next offset to read of every partition."""
        return dict(self._next)

    @property
    def topic_ids(self) -> dict[str, str]:
        """Kafka's ids of the topics whose offsets these are, by name."""
        return dict(self._ids)

    def partitions_of(self, keys: Collection[bytes]) -> set[TopicPartition]:
        """Those that records of these keys go to, of the topics that are read by key."""
        return {
            TopicPartition(topic, partition_of_key(key, count))
            for topic in self._keys
            if (count := len(self._consumer.partitions_for_topic(topic) or ()))
            for key in keys
        }

    def poll(self, timeout_s: float) -> list[Record]:
        """Read the records that are there, waiting at most so long for the first; often none.

        Raises:
            Unreachable: the broker refuses permanently.
        """
        try:
            self.restarted |= self._forget_recreated_topics()
            self._add_new_partitions()
            self._pass_markers()
            batches = self._consumer.poll(timeout_ms=int(timeout_s * 1000), max_records=5000)
            records = [self._record(record) for batch in batches.values() for record in batch]
            self._report_removed_records()
        except KafkaError as error:
            if getattr(error, "retriable", False):
                time.sleep(min(timeout_s, 0.1))
                return []
            raise Unreachable(f"Kafka cannot be read: {error!r}") from error
        return records

    def close(self) -> None:
        """Leave the broker; no offset is committed."""
        self._consumer.close()

    def _forget_recreated_topics(self) -> set[TopicPartition]:
        """Drop the offsets of topics whose id is another one now; gives their partitions."""
        forgotten = set[TopicPartition]()
        for topic in self._topics:
            topic_id = read_topic_id(self._consumer, topic)
            if topic_id and self._ids.setdefault(topic, topic_id) != topic_id:
                self._ids[topic] = topic_id
                forgotten |= {partition for partition in self._next if partition.topic == topic}
                log.warning(
                    event("topic was recreated: it is read from its beginning", topic=topic)
                )
        for partition in forgotten:
            del self._next[partition]
        return forgotten

    def _add_new_partitions(self) -> None:
        """Read those that the topics have got since, as far as the client knows of them."""
        partitions = {
            KafkaPartition(topic, number)
            for topic in self._topics
            for number in self._consumer.partitions_for_topic(topic) or ()
            if self._is_read(KafkaPartition(topic, number))
        }
        if new := sorted(partitions.difference(map(KafkaPartition._make, self._next))):
            log.info(event("new partitions", partitions=len(new), first=f"{new[0][0]}/{new[0][1]}"))
            self._assign([*map(KafkaPartition._make, self._next), *new], from_end=False)

    def _is_read(self, partition: KafkaPartition) -> bool:
        if partition.topic not in self._keys or TopicPartition(*partition) in self._next:
            return True
        count = len(self._consumer.partitions_for_topic(partition.topic) or ())
        keys = self._keys[partition.topic]
        return partition.partition in {partition_of_key(key, count) for key in keys}

    def _assign(self, partitions: list[KafkaPartition], *, from_end: bool) -> None:
        self._consumer.assign(partitions)
        edge = self._consumer.end_offsets if from_end else self._consumer.beginning_offsets
        absent = [at for at in partitions if at not in self._next]
        edges = edge(absent) if absent else {}
        starts = {
            at: edges[at] if at in edges else self._next[TopicPartition(*at)] for at in partitions
        }
        self._next = {TopicPartition(*at): offset for at, offset in starts.items()}
        for at, offset in starts.items():
            self._consumer.seek(at, offset)

    def _pass_markers(self) -> None:
        """Go past what holds no record: a transaction's marker, an aborted one's records.

        Where they end a partition no record follows that would show them.
        """
        if time.monotonic() < self._next_look_s:
            return
        self._next_look_s = time.monotonic() + MARKERS_S
        for partition, due in self._next.items():
            position = self._consumer.position(KafkaPartition(*partition), timeout_ms=0)
            if position is not None and position > due:
                self._skip_to(partition, position)

    def _skip_to(self, partition: TopicPartition, position: int) -> None:
        """Go on at a position beyond the next offset."""
        due, self._next[partition] = self._next[partition], position
        self.skipped += position - due
        self._gaps.append((partition, due, position))

    def _report_removed_records(self) -> None:
        """Report what retention took of the gaps since the last look: it takes the oldest."""
        gaps, self._gaps = self._gaps, []
        if not gaps:
            return
        try:
            passed = {KafkaPartition(*partition) for partition, _, _ in gaps}
            firsts = self._consumer.beginning_offsets(passed)
        except KafkaError:
            return  # how many were removed is not known then; what was read counts
        for partition, due, position in gaps:
            removed = min(firsts[KafkaPartition(*partition)], position) - due
            if removed > 0:
                self.removed += removed
                removed_by_topic[partition.topic] += removed
                log.warning(
                    event(
                        "records removed before they were read",
                        topic=partition.topic,
                        partition=partition.partition,
                        first=due,
                        last=due + removed - 1,
                        remedy="a longer TICKHOUSE_KAFKA_RETENTION_HOURS, or a faster reader",
                    )
                )

    def _record(self, record: Any) -> Record:
        partition = TopicPartition(record.topic, record.partition)
        if record.offset > self._next[partition]:
            self._skip_to(partition, record.offset)
        if record.offset < self._next[partition]:
            self.restarted.add(partition)
        self._next[partition] = record.offset + 1
        return Record(
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            kafka_time_ms=record.timestamp,
            key=record.key or b"",
            value=record.value or b"",
        )
