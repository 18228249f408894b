"""An object store's data files as DuckDB reads them.

DuckDB asks for the existence, the size and the time of each file a dozen times a query and opens it
twice, and fsspec's own file systems ask the store each time. A data file never changes, so that
here a small one is one request, a large one a request for each block that is read.
"""

import io
from collections import OrderedDict
from datetime import UTC, datetime
from typing import Any

from fsspec.spec import AbstractBufferedFile, AbstractFileSystem

from include.object_path import ObjectPath, ObjectStatus
from include.store_refusals import SCHEME

SMALL_BYTES = 4 * 1024 * 1024  # a file that is read at once
KEPT_BYTES = 64 * 1024 * 1024  # of the small ones read last


class DataFiles(AbstractFileSystem):  # type: ignore[misc]
    """Reads the objects of any bucket; for one connection, which sees each as it was first."""

    protocol = SCHEME.removesuffix("://")
    cachable = False

    def __init__(self) -> None:
        super().__init__()
        self._statuses: dict[str, ObjectStatus] = {}
        self._contents: OrderedDict[str, bytes] = OrderedDict()
        self._kept_bytes = 0

    def info(self, path: str, **options: Any) -> dict[str, Any]:
        """Name, type, size in bytes and time of the last put of an object."""
        name = self._strip_protocol(path)
        if name not in self._statuses:
            self._read(name)
        status = self._statuses[name]
        modified_at = datetime.fromtimestamp(status.st_mtime, UTC)
        return {"name": name, "type": "file", "size": status.st_size, "modified": modified_at}

    def glob(self, path: str, **options: Any) -> list[str]:
        """The object itself, if it is there: names of data files are no patterns."""
        try:
            return [self.info(path)["name"]]
        except FileNotFoundError:
            return []

    def read_modification_time(self, path: str) -> datetime:
        """Time of the last put."""
        return self.info(path)["modified"]  # type: ignore[no-any-return]

    modified = read_modification_time  # as fsspec calls it

    def _open(
        self, path: str, mode: str = "rb", **options: Any
    ) -> io.BytesIO | AbstractBufferedFile:
        assert mode == "rb", mode
        content = self._contents.get(path) or self._read(path)
        return _LargeFile(self, path) if content is None else io.BytesIO(content)

    def _read(self, name: str) -> bytes | None:
        """An object's content, which is kept, if it is small."""
        status, content = _locate(name).read_small(max_bytes=SMALL_BYTES)
        self._statuses[name] = status
        if content is not None and name not in self._contents:
            self._contents[name] = content
            self._kept_bytes += len(content)
            while self._kept_bytes > KEPT_BYTES:
                self._kept_bytes -= len(self._contents.popitem(last=False)[1])
        return content


class _LargeFile(AbstractBufferedFile):  # type: ignore[misc]
    """An object of which blocks are read as they are asked for."""

    def _fetch_range(self, start: int, end: int) -> bytes:
        return _locate(self.path).read_range(start, end)


def _locate(name: str) -> ObjectPath:
    bucket, _, key = name.partition("/")
    return ObjectPath(bucket, key)
