"""A stream's checkpoint: which Kafka offsets its batches span, and whether it is damaged.

Spark writes `offsets/N` before batch N and `commits/N` after it; an offsets file has from its third
line on, a line for each Kafka source, the end offset per topic and partition.
"""

import json
from collections.abc import Mapping

from include.lake.hadoop_checksums import has_other_checksum
from include.market.wire import TopicPartition
from include.object_path import StorePath

KAFKA_LINE = 2
FIRST_BYTES = 4096
LOWEST_BATCHES = 2


def committed_offsets(checkpoint: StorePath) -> dict[TopicPartition, int]:
    """Next offset per (topic, partition) after the last committed batch; empty if none is."""
    batches = sorted(batch_numbers(checkpoint / "commits"), reverse=True)
    for batch in batches:
        offsets = checkpoint / "offsets" / str(batch)
        if offsets.exists():
            return end_offsets(offsets)
    return {}


def batch_spans(
    checkpoint: StorePath, batch: int, *, starts: Mapping[TopicPartition, int] | None = None
) -> dict[TopicPartition, tuple[int, int]] | None:
    """First offset and end of each partition that a started batch reads; null if not written.

    `starts` are the offsets at which batch 0 began, where they are known.
    """
    before, after = (checkpoint / "offsets" / str(number) for number in (batch - 1, batch))
    if not after.exists() or not (before.exists() or (batch == 0 and starts is not None)):
        return None
    first_offsets = end_offsets(before) if batch else starts or {}
    spans = {part: (first_offsets.get(part, 0), end) for part, end in end_offsets(after).items()}
    return {part: span for part, span in spans.items() if span[1] > span[0]}


def batches_to_keep(usual: int, *, size_bytes: int, most_bytes: int) -> int:
    """How many of its newest batches a checkpoint keeps, so that it stays below `most_bytes`.

    `usual` is how many it keeps now, in `size_bytes`. A restart needs two; 0 bytes are no bound.
    """
    if not most_bytes or size_bytes <= most_bytes:
        return usual
    return max(LOWEST_BATCHES, usual * most_bytes // size_bytes)


def find_damage(checkpoint: StorePath) -> str | None:
    """What is wrong with a checkpoint, in words; null if Spark can resume from it."""
    offsets = batch_numbers(checkpoint / "offsets")
    commits = batch_numbers(checkpoint / "commits")
    if not offsets:
        return f"{len(commits)} commits without an offsets file" if commits else None
    newest = {"planned": max(offsets), "committed": max(commits, default=-1)}
    damage = _find_log_damage(checkpoint, **newest) or _find_other_checksum(checkpoint, **newest)
    if damage is None and not _is_readable(checkpoint / "metadata"):
        return "its metadata file is missing or unreadable"
    return damage or _find_state_damage(checkpoint / "state")


def _find_log_damage(checkpoint: StorePath, *, planned: int, committed: int) -> str | None:
    """What is wrong with the logs whose newest batches are these; -1: none is committed."""
    for batch in (planned, planned - 1):
        offsets = checkpoint / "offsets" / str(batch)
        if (batch == planned or offsets.exists()) and not end_offsets(offsets):
            return f"offsets/{batch} is empty or cut off"
    if committed >= 0 and not _is_commit(checkpoint / "commits" / str(committed)):
        return f"commits/{committed} is empty or cut off"
    if committed > planned:
        return f"batch {committed} is committed, but its offsets file is missing"
    if committed < 0 < planned:
        return f"batch {planned} was begun, but no commit of one before is there"
    if committed < planned - 1:
        return f"commits end at batch {committed}, offsets at batch {planned}"
    return None


def _find_other_checksum(checkpoint: StorePath, *, planned: int, committed: int) -> str | None:
    """The first of the files that a resumed stream reads which was changed, in words."""
    logs = (f"offsets/{planned}", f"offsets/{planned - 1}", f"commits/{committed}")
    for name in (*logs, "metadata"):
        if has_other_checksum(checkpoint / name):
            return f"{name} does not have its checksum"
    return None


def drop_orphans(checkpoint: StorePath) -> list[StorePath]:
    """Remove checksums whose log file was never written (a crash between the two); gives them.

    Spark would always take such a leftover for another query that uses the same checkpoint.
    """
    orphans = [
        crc
        for crc in [*checkpoint.glob("offsets/.*.crc"), *checkpoint.glob("commits/.*.crc")]
        if not crc.with_name(crc.name[1:].removesuffix(".crc")).exists()
    ]
    for crc in orphans:
        crc.unlink(missing_ok=True)
    return orphans


def has_begun(checkpoint: StorePath) -> bool:
    """Whether a query has ever written here."""
    return bool(batch_numbers(checkpoint / "offsets") or batch_numbers(checkpoint / "commits"))


def batch_numbers(folder: StorePath) -> list[int]:
    """The batch numbers of the files of a log folder."""
    if not folder.exists():
        return []
    return [int(path.name) for path in folder.iterdir() if path.name.isdecimal()]


def end_offsets(offsets: StorePath) -> dict[TopicPartition, int]:
    """The end offset per (topic, partition) in an offsets file; empty if it is cut off."""
    lines = _read_text(offsets).strip().splitlines()
    if len(lines) <= KAFKA_LINE:
        return {}
    try:
        sources = [json.loads(line) for line in lines[KAFKA_LINE:]]
        return {
            TopicPartition(topic, int(partition)): int(end)
            for topics in sources
            for topic, partitions in topics.items()
            for partition, end in partitions.items()
        }
    except (ValueError, AttributeError):
        return {}


def _is_commit(commit: StorePath) -> bool:
    """Whether a commits file is whole: its version, then one line of JSON."""
    _, _, line = _read_text(commit).partition("\n")
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def _read_text(file: StorePath) -> str:
    """What a file holds; nothing if a folder is in its place."""
    try:
        return file.read_text(errors="replace")
    except IsADirectoryError:
        return ""


def _find_state_damage(folder: StorePath) -> str | None:
    """The first file of the state stores that was cut to nothing, in words."""
    paths: list[StorePath] = [*folder.rglob("[!.]*")]
    for path in sorted(paths, key=str):
        if path.is_file() and not _begins_with_content(path):
            return f"state/{str(path).removeprefix(f'{folder}/')} is empty"
    return None


def _begins_with_content(state_file: StorePath) -> bool:
    with state_file.open("rb") as file:
        return bool(file.read(FIRST_BYTES).strip(b"\0"))


def _is_readable(metadata: StorePath) -> bool:
    try:
        return bool(json.loads(metadata.read_text())["id"])
    except (OSError, ValueError, KeyError, TypeError):
        return False
