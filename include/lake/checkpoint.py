"""What a stream's checkpoint says: which Kafka offsets its batches span, and whether it is whole.

Spark writes `offsets/N` before batch N and `commits/N` after it; the third line of an offsets file
is the Kafka source's end offset per topic and partition.
"""

import json
from pathlib import Path

from include.market.wire import TopicPartition

KAFKA_LINE = 2


def committed_offsets(checkpoint: Path) -> dict[TopicPartition, int]:
    """Next offset per (topic, partition) after the last committed batch; empty if none is."""
    batches = sorted(numbers(checkpoint / "commits"), reverse=True)
    for batch in batches:
        offsets = checkpoint / "offsets" / str(batch)
        if offsets.exists():
            return ends(offsets)
    return {}


def batch_spans(checkpoint: Path, batch: int) -> dict[TopicPartition, tuple[int, int]] | None:
    """First offset and end of each partition that a started batch reads; nothing if not written."""
    began, ended = (checkpoint / "offsets" / str(number) for number in (batch - 1, batch))
    if not (began.exists() and ended.exists()):
        return None
    starts = ends(began)
    spans = {place: (starts.get(place, 0), end) for place, end in ends(ended).items()}
    return {place: span for place, span in spans.items() if span[1] > span[0]}


def damage(checkpoint: Path) -> str | None:
    """What is wrong with a checkpoint, in words; nothing if Spark can go on from it."""
    offsets = numbers(checkpoint / "offsets")
    commits = numbers(checkpoint / "commits")
    if not offsets:
        return f"{len(commits)} commits without an offsets file" if commits else None
    wrong = _broken_logs(checkpoint, begun=max(offsets), done=max(commits, default=-1))
    if wrong is None and not _readable(checkpoint / "metadata"):
        return "its metadata file is missing or unreadable"
    return wrong


def _broken_logs(checkpoint: Path, *, begun: int, done: int) -> str | None:
    if not ends(checkpoint / "offsets" / str(begun)):
        return f"offsets/{begun} is empty or cut off"
    if done > begun:
        return f"batch {done} is committed, but its offsets file is missing"
    if done < 0 < begun:
        return f"batch {begun} was begun, but no commit of one before is there"
    if done < begun - 1:
        return f"commits end at batch {done}, offsets at batch {begun}"
    return None


def drop_orphans(checkpoint: Path) -> list[Path]:
    """Remove checksums whose log file never came (a crash between the two); those removed.

    Spark would take such a leftover for another query that uses the same checkpoint, for ever.
    """
    found = [
        crc
        for crc in [*checkpoint.glob("offsets/.*.crc"), *checkpoint.glob("commits/.*.crc")]
        if not crc.with_name(crc.name[1:].removesuffix(".crc")).exists()
    ]
    for crc in found:
        crc.unlink(missing_ok=True)
    return found


def begun(checkpoint: Path) -> bool:
    """Whether a query has ever written here."""
    return bool(numbers(checkpoint / "offsets") or numbers(checkpoint / "commits"))


def numbers(folder: Path) -> list[int]:
    """The batch numbers of the files of a log folder."""
    if not folder.exists():
        return []
    return [int(path.name) for path in folder.iterdir() if path.name.isdigit()]


def ends(offsets: Path) -> dict[TopicPartition, int]:
    """The end offset per (topic, partition) in an offsets file; empty if it is cut off."""
    lines = offsets.read_text(errors="replace").strip().splitlines()
    if len(lines) <= KAFKA_LINE:
        return {}
    try:
        told = json.loads(lines[KAFKA_LINE])
        return {
            TopicPartition(topic, int(partition)): int(end)
            for topic, partitions in told.items()
            for partition, end in partitions.items()
        }
    except (ValueError, AttributeError):
        return {}


def _readable(metadata: Path) -> bool:
    try:
        return bool(json.loads(metadata.read_text())["id"])
    except (OSError, ValueError, KeyError, TypeError):
        return False
