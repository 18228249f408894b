"""The mark of a spool: where the record lies that comes next, and how far its segments reach.

What the mark has of a segment was synced: where the segment is shorter, or gone, records are lost.
"""

import json
import logging
import zlib
from pathlib import Path
from typing import NamedTuple

from include.log import event
from include.state_files import move_aside, write_state_file

log = logging.getLogger("tickhouse")

SpoolOffset = tuple[int, int]  # number of a segment, offset in bytes within it


class SpoolMark(NamedTuple):
    """Where the next record lies, and the bytes of each segment from there on."""

    front: SpoolOffset
    ends: dict[int, int]

    def write(self, path: Path) -> None:
        """Write the mark, whole or not at all."""
        ends = {str(number): end for number, end in self.ends.items()}
        text = json.dumps({"front": self.front, "ends": ends}, sort_keys=True)
        write_state_file(path, f"{zlib.crc32(text.encode()):08x} {text}")


def read_mark(path: Path) -> SpoolMark | None:
    """The mark that a file holds; null if there is none, or it is damaged, which is reported."""
    if path.is_dir():
        move_aside(path)
    content = path.read_bytes() if path.exists() else b""
    checksum, _, text = content.partition(b" ")
    if not text or checksum != f"{zlib.crc32(text):08x}".encode():
        if path.exists():
            log.warning(event("spool mark damaged: all that is there is sent again", path=path))
        return None
    mark = json.loads(text)
    number, byte_offset = mark["front"]
    return SpoolMark((number, byte_offset), {int(n): end for n, end in mark["ends"].items()})
