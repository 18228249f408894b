"""The epoch of the landing checkpoint: where it began to read each partition, and of which topics.

A checkpoint without batches begins a new epoch. It reads each partition from the watermark of its
table on, so nothing lands twice and nothing is left out, and from the first offset that Kafka still
has where a watermark is lower or missing. Deleting a checkpoint is therefore safe.
"""

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from include.errors import PlatformError
from include.lake.checkpoint import committed_offsets, find_damage, has_begun
from include.lake.topic_restarts import TopicRestarts
from include.market.wire import OffsetRanges, TopicPartition
from include.object_path import StorePath
from include.state_files import write_state_file

DAMAGED = (
    "the checkpoint of `land` is damaged: {damage}; `./tickhouse doctor` reports what a restart "
    "would do, `./tickhouse doctor --repair` rebuilds it"
)
OTHER_TOPIC = (
    "topic {topic} was recreated: its id is {id}, the stream has read {stored}; its offsets "
    "would be taken for those that have landed: `./tickhouse doctor --repair` goes on with it"
)
SHORTER = (
    "the lake has landed {topic}/{partition} up to offset {landed}, but Kafka ends at {end}: the "
    "topic was recreated or has lost its end; `./tickhouse doctor --repair` goes on with it"
)
REMOVED = (
    "Kafka has removed offsets {next} to {last} of {topic}/{partition}, which `{query}` has yet to "
    "read; `./tickhouse doctor --repair` goes on behind them"
)
NO_RESTARTS = TopicRestarts()


@dataclass(frozen=True)
class Epoch:
    """`starts` is the offset at which each partition was begun, `topic_ids` Kafka's id by topic.

    Offsets are Kafka's; `shifts` is what the lake adds to them (`include/lake/topic_restarts.py`).
    """

    starts: Mapping[TopicPartition, int]
    topic_ids: Mapping[str, str]
    shifts: Mapping[TopicPartition, int] = field(default_factory=dict)

    def starting_offsets(self) -> str:
        """Spark's JSON of the offsets that a new checkpoint begins with."""
        by_topic: dict[str, dict[str, int]] = {}
        for (topic, partition), offset in self.starts.items():
            by_topic.setdefault(topic, {})[str(partition)] = offset
        return json.dumps(by_topic)

    def shift(self, part: TopicPartition) -> int:
        """What the lake adds to Kafka's offsets of a partition."""
        return self.shifts.get(part, 0)

    def start_in_lake(self, part: TopicPartition) -> int | None:
        """The offset at which a partition was begun, as the lake counts it; null if unknown."""
        start = self.starts.get(part)
        return None if start is None else start + self.shift(part)


def open_epoch(
    folder: StorePath,
    *,
    ranges: OffsetRanges,
    watermarks: Mapping[TopicPartition, int],
    topic_ids: Mapping[str, str],
    restarts: TopicRestarts = NO_RESTARTS,
) -> Epoch:
    """The epoch of the checkpoint in `folder`/stream, or a new one.

    `ranges` are Kafka's first and next offsets, `watermarks` how far the tables have them, as Kafka
    counts.

    Raises:
        PlatformError: the checkpoint is damaged, or a topic does not go on where it was read.
    """
    marker, checkpoint = folder / "epoch.json", folder / "stream"
    damage = find_damage(checkpoint)
    stored = read_epoch(marker)
    if damage is None and has_begun(checkpoint) and stored is None:
        damage = "its epoch.json is missing or unreadable"
    if damage is not None:
        raise PlatformError(DAMAGED.format(damage=damage))
    refusal = find_refusal(
        folder, ranges=ranges, watermarks=watermarks, topic_ids=topic_ids, restarts=restarts
    )
    if refusal is not None:
        raise PlatformError(refusal)
    if stored is not None and has_begun(checkpoint):
        return Epoch(stored.starts, stored.topic_ids, restarts.shifts)
    starts = {part: max(first, watermarks.get(part, first)) for part, (first, _) in ranges.items()}
    epoch = Epoch(starts=starts, topic_ids=dict(topic_ids), shifts=restarts.shifts)
    folder.mkdir(parents=True, exist_ok=True)
    write_epoch(marker, epoch)
    return epoch


def find_refusal(
    folder: StorePath,
    *,
    ranges: OffsetRanges,
    watermarks: Mapping[TopicPartition, int],
    topic_ids: Mapping[str, str],
    restarts: TopicRestarts = NO_RESTARTS,
) -> str | None:
    """Why the stream would not start with the topics as they are, in a sentence; null: it would."""
    stored = read_epoch(folder / "epoch.json")
    is_begun = has_begun(folder / "stream")
    for topic, topic_id in topic_ids.items():
        ids = known_ids(topic, stored, NO_RESTARTS if is_begun and stored else restarts)
        if ids and topic_id not in ids:
            return OTHER_TOPIC.format(topic=topic, id=topic_id, stored=", ".join(sorted(ids)))
    for part, (_, end) in ranges.items():
        if watermarks.get(part, 0) > end:
            return SHORTER.format(
                topic=part.topic, partition=part.partition, landed=watermarks[part], end=end
            )
    return find_removed(folder / "stream", "land", ranges)


def find_removed(checkpoint: StorePath, query: str, ranges: OffsetRanges) -> str | None:
    """Which offsets a query has yet to read that Kafka has removed, in a sentence; null: none."""
    for part, committed in sorted(committed_offsets(checkpoint).items()):
        first = ranges[part][0] if part in ranges else 0
        if committed < first:
            return REMOVED.format(
                next=committed,
                last=first - 1,
                topic=part.topic,
                partition=part.partition,
                query=query,
            )
    return None


def known_ids(topic: str, stored: Epoch | None, restarts: TopicRestarts) -> set[str]:
    """The ids of a topic that the stream has read or may read; empty if none is known."""
    read = stored.topic_ids.get(topic) if stored else None
    return restarts.ids_of(topic) | ({read} if read else set())


def write_epoch(marker: StorePath, epoch: Epoch) -> None:
    """Write the file that `read_epoch` reads, with its checksum."""
    by_name = {f"{topic}/{number}": offset for (topic, number), offset in epoch.starts.items()}
    contents = {"starts": by_name, "topic_ids": dict(epoch.topic_ids)}
    write_state_file(marker, json.dumps(contents | {"crc32": _compute_checksum(contents)}))


def read_epoch(marker: StorePath) -> Epoch | None:
    """The epoch that a file holds; null if there is none that can be read."""
    try:
        stored = json.loads(marker.read_text())
        checksum = stored.pop("crc32", None)
        is_unchecked = checksum is None and stored.keys() == {
            "starts",
            "topic_ids",
        }  # an earlier one
        if not is_unchecked and checksum != _compute_checksum(stored):
            return None
        starts = {
            TopicPartition(name.rpartition("/")[0], int(name.rpartition("/")[2])): int(offset)
            for name, offset in stored["starts"].items()
        }
        return Epoch(starts=starts, topic_ids=dict(stored["topic_ids"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _compute_checksum(contents: Mapping[str, object]) -> int:
    return zlib.crc32(json.dumps(contents, sort_keys=True).encode())
