"""Kafka's topics and how far each partition reaches: asked, or read from a stopped broker's files.

A log folder has a folder for each partition, with `partition.metadata` and segments named by their
first offset; the broker keeps where each partition begins in `log-start-offset-checkpoint`. A
segment is a row of record batches (Kafka's message format, version 2).
"""

import struct
from collections.abc import Iterator
from pathlib import Path

from include.bus import offset_ranges, topic_ids
from include.errors import Unreachable
from include.lake.tables import LANDED_TOPICS
from include.lake.topic_changes import KafkaTopics, LakeReach, read_reach
from include.local.kafka_folders import read_topic_id
from include.local.supervisor import SupervisorClient
from include.market.wire import TopicPartition
from include.settings import Settings
from include.time_limit import Question

KAFKA_S = 5.0
STARTS = "log-start-offset-checkpoint"
BATCH = struct.Struct(">qi11xi")  # first offset, bytes that follow, …, offset of the last record
BATCH_HEAD_BYTES = 12  # the first offset and the length, which the length does not count
INDEX_ENTRY = struct.Struct(">ii")  # offset within the segment, byte offset of its batch


def read_topics(settings: Settings) -> KafkaTopics | None:
    """The landed topics as Kafka has them now; null if it does not answer, or was never up.

    A broker of another world may answer at the same port: while this one is down its files count.
    """
    if not settings.kafka.bootstrap and not SupervisorClient(settings).is_running():
        return read_topic_folders(settings.home / "kafka" / "log")

    def ask() -> KafkaTopics:
        ids = topic_ids(settings.bootstrap, LANDED_TOPICS)
        return KafkaTopics(offset_ranges(settings.bootstrap, LANDED_TOPICS), ids)

    try:
        return Question(ask, name="Kafka").answer(within_s=KAFKA_S)
    except (Unreachable, TimeoutError):
        return None


def read_reach_and_topics(settings: Settings) -> tuple[LakeReach, KafkaTopics] | None:
    """How far the lake is, and then the topics, as the stream may land meanwhile; null as above."""
    topics = read_topics(settings)
    if topics is None:
        return None
    reach = read_reach(settings.world_store, settings.lake, topics.ranges)
    later = read_topics(settings)
    return None if later is None else (reach, later)


def read_topic_folders(log: Path) -> KafkaTopics | None:
    """Topics from the log folder of a broker that does not run; null if there is none."""
    if not log.exists():
        return None
    starts, ranges, ids = _read_starts(log / STARTS), {}, {}
    for part, folder in _partition_folders(log):
        segments = sorted(folder.glob("*.log"))
        if not segments or not (topic_id := read_topic_id(folder)):
            continue
        first = max(int(segments[0].stem), starts.get(part, 0))
        ranges[part] = (first, max(first, _read_end(segments[-1])))
        ids[part.topic] = topic_id
    return KafkaTopics(ranges, ids)


def _partition_folders(log: Path) -> Iterator[tuple[TopicPartition, Path]]:
    for folder in sorted(log.iterdir()):
        topic, _, number = folder.name.rpartition("-")
        if folder.is_dir() and topic in LANDED_TOPICS and number.isdecimal():
            yield TopicPartition(topic, int(number)), folder


def _read_starts(checkpoint: Path) -> dict[TopicPartition, int]:
    """First offsets as the broker noted them: lines `topic partition offset` below two numbers."""
    lines = checkpoint.read_text(errors="replace").splitlines() if checkpoint.exists() else []
    rows = [line.split() for line in lines]
    return {
        TopicPartition(row[0], int(row[1])): int(row[2])
        for row in rows
        if len(row) == 3 and row[1].isdecimal() and row[2].isdecimal()  # noqa: PLR2004
    }


def _read_end(segment: Path) -> int:
    """The offset behind the last whole batch of a segment."""
    end, byte_offset, size = (
        int(segment.stem),
        _indexed_byte_offset(segment),
        segment.stat().st_size,
    )
    with segment.open("rb") as file:
        while byte_offset + BATCH.size <= size:
            file.seek(byte_offset)
            base, length, last_delta = BATCH.unpack(file.read(BATCH.size))
            byte_offset += BATCH_HEAD_BYTES + length
            if length <= 0 or byte_offset > size:
                break
            end = base + last_delta + 1
    return end


def _indexed_byte_offset(segment: Path) -> int:
    """The byte offset of the last batch in a segment's index: no need to read those before it."""
    index = segment.with_suffix(".index")
    entries = (index.read_bytes() if index.exists() else b"").rstrip(b"\0")  # made longer ahead
    count = -(-len(entries) // INDEX_ENTRY.size)
    if not count:
        return 0
    last = entries[(count - 1) * INDEX_ENTRY.size :].ljust(INDEX_ENTRY.size, b"\0")
    _, byte_offset = INDEX_ENTRY.unpack(last)
    return byte_offset if 0 < byte_offset < segment.stat().st_size else 0
