"""A new world of a backup's files: all of them are checked before one is written."""

import shutil
import zlib
from pathlib import Path
from typing import Any

import msgspec

from include.atomic_files import publish
from include.errors import PlatformError
from include.lake.minute_holes import number_sql
from include.lake.reading import connect, open_table
from include.local.backup import DESCRIPTION, FORMAT, HOME, Backup, CopiedFile, copy_file
from include.market.feed_shards import split_feed_name
from include.market.venues import HEALING
from include.object_path import StorePath, store_path
from include.settings import Settings
from include.state_files import write_checked_file
from include.versions import SCHEMA

NEWEST_IDS = f"""
SELECT venue, symbol, arg_max(number, ("partition", "offset", event_index)) AS newest FROM (
    SELECT venue, symbol, "partition", "offset", event_index, {{number}} AS number FROM trades
    WHERE NOT starts_with(conn, '{HEALING}')
) WHERE number IS NOT NULL GROUP BY venue, symbol
"""


def read_backup(folder: Path) -> Backup:
    """What a backup holds, once every file of it was read and found right.

    Raises:
        PlatformError: it is no backup, of another version, or a part is missing or damaged.
    """
    try:
        document: dict[str, Any] = msgspec.json.decode((folder / DESCRIPTION).read_bytes())
    except FileNotFoundError as error:
        raise PlatformError(f"{folder} is no backup: it has no {DESCRIPTION}") from error
    except (OSError, msgspec.MsgspecError) as error:
        raise PlatformError(f"{folder / DESCRIPTION} cannot be read: {error}") from error
    stored_format = document.get("format") if isinstance(document, dict) else None
    if stored_format != FORMAT:
        raise PlatformError(
            f"{folder} has the format {stored_format!r}, and this program knows {FORMAT}"
        )
    try:
        backup = msgspec.convert(document, Backup)
    except msgspec.MsgspecError as error:
        raise PlatformError(f"{folder / DESCRIPTION} cannot be read: {error}") from error
    for name, copied in backup.files.items():
        _check_file(folder, name, copied)
    return backup


def _check_file(folder: Path, name: str, copied: CopiedFile) -> None:
    try:
        content = (folder / name).read_bytes()
    except OSError as error:
        raise PlatformError(f"the backup in {folder} lacks a part: {name} ({error})") from error
    if (len(content), zlib.crc32(content)) != (copied.size, copied.crc32):
        raise PlatformError(f"the backup in {folder} is damaged: {name} is not as it was written")


def restore_files(settings: Settings, folder: Path) -> Backup:
    """Put a backup's files where a new world has them; nothing changes if that fails.

    Raises:
        PlatformError: as `read_backup`; the world exists already, or the disk has no room.
    """
    backup = read_backup(folder)
    if backup.schema > SCHEMA:
        raise PlatformError(
            f"the backup in {folder} is of a world with the schema {backup.schema}, and this "
            f"program knows {SCHEMA}: restore it with the version that made it ({backup.program})"
        )
    lake = store_path(settings.lake)
    for location in (settings.home, lake):
        if location.exists():
            raise PlatformError(
                f"{location} exists: a backup is restored into a new world; move it away, or name "
                "another with TICKHOUSE_WORLD"
            )
    size = sum(copied.size for copied in backup.files.values())
    _require_space(settings.var, size)
    draft = settings.var / f".restoring-{settings.world}"
    shutil.rmtree(draft, ignore_errors=True)
    try:
        for name in backup.files:
            copy_file(folder / name, _choose_destination(settings, draft, lake, name))
        draft.mkdir(parents=True, exist_ok=True)
        _restore_last_ids(
            draft / "feeds", str(_choose_destination(settings, draft, lake, "store/lake"))
        )
        publish(draft, settings.home)
    except OSError as error:
        shutil.rmtree(draft, ignore_errors=True)
        raise PlatformError(
            f"{folder} could not be restored, nothing was changed: {error}"
        ) from error
    return backup


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


def _choose_destination(settings: Settings, draft: Path, lake: StorePath, name: str) -> StorePath:
    """Where a file of a backup goes: into the draft of the world's folder, or the object store."""
    root, _, path = name.partition("/")
    if root == HOME:
        return draft / path
    if path.startswith("lake/") and not _is_below(lake, settings.home):
        return lake / path.removeprefix("lake/")
    return settings.world_store / path if settings.store else draft / path


def _is_below(location: StorePath, folder: Path) -> bool:
    return isinstance(location, Path) and location.is_relative_to(folder)


def _require_space(var: Path, size: int) -> None:
    existing = next(path for path in (var, *var.parents) if path.exists())
    free = shutil.disk_usage(existing).free
    if free < size:
        raise PlatformError(
            f"the backup needs {size / 1e6:.0f} MB, and {free / 1e6:.0f} MB are free for {var}"
        )
