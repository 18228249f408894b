"""A backup of a world, made while it runs: the lake at one moment, and what goes with it.

The moment is the end of a batch of `land`: every table's log is cut at its version then, and its
data files are copied, so that no table is ahead of another. Postgres' serving database follows from
the lake and is filled from it again, but for the dashboard's notes and the trader's halts, which go
along; Kafka's messages beyond the moment are not part of a backup. The description of the backup is
written last: a folder without it is no backup.
"""

import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import msgspec

from include.atomic_files import delete_folder, write_file
from include.errors import PlatformError, Unreachable
from include.lake.audit.seals import SEALS_FOLDER, read_seals
from include.lake.epoch import read_epoch
from include.lake.floors import read_floors
from include.lake.reading import open_table
from include.local.lake_moment import LakeMoment, find_moment
from include.local.schema import read_schema
from include.log import PrintLine
from include.object_path import StorePath, list_paths, store_path
from include.serving.account_states import HALTS, read_halts
from include.serving.annotations import NOTES, read_notes
from include.settings import Settings
from include.settings.groups import DatabaseRole

FORMAT = 1
DESCRIPTION, STORE, HOME = "backup.json", "store", "home"
SCHEMA_FILE = "schema.json"
KEPT_IN_STORE = ("forecasts", "models", "history", "quality")  # beside the lake
KEPT_AT_HOME = ("feeds/*.json", "trader.halt")  # a spool is none of it: Kafka has not had that
EPOCH = "checkpoints/land/epoch.json"
_LOG_FILE = re.compile(r"(\d{20})\.")
_LAST_CHECKPOINT = "_last_checkpoint"


class CopiedFile(msgspec.Struct, frozen=True):
    """The size of a file in bytes, and the CRC-32 of its content."""

    size: int
    crc32: int


class Backup(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a backup holds. `tables` are the versions of the lake's tables at the moment.

    `watermarks` are the next offsets to land by `TOPIC/PARTITION`, as the lake counts them;
    `topic_ids` are Kafka's. `files` are by their path within the backup. `schema` is the world's
    (`include/local/schema.py`). `crc32` is that of all else here as JSON; null: an earlier version
    wrote none.
    """

    world: str
    made_at: datetime
    program: str
    tables: dict[str, int]
    watermarks: dict[str, int]
    topic_ids: dict[str, str]
    files: dict[str, CopiedFile]
    schema: int = 0
    format: int = FORMAT
    crc32: int | None = None

    def checksum(self) -> int:
        """The CRC-32 of what is described."""
        return zlib.crc32(msgspec.json.encode(msgspec.structs.replace(self, crc32=None)))


def back_up(
    settings: Settings, folder: Path, *, made_at: datetime, program: str, print_line: PrintLine
) -> Backup:
    """Copy the world into a new folder; nothing stays there if that fails.

    Raises:
        PlatformError: the folder has something in it, the disk is full, there is no lake, or the
            stream never came to the end of a batch.
        UnreadableTable: a table of the lake is damaged.
    """
    lines: list[str] = []
    try:
        if folder.exists() and any(folder.iterdir()):
            raise PlatformError(f"{folder} is not empty: a backup needs a folder of its own")
        if not list_paths(store_path(settings.lake), "*/_delta_log"):
            raise PlatformError(f"world {settings.world} has no lake yet at {settings.lake}")
        with _emptied_on_failure(folder):
            moment, files = _copy_world(settings, folder, lines.append)
            backup = _describe(settings, moment, files, made_at=made_at, program=program)
            write_file(folder / DESCRIPTION, msgspec.json.format(msgspec.json.encode(backup)))
    except OSError as error:
        raise PlatformError(f"the backup in {folder} could not be written: {error}") from error
    size_mb = sum(copied.size for copied in files.values()) / 1e6
    lines.append(f"{len(moment.versions)} tables, {len(files)} files, {size_mb:.0f} MB in {folder}")
    for line in lines:
        print_line(line)
    return backup


@contextmanager
def _emptied_on_failure(folder: Path) -> Iterator[None]:
    """What was copied is removed if the block fails, and the folder if it was not there."""
    is_new = not folder.exists()
    try:
        yield
    except BaseException:
        for name in (STORE, HOME):
            delete_folder(folder / name)
        if is_new and folder.exists():
            folder.rmdir()
        raise


def _copy_world(
    settings: Settings, folder: Path, print_line: PrintLine
) -> tuple[LakeMoment, dict[str, CopiedFile]]:
    files = _copy_files(_list_home(settings.home), folder)
    files |= _copy_from_postgres(settings, folder, print_line)
    # Before the lake, for no seal may be ahead of it.
    files |= _copy_files(_list_below(settings.world_store, SEALS_FOLDER), folder)
    moment = find_moment(settings)
    files |= _copy_files(_list_store(settings, moment), folder)
    _check_tables(folder / STORE / "lake", moment.versions)
    check_floors(folder / STORE)
    return moment, files


def _describe(
    settings: Settings,
    moment: LakeMoment,
    copied_files: dict[str, CopiedFile],
    *,
    made_at: datetime,
    program: str,
) -> Backup:
    epoch = read_epoch(settings.world_store / EPOCH)
    backup = Backup(
        world=settings.world,
        made_at=made_at,
        program=program,
        tables=dict(moment.versions),
        watermarks={str(part): offset for part, offset in sorted(moment.watermarks.items())},
        topic_ids=dict(epoch.topic_ids) if epoch else {},
        files=copied_files,
        schema=read_schema(settings) or 0,
    )
    return msgspec.structs.replace(backup, crc32=backup.checksum())


def _copy_from_postgres(
    settings: Settings, folder: Path, print_line: PrintLine
) -> dict[str, CopiedFile]:
    """What Postgres alone has: what people wrote on the dashboard, and the trader's halts."""
    dsn = settings.dsn(DatabaseRole.READER)
    try:
        contents = {NOTES: read_notes(dsn), HALTS: read_halts(dsn)}
    except Unreachable as error:
        print_line(f"without the dashboard's notes and the trader's halts: {error}")
        return {}
    (folder / HOME).mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        write_file(folder / HOME / name, content)
    return {
        f"{HOME}/{name}": CopiedFile(len(content), zlib.crc32(content))
        for name, content in contents.items()
    }


def _copy_files(sources: Iterable[tuple[StorePath, str]], folder: Path) -> dict[str, CopiedFile]:
    copies = ((name, copy_file(source, folder / name)) for source, name in sources)
    return {name: copied for name, copied in copies if copied is not None}


def copy_file(origin: StorePath, destination: StorePath) -> CopiedFile | None:
    """Copy a file; null if it is not there (any more)."""
    try:
        content = origin.read_bytes()
    except FileNotFoundError:
        return None
    destination.parent.mkdir(parents=True, exist_ok=True)
    write_file(destination, content)
    return CopiedFile(len(content), zlib.crc32(content))


def _list_home(home: Path) -> Iterator[tuple[StorePath, str]]:
    """What every machine keeps for itself: the feeds' last ids, a halt of the trader by file."""
    for pattern in KEPT_AT_HOME:
        for path in sorted(home.glob(pattern)):
            if path.is_file():
                yield path, f"{HOME}/{path.relative_to(home)}"


def _list_store(settings: Settings, moment: LakeMoment) -> Iterator[tuple[StorePath, str]]:
    """Each file of lake and store, with its path in the backup; a table's data before its log."""
    lake, store = store_path(settings.lake), settings.world_store
    for table, version in moment.versions.items():
        files = list_all(lake / table)
        for path in sorted(files, key=lambda path: ("_delta_log" in str(path), str(path))):
            if _is_part_of(path, version):
                yield path, f"{STORE}/lake/{table}{_name_below(path, lake / table)}"
    for name in KEPT_IN_STORE:
        yield from _list_below(store, name)
    for name in (EPOCH, SCHEMA_FILE):
        yield store / name, f"{STORE}/{name}"


def _list_below(store: StorePath, name: str) -> Iterator[tuple[StorePath, str]]:
    for path in list_all(store / name):
        yield path, f"{STORE}/{name}{_name_below(path, store / name)}"


def list_all(folder: StorePath) -> list[StorePath]:
    """Every file below a folder, by name."""
    paths: list[StorePath] = [*folder.rglob("*")]
    return sorted((path for path in paths if path.is_file()), key=str)


def _name_below(copied_file: StorePath, folder: StorePath) -> str:
    return str(copied_file).removeprefix(str(folder))


def _is_part_of(table_file: StorePath, version: int) -> bool:
    """Whether a table at this version has the file; of data files, all that are there."""
    if table_file.parent.name != "_delta_log":
        return not table_file.name.startswith(".")
    if table_file.name == _LAST_CHECKPOINT:
        return False  # a hint, which may name a later one; readers list the log without it
    number = _LOG_FILE.match(table_file.name)
    return number is not None and int(number[1]) <= version


def _check_tables(lake: Path, versions: Mapping[str, int]) -> None:
    """Every data file of every table is in the copy.

    Raises:
        PlatformError: one is missing: it was deleted while the copy was made.
    """
    for name, version in versions.items():
        table = open_table(str(lake), name)
        if table is None or table.version() != version:
            raise PlatformError(f"the copy of table {name} is not at version {version}: try again")
        for uri in table.file_uris():
            if not Path(uri.removeprefix("file://")).exists():
                raise PlatformError(f"{name} lacks {uri}, deleted meanwhile: try again")


def check_floors(store: Path) -> None:
    """The seals of a copy know what its lake has dropped.

    Raises:
        PlatformError: retention dropped rows while the copy was made.
    """
    floors = read_floors(str(store / "lake"))
    seals = read_seals(store / SEALS_FOLDER) if floors else None
    by_partition = seals.by_partition if seals else {}
    for part, floor in floors.items():
        if part in by_partition and by_partition[part].find_dropped(floor.offset) is None:
            raise PlatformError(
                f"retention dropped rows of {part.topic}/{part.partition} meanwhile: try again"
            )
