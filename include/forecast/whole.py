"""Files and folders that are there whole or not at all, whatever is killed on the way."""

import os
from collections.abc import Mapping
from pathlib import Path

PARTIAL = ".partial-"


def put_folder(target: Path, files: Mapping[str, bytes]) -> None:
    """Write a folder of files under a name of no account, then give it its own in one move."""
    draft = target.with_name(f"{PARTIAL}{target.name}")
    draft.mkdir()
    for name, content in files.items():
        _write(draft / name, content)
    _sync_folder(draft)
    os.rename(draft, target)  # noqa: PTH104 - one seam for the tests to break
    _sync_folder(target.parent)


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
