"""The epoch of the landing checkpoint: where it began to read each partition, and of which topics.

A checkpoint without batches begins a new epoch. It reads each partition from the watermark of its
table on, so nothing lands twice and nothing is left out, and from the first offset that Kafka still
has where a watermark is lower or missing. Deleting a checkpoint is therefore safe.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from include.atomic_files import write_file
from include.errors import PlatformError
from include.lake.checkpoint import find_damage, has_begun
from include.market.wire import TopicPartition

Ranges = Mapping[TopicPartition, tuple[int, int]]
DAMAGED = (
    "the checkpoint of `land` is damaged: {damage}; `./tickhouse doctor` says what a restart would "
    "do, `./tickhouse doctor --repair` rebuilds it"
)
OTHER_TOPIC = (
    "topic {topic} was recreated: its id is {id}, the stream has read {stored}; its offsets "
    "would be taken for those that have landed: see `./tickhouse doctor`"
)
SHORTER = (
    "the lake has landed {topic}/{partition} up to offset {landed}, but Kafka ends at {end}: the "
    "topic was recreated or has lost its end; see `./tickhouse doctor`"
)


@dataclass(frozen=True)
class Epoch:
    """`starts` is the offset at which each partition was begun, `topic_ids` Kafka's id by topic."""

    starts: Mapping[TopicPartition, int]
    topic_ids: Mapping[str, str]

    def starting_offsets(self) -> str:
        """Spark's JSON of the offsets that a new checkpoint begins with."""
        by_topic: dict[str, dict[str, int]] = {}
        for (topic, partition), offset in self.starts.items():
            by_topic.setdefault(topic, {})[str(partition)] = offset
        return json.dumps(by_topic)


def open_epoch(
    folder: Path,
    *,
    ranges: Ranges,
    watermarks: Mapping[TopicPartition, int],
    topic_ids: Mapping[str, str],
) -> Epoch:
    """The epoch of the checkpoint in `folder`/stream, or a new one.

    `ranges` are Kafka's first and next offsets, `watermarks` the tables' watermarks.

    Raises:
        PlatformError: the checkpoint is damaged, or a topic is not the one that was landed.
    """
    marker, checkpoint = folder / "epoch.json", folder / "stream"
    damage = find_damage(checkpoint)
    stored = read_epoch(marker)
    if damage is None and has_begun(checkpoint) and stored is None:
        damage = "its epoch.json is missing or unreadable"
    if damage is not None:
        raise PlatformError(DAMAGED.format(damage=damage))
    _refuse_other_topics(stored, topic_ids)
    for part, (_, end) in ranges.items():
        if watermarks.get(part, 0) > end:
            raise PlatformError(
                SHORTER.format(
                    topic=part.topic, partition=part.partition, landed=watermarks[part], end=end
                )
            )
    if stored is not None and has_begun(checkpoint):
        return stored
    starts = {part: max(first, watermarks.get(part, first)) for part, (first, _) in ranges.items()}
    epoch = Epoch(starts=starts, topic_ids=dict(topic_ids))
    folder.mkdir(parents=True, exist_ok=True)
    write_epoch(marker, epoch)
    return epoch


def write_epoch(marker: Path, epoch: Epoch) -> None:
    """Write the file that `read_epoch` reads."""
    by_name = {f"{topic}/{number}": offset for (topic, number), offset in epoch.starts.items()}
    write_file(marker, json.dumps({"starts": by_name, "topic_ids": dict(epoch.topic_ids)}))


def read_epoch(marker: Path) -> Epoch | None:
    """The epoch that a file holds; null if there is none that can be read."""
    try:
        stored = json.loads(marker.read_text())
        starts = {
            TopicPartition(name.rpartition("/")[0], int(name.rpartition("/")[2])): int(offset)
            for name, offset in stored["starts"].items()
        }
        return Epoch(starts=starts, topic_ids=dict(stored["topic_ids"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _refuse_other_topics(stored: Epoch | None, topic_ids: Mapping[str, str]) -> None:
    stored_ids = stored.topic_ids if stored else {}
    for topic, topic_id in topic_ids.items():
        if stored_ids.get(topic, topic_id) != topic_id:
            raise PlatformError(
                OTHER_TOPIC.format(topic=topic, id=topic_id, stored=stored_ids[topic])
            )
