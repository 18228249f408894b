"""What a restart of the stream would do, read from checkpoints, Delta commits and Kafka's range."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from include.atomic_files import move_folder
from include.lake.checkpoint import (
    batch_numbers,
    committed_offsets,
    end_offsets,
    find_damage,
    has_begun,
)
from include.lake.epoch import find_refusal, find_removed, read_epoch
from include.lake.topic_changes import KafkaTopics, LakeReach
from include.lake.window_states import find_state_damage
from include.market.wire import OffsetRanges, TopicPartition
from include.object_path import StorePath

QUERIES = ("land", "signals", "measures", "averages")
WINDOWED = ("signals", "averages")  # their states are beside Spark's checkpoint


@dataclass(frozen=True)
class Diagnosis:
    """One query: the state of its checkpoint, and what a restart would do, in offsets."""

    query: str
    state: str  # intact, new, lost, damaged, lost_offsets or other_topic
    why: str
    batch: int | None
    replayed: int
    waiting: int
    lost: int

    def sentence(self) -> str:
        """One sentence for a person."""
        begins = {
            "new": "starts with batch 0 at the beginning of Kafka's topics",
            "lost": "begins a new epoch at the offsets that the tables have landed up to",
            "damaged": "refuses to start",
            "lost_offsets": "refuses to start",
            "other_topic": "refuses to start",
            "intact": f"resumes at batch {self.batch}",
        }[self.state]
        parts = [f"{begins} ({self.why})" if self.why else begins]
        if self.state not in {"damaged", "lost_offsets", "other_topic"}:
            parts.append(f"reads {self.replayed} offsets of an uncommitted batch again")
            parts.append(f"then {self.waiting} new ones")
        if self.lost:
            parts.append(f"LOSES {self.lost} offsets that Kafka has removed before they landed")
        return ", ".join(parts)


def diagnose_queries(
    store: StorePath, reach: LakeReach, kafka_topics: KafkaTopics
) -> list[Diagnosis]:
    """A diagnosis of each query of the stream; the lake's reach was read before the topics."""
    return [_diagnose(store, query, reach, kafka_topics) for query in QUERIES]


def repair(store: StorePath, query: str, *, repaired_at: datetime) -> StorePath:
    """Move a query's checkpoint away, so that its next start makes a new one; gives where it is.

    For `land` that is a new epoch, without loss or doubling; the ids of the topics that it has read
    stay known. Of `signals` the windows that Delta has are summed again from the lake and not sent
    again, and `averages` go on after those that Delta has; `measures` are sent again from what
    Kafka still has.
    """
    folder = store / "checkpoints" / query
    damaged = _damaged_name(folder, repaired_at)
    while damaged.exists():
        repaired_at += timedelta(seconds=1)
        damaged = _damaged_name(folder, repaired_at)
    move_folder(folder / "stream", damaged)
    return damaged


def _damaged_name(folder: StorePath, repaired_at: datetime) -> StorePath:
    return folder.with_name(f"{folder.name}.damaged-{repaired_at:%Y%m%dT%H%M%S}")


def find_query_damage(store: StorePath, query: str) -> str | None:
    """What is wrong with a query's checkpoint, in words; null if it can resume or begin."""
    folder = store / "checkpoints" / query
    damage = find_damage(folder / "stream")
    if damage is None and query == "land" and has_begun(folder / "stream"):
        damage = _find_epoch_damage(folder)
    if damage is None and query in WINDOWED:
        damage = find_state_damage(folder / "stream")
    return damage


def _diagnose(
    store: StorePath, query: str, reach: LakeReach, kafka_topics: KafkaTopics
) -> Diagnosis:
    ranges = kafka_topics.ranges
    checkpoint = store / "checkpoints" / query / "stream"
    damage = find_query_damage(store, query)
    if damage is not None:
        return Diagnosis(query, "damaged", damage, None, 0, 0, 0)
    refusal = _find_refusal(checkpoint, query, reach, kafka_topics)
    if refusal is not None:
        removed = {
            part: _first_offset(ranges, part) - end
            for part, end in committed_offsets(checkpoint).items()
        }
        lost_count = sum(max(0, count) for count in removed.values())
        state = (
            "lost_offsets" if refusal == find_removed(checkpoint, query, ranges) else "other_topic"
        )
        return Diagnosis(query, state, refusal, None, 0, 0, lost_count)
    if not has_begun(checkpoint):
        return _diagnose_new(query, reach, ranges)
    committed = committed_offsets(checkpoint)
    newest = max(batch_numbers(checkpoint / "offsets"))
    planned = end_offsets(checkpoint / "offsets" / str(newest))
    is_committed = newest in batch_numbers(checkpoint / "commits")
    return Diagnosis(
        query,
        "intact",
        "",
        newest + 1 if is_committed else newest,
        sum(
            end - committed.get(part, _first_offset(ranges, part)) for part, end in planned.items()
        ),
        sum(max(0, ranges[part][1] - end) for part, end in planned.items() if part in ranges),
        sum(max(0, _first_offset(ranges, part) - end) for part, end in committed.items()),
    )


def _find_refusal(
    checkpoint: StorePath, query: str, reach: LakeReach, kafka_topics: KafkaTopics
) -> str | None:
    """Why a query would refuse to start, by the same rules as the stream's own start."""
    if query != "land":
        return find_removed(checkpoint, query, kafka_topics.ranges)
    return find_refusal(
        checkpoint.parent,
        ranges=kafka_topics.ranges,
        watermarks=reach.landed_in_kafka,
        topic_ids=kafka_topics.ids,
        restarts=reach.restarts,
    )


def _diagnose_new(query: str, reach: LakeReach, ranges: OffsetRanges) -> Diagnosis:
    watermarks = reach.landed_in_kafka if query == "land" else {}
    lost_count = sum(max(0, _first_offset(ranges, part) - end) for part, end in watermarks.items())
    in_kafka = sum(end - first for first, end in ranges.values())
    in_lake = sum(
        max(0, min(end, ranges[part][1]) - ranges[part][0])
        for part, end in watermarks.items()
        if part in ranges
    )
    state = "lost" if watermarks else "new"
    sentence = f"the lake has {in_lake} of Kafka's {in_kafka} offsets" if watermarks else ""
    return Diagnosis(query, state, sentence, 0, 0, in_kafka - in_lake, lost_count)


def _find_epoch_damage(folder: StorePath) -> str | None:
    return None if read_epoch(folder / "epoch.json") else "its epoch.json is missing or unreadable"


def _first_offset(ranges: OffsetRanges, partition: TopicPartition) -> int:
    return ranges[partition][0] if partition in ranges else 0
