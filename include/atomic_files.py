"""Files and folders that exist whole or not at all, whichever moment the process is killed at.

Everything is written beside its target, synced to the disk, and then renamed. A reader that looks
for a target never meets a draft: their names begin with `.partial-` or end with `.partial`.
An object of an object store is whole as soon as it is there; of a folder the last one is put last.
"""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from include.object_path import ObjectPath, StorePath

PARTIAL = ".partial-"
REMOVED = f"{PARTIAL}gone-"
DAMAGED = f"{PARTIAL}damaged-"
ANY_OWNER = 0o666  # less the umask
_P = TypeVar("_P", Path, ObjectPath)


def write_file(destination: StorePath, content: bytes | str, *, mode: int = ANY_OWNER) -> None:
    """Write or replace a file, text as UTF-8; `mode` is its permissions from the first byte on."""
    if isinstance(destination, ObjectPath):
        destination.put(content)
        return
    draft = destination.with_name(f"{destination.name}.partial")
    draft.unlink(missing_ok=True)
    try:
        _write(draft, content.encode() if isinstance(content, str) else content, mode=mode)
    except OSError:  # a full disk
        draft.unlink(missing_ok=True)
        raise
    os.replace(draft, destination)  # noqa: PTH105 - one seam for the tests to break
    sync_path(destination.parent)


def write_folder(destination: StorePath, contents: Mapping[str, bytes]) -> None:
    """Write a new folder of files by their names; in an object store the last one is put last.

    Raises:
        FileExistsError: a draft of the same folder is there.
        OSError: `destination` is there and not empty.
    """
    if isinstance(destination, ObjectPath):
        for name, content in contents.items():
            (destination / name).put(content)
        return
    draft = destination.with_name(f"{PARTIAL}{destination.name}")
    draft.mkdir()
    for name, content in contents.items():
        _write(draft / name, content)
    sync_path(draft)
    os.rename(draft, destination)  # noqa: PTH104 - one seam for the tests to break
    sync_path(destination.parent)


def publish(draft: Path, target: Path) -> None:
    """Give a file or folder that another program wrote its final name.

    Raises:
        OSError: `target` is a folder that is there and not empty.
    """
    for path in (draft, *sorted(draft.rglob("*"))):
        sync_path(path)
    os.replace(draft, target)  # noqa: PTH105 - one seam for the tests to break
    sync_path(target.parent)


def move_folder(origin: StorePath, destination: StorePath) -> None:
    """Move a folder to another name of the same store."""
    if isinstance(origin, ObjectPath):
        assert isinstance(destination, ObjectPath)
        origin.move(destination)
    else:
        shutil.move(origin, str(destination))


def remove_folder(destination: StorePath) -> None:
    """Remove a folder: its name in one move, then its files, so that no reader finds half of it.

    What an earlier removal beside it left behind is deleted too.
    """
    if isinstance(destination, ObjectPath):
        destination.remove()
        return
    removed = destination.with_name(f"{REMOVED}{destination.name}")
    shutil.rmtree(removed, ignore_errors=True)
    os.rename(destination, removed)  # noqa: PTH104 - one seam for the tests to break
    for left_over in destination.parent.glob(f"{REMOVED}*"):
        shutil.rmtree(left_over)


def delete_folder(folder: StorePath) -> None:
    """Delete a folder that no reader looks for, if it is there."""
    if isinstance(folder, ObjectPath):
        folder.remove()
    else:
        shutil.rmtree(folder, ignore_errors=True)


def rename_damaged(destination: StorePath) -> None:
    """Move a damaged folder or file out of the way, so that a whole one can take its name."""
    if isinstance(destination, ObjectPath):
        destination.move(_find_name(destination))
        return
    os.rename(destination, _find_name(destination))  # noqa: PTH104 - one seam for the tests to break
    sync_path(destination.parent)


def _find_name(damaged: _P) -> _P:
    """A name beside a damaged folder or file that nothing has yet."""
    moved, count = damaged.with_name(f"{DAMAGED}{damaged.name}"), 1
    while moved.exists():
        count += 1
        moved = damaged.with_name(f"{DAMAGED}{count}-{damaged.name}")
    return moved


def _write(path: Path, content: bytes, *, mode: int = ANY_OWNER) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sync_path(path: Path) -> None:
    """Force a file's content, or the names in a folder, to the disk: they survive a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
