"""The schema of a world: one number for the form of its lake, checkpoints, topics and files.

It is written into the world's store when the world is made, and compared before anything else is
started or changed, by the stream and every other Spark job too: containers start them without `up`.
`migrate` brings an older world to this program's number, one step after the other; a newer one is
for a newer program. Postgres has the number too, and a newer one there is refused; what it serves
follows from the lake.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime

import msgspec

from include.errors import PlatformError, StateError
from include.lake.reading import open_table
from include.lake.tables import TABLES
from include.local.lock import exclusive_lock
from include.object_path import StorePath, list_paths, store_path
from include.settings import Settings
from include.state_files import read_checked_file, write_checked_file
from include.versions import SCHEMA

SPARK_NAMES = {"long": "bigint", "integer": "int"}  # of Delta's types
UNNUMBERED = 0  # of a world that was made before there were numbers
MIGRATE = "./tickhouse migrate"
MigrationStep = Callable[[Settings], Iterator[str]]


class WorldSchema(msgspec.Struct, frozen=True):
    """The number, and which version of the program wrote it when."""

    schema: int
    program: str
    written_at: datetime


def require_schema(settings: Settings, *, program: str, now: datetime) -> None:
    """Let a world be used that has this program's schema; a new one gets it.

    Raises:
        PlatformError: the world is older or newer, or its number cannot be read; nothing changed.
    """
    if refuse_other_schemas(settings) is None:
        _write_schema(settings, program=program, now=now)


def join_world(settings: Settings, *, program: str, now: datetime) -> None:
    """Let a process work in a world that it may meet before `up` or `prepare` do (containers).

    A new world gets the number; one that was made without is left to them.

    Raises:
        PlatformError: as `require_schema`.
    """
    if read_schema(settings) != UNNUMBERED:
        require_schema(settings, program=program, now=now)


def refuse_other_numbers(settings: Settings) -> None:
    """Refuse a world with another schema than this program's, whoever opens it.

    Raises:
        PlatformError: the world is older or newer, or its number cannot be read.
    """
    if read_schema(settings) != UNNUMBERED:
        refuse_other_schemas(settings)


def refuse_other_schemas(settings: Settings) -> int | None:
    """The world's schema if it is this program's; null if there is no world yet.

    Raises:
        PlatformError: the world is older or newer, or its number cannot be read.
    """
    schema = read_schema(settings)
    if schema is None or schema == SCHEMA:
        return schema
    if schema > SCHEMA:
        raise PlatformError(_describe_newer(settings, schema))
    raise PlatformError(
        f"world {settings.world} has the schema {schema}, and this program {SCHEMA}: "
        f"{MIGRATE} brings it forward (make a backup first)"
    )


def read_schema(settings: Settings) -> int | None:
    """The world's schema: 0 if it was made before there were any, null if there is no world yet.

    Raises:
        PlatformError: the file cannot be read.
    """
    try:
        stored = read_checked_file(_locate(settings), WorldSchema)
    except StateError as error:
        raise PlatformError(
            f"{error}; if world {settings.world} was last used by this version, delete the file"
        ) from error
    if stored is not None:
        return stored.schema
    return UNNUMBERED if _list_tables(settings.lake) else None


def migrate(settings: Settings, *, program: str, now: datetime) -> list[str]:
    """Bring the world to this program's schema; a line for each step, none if nothing was due.

    Each step examines before it writes, and the number is written after it.

    Raises:
        PlatformError: there is no world, it is newer or in use, a step refuses it, another
            migration runs, or the disk is full.
    """
    if _read_known_schema(settings) == SCHEMA:
        return []
    with _hold_world(settings):
        lines = list[str]()
        for number in range(_read_known_schema(settings), SCHEMA):
            try:
                lines += STEPS[number](settings)
                _write_schema(settings, program=program, now=now, schema=number + 1)
            except OSError as error:
                raise PlatformError(
                    f"the migration of world {settings.world} stopped at schema {number}: {error}; "
                    "it goes on there when it is run again"
                ) from error
            lines.append(f"world {settings.world} has the schema {number + 1}")
        return lines


def _read_known_schema(settings: Settings) -> int:
    schema = read_schema(settings)
    if schema is None:
        raise PlatformError(f"there is no world {settings.world} yet: ./tickhouse up makes it")
    if schema > SCHEMA:
        raise PlatformError(_describe_newer(settings, schema))
    return schema


@contextmanager
def _hold_world(settings: Settings) -> Iterator[None]:
    """Keep other migrations and the stream away, which in containers has no supervisor."""
    with ExitStack() as locks:
        for file, name in (("migrate.lock", "a migration"), ("stream.lock", "the stream job")):
            try:
                locks.enter_context(exclusive_lock(settings.home / file, name=name))
            except OSError as error:
                raise PlatformError(
                    f"world {settings.world} cannot be brought forward, nothing changed: {error}"
                ) from error
        yield


def _examine_tables(settings: Settings) -> Iterator[str]:
    """Where columns were added alone: a table may lack some, and must have the others' types."""
    names = _list_tables(settings.lake)
    faults = [fault for name in names for fault in _find_column_faults(settings.lake, name)]
    if faults:
        raise PlatformError(
            f"world {settings.world} cannot be brought forward: {'; '.join(faults)}; "
            "nothing was changed"
        )
    yield f"{len(names)} tables have no column of another type than this version's"


def _find_column_faults(lake: str, name: str) -> Iterator[str]:
    table, definition = open_table(lake, name), TABLES.get(name)
    if table is None or definition is None:
        return
    types = {field.name: _describe_type(field.type) for field in table.schema().fields}
    for column in definition.columns:
        existing = types.get(column.name, column.type)
        if existing != column.type:
            yield f"{name}.{column.name} is {existing}, and should be {column.type}"


def _describe_type(delta_type: object) -> str:
    """`decimal(20,8)`, `timestamp` and the like, as columns are defined."""
    name = getattr(delta_type, "type", None)
    text = name if isinstance(name, str) else str(delta_type)
    return SPARK_NAMES.get(text, text)


# From schema 1 to 4 columns, tables and topics were added alone: the stream adds them at its start.
# Schema 4 has checksums in the states of windows; those without are read as long as they are there.
STEPS: Mapping[int, MigrationStep] = dict.fromkeys((0, 1, 2, 3), _examine_tables)


def _describe_newer(settings: Settings, schema: int) -> str:
    return (
        f"world {settings.world} has the schema {schema}, and this program knows {SCHEMA}: it was "
        "used by a newer version of Tickhouse; install that one, or choose another world"
    )


def _write_schema(settings: Settings, *, program: str, now: datetime, schema: int = SCHEMA) -> None:
    location = _locate(settings)
    location.parent.mkdir(parents=True, exist_ok=True)
    write_checked_file(location, WorldSchema(schema, program, now))


def _locate(settings: Settings) -> StorePath:
    return settings.world_store / "schema.json"


def _list_tables(lake: str) -> list[str]:
    return [path.parent.name for path in list_paths(store_path(lake), "*/_delta_log")]
