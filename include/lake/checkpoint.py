"""What a stream's checkpoint says: the Kafka offsets up to which its batches are committed.

Spark writes `offsets/N` before batch N and `commits/N` after it; the third line of an offsets file
is the Kafka source's end offset per topic and partition.
"""

import json
from pathlib import Path


def committed_offsets(checkpoint: Path) -> dict[tuple[str, int], int]:
    """Next offset per (topic, partition) after the last committed batch; empty if none is."""
    batches = sorted(_numbers(checkpoint / "commits"), reverse=True)
    for batch in batches:
        offsets = checkpoint / "offsets" / str(batch)
        if offsets.exists():
            return _ends(offsets.read_text())
    return {}


def batch_counts(checkpoint: Path, batch: int) -> dict[str, int] | None:
    """How many offsets of each topic a started batch spans; nothing if that is not written."""
    began, ended = (checkpoint / "offsets" / str(number) for number in (batch - 1, batch))
    if not (began.exists() and ended.exists()):
        return None
    starts, ends = _ends(began.read_text()), _ends(ended.read_text())
    counts: dict[str, int] = {}
    for (topic, partition), end in ends.items():
        spanned = end - starts.get((topic, partition), 0)
        if spanned > 0:
            counts[topic] = counts.get(topic, 0) + spanned
    return counts


def _numbers(folder: Path) -> list[int]:
    if not folder.exists():
        return []
    return [int(path.name) for path in folder.iterdir() if path.name.isdigit()]


def _ends(text: str) -> dict[tuple[str, int], int]:
    lines = text.strip().splitlines()
    kafka_line = 2
    if len(lines) <= kafka_line:
        return {}
    told = json.loads(lines[kafka_line])
    return {
        (topic, int(partition)): int(end)
        for topic, partitions in told.items()
        for partition, end in partitions.items()
    }
