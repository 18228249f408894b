"""State files: what one process leaves for another, or for its own next start, as JSON.

They are written whole or not at all (`include/atomic_files.py`). One that holds something else was
damaged from outside, by a disk or by a hand, and is named in the error.
"""

import zlib
from typing import TypeVar

import msgspec

from include.atomic_files import write_file
from include.errors import StateError
from include.object_path import StorePath

T = TypeVar("T")


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
    except (msgspec.MsgspecError, UnicodeDecodeError, OSError) as error:
        raise StateError(f"the file {location} is damaged: {error}") from error


def write_checked_file(location: StorePath, contents: object) -> None:
    """Write a state with a checksum, so that another number in it is noticed too."""
    encoded = msgspec.json.encode(contents)
    write_file(location, msgspec.json.encode(_Checked(zlib.crc32(encoded), msgspec.Raw(encoded))))


def read_checked_file(location: StorePath, state_type: type[T]) -> T | None:
    """The state that `write_checked_file` wrote; null if there is no such file.

    Raises:
        StateError: the file is damaged, or its checksum is another.
    """
    checked = read_json_file(location, _Checked)
    if checked is None:
        return None
    if zlib.crc32(checked.state) != checked.crc32:
        raise StateError(f"the file {location} is damaged: its checksum is another")
    try:
        return msgspec.json.decode(checked.state, type=state_type)
    except msgspec.MsgspecError as error:
        raise StateError(f"the file {location} is damaged: {error}") from error
