"""A new world of a backup's files: all of them are checked before one is written."""

import shutil
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

import msgspec

from include.atomic_files import delete_folder, publish
from include.errors import PlatformError, StateError, TickhouseError
from include.lake.minute_holes import number_sql
from include.lake.reading import connect, open_table
from include.local.backup import DESCRIPTION, FORMAT, HOME, STORE, Backup, CopiedFile, copy_file
from include.local.lock import exclusive_lock
from include.market.feed_shards import split_feed_name
from include.market.venues import HEALING
from include.object_path import StorePath, store_path
from include.settings import Settings
from include.state_files import read_json_file, write_checked_file
from include.versions import SCHEMA

NEWEST_IDS = f"""
SELECT venue, symbol, arg_max(number, ("partition", "offset", event_index)) AS newest FROM (
    SELECT venue, symbol, "partition", "offset", event_index, {{number}} AS number FROM trades
    WHERE NOT starts_with(conn, '{HEALING}')
) WHERE number IS NOT NULL GROUP BY venue, symbol
"""


class _Format(msgspec.Struct):
    """What is read of a description first: another format may have other fields."""

    format: object = None


def read_backup(folder: Path) -> Backup:
    """What a backup holds, once every file of it was read and found right.

    Raises:
        PlatformError: it is no backup, of another version, or a part is missing or damaged.
    """
    backup = _read_description(folder)
    for name, copied in backup.files.items():
        _check_file(folder, name, copied)
    return backup


def _read_description(folder: Path) -> Backup:
    location = folder / DESCRIPTION
    try:
        description = read_json_file(location, _Format)
        if description is None:
            raise PlatformError(f"{folder} is no backup: it has no {DESCRIPTION}")
        if description.format != FORMAT:
            raise PlatformError(
                f"{folder} has the format {description.format!r}, and this program knows {FORMAT}"
            )
        backup = read_json_file(location, Backup)
    except StateError as error:
        raise PlatformError(f"the backup in {folder} cannot be read: {error}") from error
    if backup is None or backup.crc32 not in (None, backup.checksum()):
        raise PlatformError(
            f"the backup in {folder} is damaged: {DESCRIPTION} is not as it was written"
        )
    return backup


def _check_file(folder: Path, name: str, copied: CopiedFile) -> None:
    root, *parts = PurePosixPath(name).parts or ("",)
    if root not in (HOME, STORE) or ".." in parts:
        raise PlatformError(f"the backup in {folder} is damaged: {name!r} is no part of one")
    try:
        content = (folder / name).read_bytes()
    except (OSError, ValueError) as error:  # a name that no file can have
        raise PlatformError(f"the backup in {folder} lacks a part: {name!r} ({error})") from error
    if (len(content), zlib.crc32(content)) != (copied.size, copied.crc32):
        raise PlatformError(f"the backup in {folder} is damaged: {name} is not as it was written")


def restore_files(
    settings: Settings, folder: Path, *, finish: Callable[[], object] = lambda: None
) -> Backup:
    """Put a backup's files where a new world has them; nothing changes if that fails.

    `finish` is called when they are in place: if it fails, they are removed again.

    Raises:
        PlatformError: as `read_backup`; the world exists already, or the disk has no room.
    """
    backup = read_backup(folder)
    if backup.schema > SCHEMA:
        raise PlatformError(
            f"the backup in {folder} is of a world with the schema {backup.schema}, and this "
            f"program knows {SCHEMA}: restore it with the version that made it ({backup.program})"
        )
    locations = (settings.home, settings.world_store, store_path(settings.lake))
    _refuse_existing(locations)
    draft = settings.var / f".restoring-{settings.world}"
    destinations = {name: _choose_destination(settings, draft, name) for name in backup.files}
    _require_space({destinations[name]: copied.size for name, copied in backup.files.items()})
    try:
        with exclusive_lock(settings.var / "restore.lock", name="a restore"):
            _refuse_existing(locations)  # another restore may have ended meanwhile: it stays
            shutil.rmtree(draft, ignore_errors=True)
            with _removed_on_failure(draft, *locations):
                _copy(settings, folder, draft, destinations)
                finish()
    except (OSError, TickhouseError) as error:
        raise PlatformError(
            f"{folder} could not be restored, nothing was changed: {error}"
        ) from error
    return backup


def _refuse_existing(locations: Iterable[StorePath]) -> None:
    for location in locations:
        if location.exists():
            raise PlatformError(
                f"{location} exists: a backup is restored into a new world; move it away, or name "
                "another with TICKHOUSE_WORLD"
            )


@contextmanager
def _removed_on_failure(*locations: StorePath) -> Iterator[None]:
    try:
        yield
    except BaseException:
        for location in locations:
            delete_folder(location)
        raise


def _copy(
    settings: Settings, folder: Path, draft: Path, destinations: Mapping[str, StorePath]
) -> None:
    for name, destination in destinations.items():
        copy_file(folder / name, destination)
    draft.mkdir(parents=True, exist_ok=True)
    lake = _choose_destination(settings, draft, f"{STORE}/lake")
    _restore_last_ids(draft / "feeds", str(lake))
    publish(draft, settings.home)


def _restore_last_ids(feeds: Path, lake: str) -> None:
    """Let each feed go on behind what the lake has, so that what came after it is a hole.

    The feeds' own files count what Kafka had, which may be more than had landed.
    """
    newest_ids = _read_newest_ids(lake)
    for path in sorted(feeds.glob("*.json")):
        write_checked_file(path, newest_ids.get(split_feed_name(path.stem)[0], {}))


def _read_newest_ids(lake: str) -> dict[str, dict[str, int]]:
    """The number of the last trade that landed from a live connection, by venue and symbol."""
    if open_table(lake, "trades") is None:
        return {}
    connection = connect(lake, ["trades"])
    try:
        rows = connection.execute(NEWEST_IDS.format(number=number_sql())).fetchall()
    finally:
        connection.close()
    ids: dict[str, dict[str, int]] = {}
    for venue, symbol, number in rows:
        ids.setdefault(venue, {})[symbol] = int(number)
    return ids


def _choose_destination(settings: Settings, draft: Path, name: str) -> StorePath:
    """Where a file of a backup goes: into the draft of the world's folder, or the object store."""
    lake = store_path(settings.lake)
    root, _, path = name.partition("/")
    if root == HOME:
        return draft / path
    if f"{path}/".startswith("lake/") and not _is_below(lake, settings.home):
        return lake / path.removeprefix("lake").lstrip("/")
    return settings.world_store / path if settings.store else draft / path


def _is_below(location: StorePath, folder: Path) -> bool:
    return isinstance(location, Path) and location.is_relative_to(folder)


def _require_space(sizes: Mapping[StorePath, int]) -> None:
    """Each disk has room for its files; of an object store nobody knows."""
    needed, folders = Counter[int](), dict[int, Path]()
    for destination, size in sizes.items():
        if isinstance(destination, Path):
            existing = next(path for path in destination.parents if path.exists())
            disk = existing.stat().st_dev
            needed[disk] += size
            folders.setdefault(disk, existing)
    for disk, folder in folders.items():
        free = shutil.disk_usage(folder).free
        if free < needed[disk]:
            raise PlatformError(
                f"the backup needs {needed[disk] / 1e6:.0f} MB, and {free / 1e6:.0f} MB are free "
                f"at {folder}"
            )
