"""Files and folders that are there whole or not at all, whatever is killed on the way."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

PARTIAL = ".partial-"
GONE = f"{PARTIAL}gone-"


def put_folder(target: Path, files: Mapping[str, bytes]) -> None:
    """Write a folder of files under a name of no account, then give it its own in one move."""
    draft = target.with_name(f"{PARTIAL}{target.name}")
    draft.mkdir()
    for name, content in files.items():
        _write(draft / name, content)
    _sync_folder(draft)
    os.rename(draft, target)  # noqa: PTH104 - one seam for the tests to break
    _sync_folder(target.parent)


def remove_folder(target: Path) -> None:
    """Take a folder's name away in one move, then its files: nobody finds a half of it.

    What an earlier removal beside it left behind goes too.
    """
    gone = target.with_name(f"{GONE}{target.name}")
    shutil.rmtree(gone, ignore_errors=True)
    os.rename(target, gone)  # noqa: PTH104 - one seam for the tests to break
    for left_over in target.parent.glob(f"{GONE}*"):
        shutil.rmtree(left_over)


def put_file(target: Path, content: bytes) -> None:
    """Replace a file in one move."""
    draft = target.with_name(f"{target.name}.partial")
    _write(draft, content)
    os.replace(draft, target)  # noqa: PTH105 - one seam for the tests to break
    _sync_folder(target.parent)


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
