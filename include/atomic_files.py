"""Files and folders that exist whole or not at all, whichever moment the process is killed at.

Everything is written beside its target, synced to the disk, and then renamed. A reader that looks
for a target never meets a draft: their names begin with `.partial-` or end with `.partial`.
"""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

PARTIAL = ".partial-"
REMOVED = f"{PARTIAL}gone-"
DAMAGED = f"{PARTIAL}damaged-"
ANY_OWNER = 0o666  # less the umask


def write_file(target: Path, content: bytes | str, *, mode: int = ANY_OWNER) -> None:
    """Write or replace a file, text as UTF-8; `mode` is its permissions from the first byte on."""
    draft = target.with_name(f"{target.name}.partial")
    draft.unlink(missing_ok=True)
    _write(draft, content.encode() if isinstance(content, str) else content, mode=mode)
    os.replace(draft, target)  # noqa: PTH105 - one seam for the tests to break
    sync_path(target.parent)


def write_folder(target: Path, contents: Mapping[str, bytes]) -> None:
    """Write a new folder of files by their names.

    Raises:
        FileExistsError: a draft of the same folder is there.
        OSError: `target` is there and not empty.
    """
    draft = target.with_name(f"{PARTIAL}{target.name}")
    draft.mkdir()
    for name, content in contents.items():
        _write(draft / name, content)
    sync_path(draft)
    os.rename(draft, target)  # noqa: PTH104 - one seam for the tests to break
    sync_path(target.parent)


def publish(draft: Path, target: Path) -> None:
    """Give a file or folder that another program wrote its final name.

    Raises:
        OSError: `target` is a folder that is there and not empty.
    """
    for path in (draft, *sorted(draft.rglob("*"))):
        sync_path(path)
    os.replace(draft, target)  # noqa: PTH105 - one seam for the tests to break
    sync_path(target.parent)


def remove_folder(target: Path) -> None:
    """Remove a folder: its name in one move, then its files, so that no reader finds half of it.

    What an earlier removal beside it left behind is deleted too.
    """
    removed = target.with_name(f"{REMOVED}{target.name}")
    shutil.rmtree(removed, ignore_errors=True)
    os.rename(target, removed)  # noqa: PTH104 - one seam for the tests to break
    for left_over in target.parent.glob(f"{REMOVED}*"):
        shutil.rmtree(left_over)


def rename_damaged(target: Path) -> None:
    """Move a damaged folder out of the way, so that a whole one can take its name."""
    os.rename(target, target.with_name(f"{DAMAGED}{target.name}"))  # noqa: PTH104 - one seam for tests
    sync_path(target.parent)


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
