"""What has become of the topics since they were read, against the tables and the checkpoint."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime

from include.lake.checkpoint import committed_offsets
from include.lake.epoch import known_ids, read_epoch
from include.lake.tables import QUARANTINE
from include.lake.topic_restarts import (
    RECREATED,
    REMOVED,
    SHORTER,
    TopicRestart,
    TopicRestarts,
    read_restarts,
)
from include.lake.watermarks import lake_watermarks
from include.market.wire import OffsetRanges, Offsets, TopicPartition
from include.object_path import StorePath


@dataclass(frozen=True)
class KafkaTopics:
    """Kafka's first and next offset of each partition, and the id of each topic."""

    ranges: OffsetRanges
    ids: dict[str, str]


@dataclass(frozen=True)
class LakeReach:
    """How far the tables are (the lake's offsets), and the checkpoint (Kafka's)."""

    restarts: TopicRestarts
    landed: Offsets
    quarantined: Offsets
    committed: Offsets

    @property
    def landed_in_kafka(self) -> Offsets:
        """The next offset to land of each partition that has landed at all, as Kafka counts."""
        return {part: self.restarts.in_kafka(part, offset) for part, offset in self.landed.items()}

    def behind_all(self, part: TopicPartition) -> int:
        """The lake's first offset behind everything that it has of a partition."""
        newest = self.restarts.newest.get(part)
        accepted = newest.offset if newest else 0
        return max(self.landed.get(part, 0), self.quarantined.get(part, 0), accepted)

    def next_offset(self, part: TopicPartition) -> int | None:
        """The next offset to land, as Kafka counts; null if the partition was never read."""
        if part in self.landed or part in self.restarts.newest:
            return self.restarts.in_kafka(part, self.landed.get(part, 0))
        return self.committed.get(part)


def read_reach(store: StorePath, lake: str, parts: Collection[TopicPartition]) -> LakeReach:
    """How far these partitions have landed by now."""
    return LakeReach(
        read_restarts(lake),
        lake_watermarks(lake, parts),
        lake_watermarks(lake, parts, table=QUARANTINE.name),
        committed_offsets(store / "checkpoints" / "land" / "stream"),
    )


def find_restarts(
    store: StorePath,
    lake: str,
    kafka_topics: KafkaTopics,
    *,
    found_at: datetime,
    reach: LakeReach | None = None,
) -> list[TopicRestart]:
    """The restarts that have to be accepted before the stream can go on with these topics.

    While the stream may run, `reach` was read before the topics: what lands meanwhile would be
    taken for an end that Kafka has lost.
    """
    reading = reach or read_reach(store, lake, kafka_topics.ranges)
    restarts = reading.restarts
    stored = read_epoch(store / "checkpoints" / "land" / "epoch.json")
    new_topics = {
        topic
        for topic, topic_id in kafka_topics.ids.items()
        if (ids := known_ids(topic, stored, restarts)) and topic_id not in ids
    }
    return list(_find_restarts(reading, kafka_topics, new_topics, found_at))


def _find_restarts(
    reading: LakeReach, kafka_topics: KafkaTopics, new_topics: set[str], found_at: datetime
) -> Iterator[TopicRestart]:
    for part, (first, end) in sorted(kafka_topics.ranges.items()):
        topic_id, behind_all = kafka_topics.ids.get(part.topic, ""), reading.behind_all(part)
        next_offset, shift = reading.next_offset(part), reading.restarts.shifts.get(part, 0)
        if part.topic in new_topics:
            offset = behind_all + first
            lost_from = min(reading.landed.get(part, offset), offset)
            yield TopicRestart(part, topic_id, offset, first, lost_from, RECREATED, found_at)
        elif next_offset is not None and next_offset > end:
            offset = next_offset + shift
            yield TopicRestart(part, topic_id, offset, end, offset, SHORTER, found_at)
        elif next_offset is not None and next_offset < first:
            offset, lost_from = first + shift, next_offset + shift
            yield TopicRestart(part, topic_id, offset, first, lost_from, REMOVED, found_at)
