"""Names in an object store, with the part of pathlib's interface by which files are kept there.

An object is whole once it can be read and durable once its put returns; there are no folders, only
names with slashes. obstore is the client, as in delta-rs below; it finds endpoint and keys in the
process's `AWS_…` variables (`include/settings/store.py`).
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from include.store_refusals import SCHEME, describe_refusal

if TYPE_CHECKING:
    from obstore import ObjectMeta
    from obstore.store import S3Store


@dataclass(frozen=True)
class ObjectStatus:
    """Size in bytes and time of the last put in seconds since 1970, as `os.stat` names them."""

    st_size: int
    st_mtime: float


@dataclass(frozen=True, order=True)
class ObjectPath:
    """A name in a bucket: an object, or what its name has before a slash."""

    bucket: str
    key: str = ""

    def __str__(self) -> str:
        return f"{SCHEME}{self.bucket}/{self.key}".rstrip("/")

    def __truediv__(self, name: str) -> "ObjectPath":
        return ObjectPath(self.bucket, f"{self.key}/{name}".strip("/"))

    @property
    def name(self) -> str:
        """What comes after the last slash."""
        return self.key.rpartition("/")[2]

    @property
    def parent(self) -> "ObjectPath":
        """The name before the last slash."""
        return ObjectPath(self.bucket, self.key.rpartition("/")[0])

    @property
    def suffix(self) -> str:
        """The name's ending from its last dot on."""
        return PurePosixPath(self.name).suffix

    @property
    def stem(self) -> str:
        """The name without its ending."""
        return PurePosixPath(self.name).stem

    def replace_suffix(self, suffix: str) -> "ObjectPath":
        """The same name with another ending."""
        return self.replace_name(f"{self.stem}{suffix}")

    def replace_name(self, name: str) -> "ObjectPath":
        """Another name beside this one."""
        return self.parent / name

    with_name, with_suffix = replace_name, replace_suffix  # as pathlib calls them

    def relative_to(self, ancestor: "ObjectPath") -> PurePosixPath:
        """What this name has after an ancestor's."""
        return PurePosixPath(self.key).relative_to(ancestor.key)

    def exists(self) -> bool:
        """Whether there is such an object, or any below it."""
        return self.is_file() or next(self._list(), None) is not None

    def is_file(self) -> bool:
        """Whether there is such an object."""
        try:
            self.stat()
        except FileNotFoundError:
            return False
        return True

    def stat(self) -> ObjectStatus:
        """The object's size."""
        with _use_store(self) as store:
            return _read_status(store.head(self.key))

    def read_bytes(self) -> bytes:
        """The object's content."""
        with _use_store(self) as store:
            return bytes(store.get(self.key).bytes())

    def read_small(self, *, max_bytes: int) -> tuple[ObjectStatus, bytes | None]:
        """The object's status, and its content if that is no longer; by one request."""
        with _use_store(self) as store:
            answer = store.get(self.key)
            status = _read_status(answer.meta)
            content = bytes(answer.bytes()) if status.st_size <= max_bytes else None
        return status, content

    def read_range(self, first: int, end: int) -> bytes:
        """The object's bytes from `first` to before `end`."""
        with _use_store(self) as store:
            return bytes(store.get_range(self.key, start=first, end=end))

    def read_text(self, encoding: str = "utf-8", *, errors: str = "strict") -> str:
        """The object's content as text."""
        return self.read_bytes().decode(encoding, errors=errors)

    def open(self, mode: str) -> io.BytesIO:
        """The object's content to read (`rb`)."""
        assert mode == "rb"
        return io.BytesIO(self.read_bytes())

    def put(self, content: bytes | str, *, if_absent: bool = False) -> None:
        """Write or replace the object.

        Raises:
            FileExistsError: it is there, and was to be written only `if_absent`.
        """
        encoded = content.encode() if isinstance(content, str) else content
        with _use_store(self) as store:
            store.put(self.key, encoded, mode="create" if if_absent else "overwrite")

    def put_file(self, file: Path) -> None:
        """Write or replace the object with a file's content, part by part."""
        with _use_store(self) as store:
            store.put(self.key, file)

    def version(self) -> str | None:
        """What the store calls the object's present content; null if there is none."""
        with _use_store(self) as store:
            try:
                return store.head(self.key)["e_tag"]
            except FileNotFoundError:
                return None

    def replace_version(self, content: bytes, version: str | None) -> None:
        """Write the object if its content is still that of `version` (null: it is not there).

        Raises:
            FileExistsError: it is another by now.
        """
        mode: Any = "create" if version is None else {"e_tag": version}
        with _use_store(self) as store:
            store.put(self.key, content, mode=mode)

    def unlink(self, *, missing_ok: bool = False) -> None:
        """Delete the object."""
        if not missing_ok and not self.is_file():
            raise FileNotFoundError(str(self))
        with _use_store(self) as store:
            store.delete(self.key)

    def mkdir(self, *, parents: bool = False, exist_ok: bool = False) -> None:
        """Nothing: a folder is there with the first object in it."""

    def iterdir(self) -> Iterator["ObjectPath"]:
        """The names directly below this one, objects and folders."""
        with _use_store(self) as store:
            listing = store.list_with_delimiter(self.key or None)
        names = [*listing["common_prefixes"], *(entry["path"] for entry in listing["objects"])]
        return (ObjectPath(self.bucket, name.strip("/")) for name in names)

    def glob(self, pattern: str) -> Iterator["ObjectPath"]:
        """The objects and folders whose names below this one match, slash by slash."""
        parts = pattern.split("/")
        below = [path.relative_to(self).parts for path in self._list()]
        for names in sorted({names[: len(parts)] for names in below}):
            if len(names) == len(parts) and all(map(fnmatchcase, names, parts)):
                yield self / "/".join(names)

    def rglob(self, pattern: str) -> Iterator["ObjectPath"]:
        """The objects at any depth below this one whose last name matches."""
        return (path for path in self._list() if fnmatchcase(path.name, pattern))

    def sizes(self) -> Iterator[int]:
        """The bytes of every object below this name, from the listing alone."""
        with _use_store(self) as store:
            for page in store.list(self.key or None):
                yield from (entry["size"] for entry in page)

    def move(self, destination: "ObjectPath") -> None:
        """Move every object below this name; the store copies, then deletes."""
        moved = [path.key for path in self._list()]
        with _use_store(self) as store:
            for key in moved:
                store.copy(key, destination.key + key.removeprefix(self.key))
            store.delete(moved)

    def remove(self) -> None:
        """Delete every object below this name."""
        keys = [path.key for path in self._list()]
        with _use_store(self) as store:
            store.delete(keys)

    def _list(self) -> Iterator["ObjectPath"]:
        with _use_store(self) as store:
            for page in store.list(self.key or None):
                yield from (ObjectPath(self.bucket, entry["path"]) for entry in page)


def _read_status(meta: "ObjectMeta") -> ObjectStatus:
    return ObjectStatus(int(meta["size"]), meta["last_modified"].timestamp())


StorePath = Path | ObjectPath


def store_path(location: str) -> StorePath:
    """A location by its path or `s3a://` URI."""
    if location.startswith(SCHEME):
        bucket, _, key = location.removeprefix(SCHEME).partition("/")
        return ObjectPath(bucket, key.strip("/"))
    return Path(location.removeprefix("file://")).absolute()


def list_paths(folder: StorePath, pattern: str) -> list[StorePath]:
    """What matches below a folder, by name."""
    paths: list[StorePath] = [*folder.glob(pattern)]
    return sorted(paths, key=str)


def size_of_folder(folder: StorePath) -> int:
    """The bytes of all files below a folder; 0 if it is not there."""
    if isinstance(folder, ObjectPath):
        return sum(folder.sizes())
    total = 0
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):  # replaced meanwhile
            total += path.stat().st_size if path.is_file() else 0
    return total


@contextmanager
def _use_store(location: ObjectPath) -> Iterator["S3Store"]:
    """The client of a path's bucket, whose errors become those of files, or a sentence."""
    from obstore import exceptions  # noqa: PLC0415 - late: most commands need no store

    try:
        yield open_bucket(location.bucket)
    except (exceptions.AlreadyExistsError, exceptions.PreconditionError) as error:
        raise FileExistsError(str(location)) from error
    except FileNotFoundError as error:
        if "NoSuchBucket" in str(error):
            raise describe_refusal(error, str(location)) from error
        raise FileNotFoundError(str(location)) from error
    except exceptions.BaseError as error:
        raise describe_refusal(error, str(location)) from error


@lru_cache
def open_bucket(bucket: str) -> "S3Store":
    """The client of a bucket."""
    from obstore.store import S3Store  # noqa: PLC0415 - late, as above

    return S3Store(bucket)
