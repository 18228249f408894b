"""The epoch of a query's checkpoint: its application in Delta commits, and what was landed before.

The appender leaves a batch out whose (application, number) a table has. Numbers start at 0 again
with a new checkpoint, so a fixed application would silently drop new rows. A checkpoint without
batches therefore always begins a new epoch. It reads Kafka from the beginning and leaves out, up
to `until`, the offsets that are in the lake already.
"""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from include.atomic_files import write_file
from include.errors import PlatformError
from include.lake.checkpoint import find_damage, has_begun
from include.market.wire import TopicPartition


@dataclass(frozen=True)
class Epoch:
    """`app` names the query in Delta commits; `until` is each partition's end when it began."""

    app: str
    until: Mapping[TopicPartition, int]


def open_epoch(folder: Path, *, query: str, ends: Mapping[TopicPartition, int]) -> Epoch:
    """The epoch of the checkpoint in `folder`/stream; a new one, which knows the present `ends`.

    Raises:
        PlatformError: the checkpoint is damaged; going on from it could lose or double rows.
    """
    marker, checkpoint = folder / "epoch.json", folder / "stream"
    damage = find_damage(checkpoint)
    if damage is None and has_begun(checkpoint) and not marker.exists():
        damage = "its epoch.json is missing"
    if damage is not None:
        raise PlatformError(
            f"the checkpoint of `{query}` is damaged: {damage}; `./tickhouse doctor` says what a "
            "restart would do, `./tickhouse doctor --repair` rebuilds it"
        )
    if marker.exists() and has_begun(checkpoint):
        stored = json.loads(marker.read_text())
        return Epoch(app=stored["app"], until=_parse_ends(stored["until"]))
    epoch = Epoch(app=f"{query}/{uuid.uuid4().hex[:12]}", until=dict(ends))
    folder.mkdir(parents=True, exist_ok=True)
    until = {f"{topic}/{partition}": end for (topic, partition), end in ends.items()}
    write_file(marker, json.dumps({"app": epoch.app, "until": until}))
    return epoch


def _parse_ends(stored: Mapping[str, int]) -> dict[TopicPartition, int]:
    ends: dict[TopicPartition, int] = {}
    for name, end in stored.items():
        topic, _, partition = name.rpartition("/")
        ends[TopicPartition(topic, int(partition))] = end
    return ends
