"""The epoch of a query's checkpoint: who it is to Delta, and what an earlier one already landed.

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
from include.lake.checkpoint import begun, damage
from include.market.wire import TopicPartition


@dataclass(frozen=True)
class Epoch:
    """`app` names the query to Delta; `until` is the end of each partition when it began."""

    app: str
    until: Mapping[TopicPartition, int]


def open_epoch(folder: Path, *, query: str, ends: Mapping[TopicPartition, int]) -> Epoch:
    """The epoch of the checkpoint in `folder`/stream; a new one, which knows the present `ends`.

    Raises:
        PlatformError: the checkpoint is damaged; going on from it could lose or double rows.
    """
    marker, checkpoint = folder / "epoch.json", folder / "stream"
    wrong = damage(checkpoint)
    if wrong is None and begun(checkpoint) and not marker.exists():
        wrong = "its epoch.json is missing"
    if wrong is not None:
        raise PlatformError(
            f"the checkpoint of `{query}` is damaged: {wrong}; `./tickhouse doctor` says what a "
            "restart would do, `./tickhouse doctor --repair` rebuilds it"
        )
    if marker.exists() and begun(checkpoint):
        kept = json.loads(marker.read_text())
        return Epoch(app=kept["app"], until=_partitions(kept["until"]))
    epoch = Epoch(app=f"{query}/{uuid.uuid4().hex[:12]}", until=dict(ends))
    folder.mkdir(parents=True, exist_ok=True)
    told = {f"{topic}/{partition}": end for (topic, partition), end in ends.items()}
    write_file(marker, json.dumps({"app": epoch.app, "until": told}))
    return epoch


def _partitions(kept: Mapping[str, int]) -> dict[TopicPartition, int]:
    """The ends by partition; an epoch of the first version kept them by topic."""
    found: dict[TopicPartition, int] = {}
    for name, end in kept.items():
        topic, _, partition = name.partition("/")
        found[TopicPartition(topic, int(partition or 0))] = end
    return found
