"""Topic folders that the broker has renamed to strays, and how they become its topics again.

A broker whose metadata log lost its topics (a full disk did that) renames their folders to
`TOPIC-PARTITION.ID-stray`; their messages stay. Topics of the same names that are created later
have other ids. With the broker stopped, a stray takes the name and the id of the new folder.
"""

import base64
import re
import shutil
import uuid
from dataclasses import dataclass, replace
from pathlib import Path

from include.atomic_files import sync_path
from include.lake.epoch import read_epoch, write_epoch
from include.market.wire import TOPICS, TopicPartition
from include.object_path import StorePath
from include.settings import Settings

STRAY = re.compile(r"(?P<topic>.+)-(?P<partition>\d+)\.[0-9a-f]+-stray")
METADATA, CLEAN_SHUTDOWN = "partition.metadata", ".kafka_cleanshutdown"
TOPIC_ID = re.compile(r"topic_id: (\S+)")


@dataclass(frozen=True)
class Stray:
    """A stray folder of one of our topics."""

    folder: Path
    partition: TopicPartition

    @property
    def target(self) -> Path:
        """The folder that the broker uses for this partition."""
        return self.folder.with_name(f"{self.partition.topic}-{self.partition.partition}")


def find_strays(settings: Settings) -> list[Stray]:
    """The stray folders to bring back: the newest of each of our partitions that holds messages.

    One whose topic has new messages since is brought back only if the lake has read the stray, for
    then nothing of the new topic has landed: its offsets are below what the tables have.
    """
    newest: dict[TopicPartition, Stray] = {}
    # Replicas of a cluster are copied from one another: there is nothing to rename.
    folders = (settings.home / "kafka" / "log").glob("*-stray")
    for folder in sorted(folders, key=lambda path: path.stat().st_mtime):
        name = STRAY.fullmatch(folder.name)
        if name and name["topic"] in TOPICS and has_messages(folder):
            partition = TopicPartition(name["topic"], int(name["partition"]))
            newest[partition] = Stray(folder, partition)
    return [
        stray
        for stray in newest.values()
        if not has_messages(stray.target) or _is_read(settings, stray)
    ]


def has_messages(folder: Path) -> bool:
    """Whether a partition's folder holds any message."""
    return any(path.stat().st_size for path in folder.glob("*.log"))


def bring_back(settings: Settings, strays: list[Stray], backup: Path) -> None:
    """Give each stray folder the name and the topic id of its partition's new folder.

    The broker is stopped and the topics exist. What the new folders hold is moved to `backup`.
    """
    log = settings.home / "kafka" / "log"
    (log / CLEAN_SHUTDOWN).unlink(missing_ok=True)  # so that the broker checks every message
    for stray in strays:
        old_id, new_id = read_topic_id(stray.folder), read_topic_id(stray.target)
        _rename_topic(settings, stray.partition.topic, old_id, new_id)
        shutil.copy(stray.target / METADATA, stray.folder / METADATA)
        sync_path(stray.folder / METADATA)
        backup.mkdir(parents=True, exist_ok=True)
        shutil.move(stray.target, backup / stray.target.name)
        stray.folder.rename(stray.target)
        sync_path(stray.target.parent)


def read_topic_id(folder: Path) -> str:
    """Kafka's id of a folder's topic in the form of its clients, a UUID; empty if it has none."""
    metadata = folder / METADATA
    text = metadata.read_text(errors="replace") if metadata.exists() else ""
    topic_id = TOPIC_ID.search(text)
    if topic_id is None:
        return ""
    return str(uuid.UUID(bytes=base64.urlsafe_b64decode(f"{topic_id[1]}==")))


def _is_read(settings: Settings, stray: Stray) -> bool:
    epoch = read_epoch(_epoch_file(settings))
    return epoch is not None and (
        epoch.topic_ids.get(stray.partition.topic) == read_topic_id(stray.folder)
    )


def _rename_topic(settings: Settings, topic: str, old_id: str, new_id: str) -> None:
    """Let the landing's epoch know the topic by its new id, if it knew it by the old one."""
    file = _epoch_file(settings)
    epoch = read_epoch(file)
    if epoch is not None and epoch.topic_ids.get(topic) == old_id:
        write_epoch(file, replace(epoch, topic_ids={**epoch.topic_ids, topic: new_id}))


def _epoch_file(settings: Settings) -> StorePath:
    return settings.checkpoints / "land" / "epoch.json"
