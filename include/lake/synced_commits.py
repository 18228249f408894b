"""Commits that delta-rs writes, forced to the disk: it syncs nothing itself.

A power cut before the sync may leave a commit that is empty, or whose data files are. Nothing
durable refers to such a commit yet, so the examination at `up` may remove it.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from include.atomic_files import sync_path
from include.lake.reading import open_table
from include.lake.table_features import named_refusals


@contextmanager
def synced_commits(lake: str, name: str) -> Iterator[None]:
    """What is committed to a local table within the block is on the disk after it.

    Raises:
        UnreadableTable: it cannot be committed as the table asks.
    """
    existing = open_table(lake, name)
    before = -1 if existing is None else int(existing.version())
    with named_refusals(name, existing):
        yield
    if "://" in lake:
        return
    folder = Path(lake, name)
    log = folder / "_delta_log"
    for version in count(before + 1):
        commit = log / f"{version:020d}.json"
        if not commit.exists():
            break
        for path in (*_added_files(folder, commit), *log.glob(f"{version:020d}*")):
            sync_path(path)
    if (pointer := log / "_last_checkpoint").exists():
        sync_path(pointer)
    for changed_path in (log, folder, folder.parent):
        sync_path(changed_path)


def _added_files(folder: Path, commit: Path) -> Iterator[Path]:
    for line in commit.read_text().splitlines():
        action = json.loads(line)
        if "add" in action:
            yield folder / action["add"]["path"]
