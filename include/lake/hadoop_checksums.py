"""The checksums that Hadoop writes beside a local file: `.NAME.crc`, a CRC-32 for each chunk.

Spark's checkpoint has one of each file, and a stream does not resume from one that differs. What is
no checksum file Hadoop ignores, and so is it here.

Source: org.apache.hadoop.fs.ChecksumFileSystem.
"""

import struct
import zlib

from include.object_path import StorePath

HEADER, CHUNKS_AT = b"crc\0", 8  # between them lies how many bytes a chunk has


def has_other_checksum(file: StorePath) -> bool:
    """Whether a file is not what its checksums were made of; false if it has none."""
    try:
        content = file.read_bytes()
        stored = file.with_name(f".{file.name}.crc").read_bytes()
    except OSError:
        return False
    if not stored.startswith(HEADER) or len(stored) < CHUNKS_AT:
        return False
    (chunk,) = struct.unpack(">i", stored[len(HEADER) : CHUNKS_AT])
    if chunk <= 0:
        return False
    checksums = [
        zlib.crc32(content[start : start + chunk]) for start in range(0, len(content), chunk)
    ]
    return stored[CHUNKS_AT:] != struct.pack(f">{len(checksums)}I", *checksums)
