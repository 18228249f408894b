"""Where a topic's offsets begin again, or go on behind some that Kafka removed.

The lake counts each topic-partition's offsets on without a break in their order, whatever becomes
of the topic. A topic that was recreated begins at Kafka's offset 0 and, in the lake, behind all
that the earlier one has landed: `shift` is what the lake adds to Kafka's offsets from there on.
Each such place is a row of the table `topic_restarts`, written when a person accepts it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from include.lake.derived_tables import TOPIC_RESTARTS
from include.lake.reading import open_table
from include.lake.writing import arrow_rows, merge_by_day
from include.market.wire import TopicPartition

RECREATED, SHORTER, REMOVED = "recreated", "lost its end", "removed by retention"


@dataclass(frozen=True)
class TopicRestart:
    """One place: the lake's `offset` is Kafka's `kafka_offset` of the topic with this id.

    The lake has no row from `lost_from` to before `offset`: these can no longer be read.
    """

    part: TopicPartition
    topic_id: str
    offset: int
    kafka_offset: int
    lost_from: int
    cause: str
    accepted_at: datetime

    @property
    def shift(self) -> int:
        """What the lake adds to Kafka's offsets from here on."""
        return self.offset - self.kafka_offset

    def sentence(self) -> str:
        """One sentence for a person, with offsets of the lake."""
        name, lost_count = f"{self.part.topic}/{self.part.partition}", self.offset - self.lost_from
        losses = f"; {self.lost_from} to {self.offset - 1} are lost" if lost_count else ""
        return {
            RECREATED: f"{name} was recreated (id {self.topic_id}): its offset {self.kafka_offset} "
            f"is {self.offset} of the lake",
            SHORTER: f"{name} has lost its end: its offset {self.kafka_offset} is {self.offset} of "
            "the lake",
            REMOVED: f"{name} goes on at {self.offset}",
        }[self.cause] + losses


@dataclass(frozen=True)
class TopicRestarts:
    """All of them by topic-partition, in the order of their offsets."""

    by_partition: Mapping[TopicPartition, tuple[TopicRestart, ...]] = field(default_factory=dict)

    def __iter__(self) -> Iterator[TopicRestart]:
        for part in sorted(self.by_partition):
            yield from self.by_partition[part]

    @property
    def newest(self) -> dict[TopicPartition, TopicRestart]:
        """The last one of each partition that has any."""
        return {part: restarts[-1] for part, restarts in self.by_partition.items()}

    @property
    def shifts(self) -> dict[TopicPartition, int]:
        """What the lake adds to Kafka's present offsets, of each partition that has restarts."""
        return {part: restart.shift for part, restart in self.newest.items()}

    def in_lake(self, part: TopicPartition, kafka_offset: int) -> int:
        """A present offset of Kafka as the lake counts it."""
        return kafka_offset + self.shifts.get(part, 0)

    def in_kafka(self, part: TopicPartition, offset: int) -> int:
        """A next offset of the lake as Kafka counts it; no less than where the topic began."""
        newest = self.newest.get(part)
        return offset if newest is None else max(offset, newest.offset) - newest.shift

    def ids_of(self, topic: str) -> set[str]:
        """The ids under which a topic was accepted."""
        return {restart.topic_id for restart in self if restart.part.topic == topic}


def read_restarts(lake: str) -> TopicRestarts:
    """The restarts that a lake knows.

    Raises:
        UnreadableTable: the table's log is damaged.
    """
    table = open_table(lake, TOPIC_RESTARTS.name)
    if table is None:
        return TopicRestarts()
    by_partition: dict[TopicPartition, list[TopicRestart]] = {}
    for row in table.to_pyarrow_table().sort_by("offset").to_pylist():
        part = TopicPartition(row.pop("topic"), row.pop("partition"))
        by_partition.setdefault(part, []).append(TopicRestart(part, **row))
    return TopicRestarts({part: tuple(restarts) for part, restarts in by_partition.items()})


def write_restarts(lake: str, restarts: list[TopicRestart]) -> None:
    """Add restarts to the lake's table; one that is there already is replaced."""
    rows = [
        {
            "topic": restart.part.topic,
            "partition": restart.part.partition,
            "topic_id": restart.topic_id,
            "offset": restart.offset,
            "kafka_offset": restart.kafka_offset,
            "lost_from": restart.lost_from,
            "cause": restart.cause,
            "accepted_at": restart.accepted_at,
        }
        for restart in restarts
    ]
    if rows:
        new_rows = arrow_rows(TOPIC_RESTARTS, rows)
        merge_by_day(lake, TOPIC_RESTARTS, new_rows, column="accepted_at")
