"""State files: what one process leaves for another, or for its own next start, as JSON.

They are written whole or not at all (`include/atomic_files.py`). One that holds something else was
damaged from outside, by a disk or by a hand, and is named in the error. What is in the place of one
and is no file is moved out of the way before another is written.
"""

import logging
import zlib
from typing import TypeVar

import msgspec

from include.atomic_files import rename_damaged, write_file
from include.errors import StateError
from include.log import event
from include.object_path import ObjectPath, StorePath

T = TypeVar("T")

log = logging.getLogger("tickhouse")


class _Checked(msgspec.Struct):
    """A state and the checksum of its JSON."""

    crc32: int
    state: msgspec.Raw


def read_json_file(location: StorePath, state_type: type[T]) -> T | None:
    """The state that a file holds; null if there is no such file.

    Raises:
        StateError: the file is empty, cut off, or holds something else.
    """
    try:
        return msgspec.json.decode(location.read_bytes(), type=state_type)
    except FileNotFoundError:
        return None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, OSError) as error:
        raise StateError(f"the file {location} is damaged: {error}") from error


def write_state_file(location: StorePath, content: bytes | str) -> None:
    """Write or replace a file that is the program's own, whatever lies in its place."""
    if not isinstance(location, ObjectPath) and location.is_dir():
        move_aside(location)
    write_file(location, content)


def move_aside(location: StorePath) -> None:
    """Move what is in the place of a state file, or of a folder of them, and report it."""
    log.warning(event("moved aside what is in the place of state", path=location))
    rename_damaged(location)


def write_checked_file(location: StorePath, contents: object) -> None:
    """Write a state with a checksum, so that another number in it is noticed too."""
    write_state_file(location, encode_with_checksum(contents))


def encode_with_checksum(contents: object) -> bytes:
    """The content of such a file."""
    encoded = msgspec.json.encode(contents)
    return msgspec.json.encode(_Checked(zlib.crc32(encoded), msgspec.Raw(encoded)))


def read_checked_file(
    location: StorePath, state_type: type[T], *, or_unchecked: bool = False
) -> T | None:
    """The state that `write_checked_file` wrote; null if there is no such file.

    `or_unchecked`: or that of an earlier version, which wrote no checksum.

    Raises:
        StateError: the file is damaged, or its checksum is another.
    """
    if or_unchecked and _is_unchecked(location):
        return read_json_file(location, state_type)
    checked = read_json_file(location, _Checked)
    if checked is None:
        return None
    if zlib.crc32(checked.state) != checked.crc32:
        raise StateError(f"the file {location} is damaged: its checksum is another")
    try:
        return msgspec.json.decode(checked.state, type=state_type)
    except msgspec.MsgspecError as error:
        raise StateError(f"the file {location} is damaged: {error}") from error


def _is_unchecked(location: StorePath) -> bool:
    """Whether a file holds JSON that has neither part of a checked state."""
    document = read_json_file(location, msgspec.Raw)
    if document is None:
        return False
    try:
        fields = msgspec.json.decode(document, type=dict[str, msgspec.Raw])
        return fields.keys().isdisjoint(_Checked.__struct_fields__)
    except UnicodeDecodeError:
        return False
    except msgspec.MsgspecError:  # a list
        return True
