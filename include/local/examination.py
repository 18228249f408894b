"""What is wrong with a world's files before anything runs, and the repair of each defect.

No broker, no database and no Spark have to run for it: it reads their files. A defect whose repair
loses nothing is repaired by `up` by itself; the others by `doctor --repair`, which deletes nothing
either: what it takes out of use is in `var/WORLD/damaged`.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path, PurePosixPath
from shutil import move

from deltalake import DeltaTable

from include.errors import PlatformError, TickhouseError, UnreadableTable, UnreadFeature
from include.lake.checkpoint import committed_offsets
from include.lake.delta_log import LOG, LogDamage, cut_log, find_damaged_hints, find_log_damage
from include.lake.diagnosis import QUERIES, find_query_damage
from include.lake.epoch import read_epoch
from include.lake.reading import open_table
from include.lake.table_features import list_partitioning, unkept_rules
from include.lake.tables import LANDED, QUARANTINE
from include.lake.watermarks import home_table, landed_offsets
from include.local.defects import Defect, checkpoint_defect
from include.local.kafka_folders import find_strays
from include.local.lock import exclusive_lock
from include.local.preflight import check_disk
from include.local.topic_defects import examine_topics
from include.log import PrintLine
from include.object_path import store_path
from include.settings import Settings
from include.settings.store import is_object_store

ROUNDS = 8  # a repair may show the next defect: a table that was cut, then its checkpoint
POSTGRES_FILES = ("PG_VERSION", "global/pg_control", "postgresql.conf")
DOCTOR = "./tickhouse doctor --repair"
UNREAD = "nothing is damaged: drop the feature (ALTER TABLE … DROP FEATURE), or read it with Spark"
LANDED_NAMES = frozenset({*(table.name for table in LANDED), QUARANTINE.name})


def examine(settings: Settings) -> list[Defect]:
    """Everything that is wrong with the files of this world; changes nothing."""
    backup = settings.home / "damaged" / f"{datetime.now(UTC):%Y%m%dT%H%M%S}"
    tables = list(_examine_tables(settings, backup))
    # What a repair shows next is found when it is done: of one checkpoint it is one defect.
    watermarks = [] if tables else list(_examine_watermarks(settings))
    topics = [] if tables or watermarks else list(examine_topics(settings))
    return [
        *_examine_disk(settings),
        *_examine_postgres(settings, backup),
        *_examine_checkpoints(settings),
        *tables,
        *_examine_strays(settings),
        *watermarks,
        *topics,
    ]


def remedy_sentence(defect: Defect) -> str:
    """The defect, and what leads out of it."""
    if defect.loses_nothing:
        return f"{defect.sentence()}; ./tickhouse up repairs it by itself"
    command = f"{DOCTOR} " if defect.repair else ""
    return f"{defect.sentence()}; {command}{defect.remedy}"


def repair_what_loses_nothing(settings: Settings, *, print_line: PrintLine) -> None:
    """Repair every defect whose repair loses nothing.

    Raises:
        PlatformError: there is another one; nothing was repaired, and it names the command.
    """
    for _ in range(ROUNDS):
        defects = examine(settings)
        for defect in defects:
            if not defect.loses_nothing:
                raise PlatformError(remedy_sentence(defect))
        defects = [defect for defect in defects if defect.repair]
        if not defects:
            return
        repair_defects(settings, defects, print_line=print_line)
    raise PlatformError(f"{defects[0].sentence()}, again after its repair: see ./tickhouse doctor")


def repair_all(settings: Settings, *, print_line: PrintLine) -> list[Defect]:
    """Repair every defect that can be; gives those that are left for a person."""
    for _ in range(ROUNDS):
        defects = [defect for defect in examine(settings) if defect.repair]
        if not defects:
            break
        repair_defects(settings, defects, print_line=print_line)
    return examine(settings)


def repair_defects(settings: Settings, defects: list[Defect], *, print_line: PrintLine) -> None:
    """Repair these defects, the stream not running.

    Raises:
        PlatformError: the stream runs.
    """
    with exclusive_lock(settings.home / "stream.lock", name="the stream job"):
        for defect in defects:
            if defect.repair:
                defect.repair()
                print_line(f"{defect.sentence()}: repaired ({defect.remedy})")


def local_tables(settings: Settings) -> list[Path]:
    """The folder of every Delta table of a lake on this machine, listed in `TABLES` or not."""
    if is_object_store(settings.lake):
        return []
    return sorted(log.parent for log in Path(settings.lake).glob(f"*/{LOG}"))


def _examine_disk(settings: Settings) -> Iterator[Defect]:
    try:
        check_disk(settings.var)
    except PlatformError as error:
        yield Defect("disk", str(error), "free some space first")


def _examine_postgres(settings: Settings, backup: Path) -> Iterator[Defect]:
    data = settings.home / "postgres"
    cut = [name for name in POSTGRES_FILES if _is_cut(data / name)] if data.exists() else []
    if cut:
        yield Defect(
            f"Postgres's folder {data}",
            f"{', '.join(cut)} missing or empty",
            "moves it away; a new server is filled from the lake, Airflow forgets its past runs",
            repair=partial(_move, data, backup),
        )


def _is_cut(path: Path) -> bool:
    try:
        return not path.stat().st_size
    except FileNotFoundError:
        return True


def _examine_strays(settings: Settings) -> Iterator[Defect]:
    """Topics whose folders the broker has renamed; `up` brings them back once the broker runs."""
    for stray in find_strays(settings):
        yield Defect(
            f"topic {stray.partition.topic}/{stray.partition.partition}",
            f"the broker has moved its messages to {stray.folder.name}",
            "brings it back",
            loses_nothing=True,
        )


def _examine_checkpoints(settings: Settings) -> Iterator[Defect]:
    for query in QUERIES:
        damage = find_query_damage(settings.world_store, query)
        if damage is not None:
            yield checkpoint_defect(settings, query, f"it is damaged: {damage}")


def _examine_tables(settings: Settings, backup: Path) -> Iterator[Defect]:
    if is_object_store(settings.lake):
        yield from _examine_objects(settings)
    for folder in local_tables(settings):
        subject, damage = f"table {folder.name}", find_log_damage(folder)
        if damage is not None:
            yield _table_defect(subject, damage, backup)
        elif hints := find_damaged_hints(folder):
            yield from (_hint_defect(subject, hint, backup / folder.name) for hint in hints)
        else:
            yield from _examine_reading(settings, folder, backup)


def _examine_objects(settings: Settings) -> Iterator[Defect]:
    """Tables of an object store that cannot be read: no part of an object is ever missing there."""
    for folder in store_path(settings.lake).iterdir():
        try:
            yield from _examine_rules(open_table(settings.lake, folder.name))
        except UnreadFeature as error:
            yield Defect(f"table {folder.name}", str(error), UNREAD)
        except UnreadableTable as error:
            yield Defect(f"table {folder.name}", str(error), "restore its log from a backup")


def _hint_defect(subject: str, hint: Path, backup: Path) -> Defect:
    sentence, remedy = f"{hint.name} of its log is cut off", "moved away; nothing needs it"
    return Defect(
        subject, sentence, remedy, loses_nothing=True, repair=partial(_move, hint, backup)
    )


def _examine_reading(settings: Settings, folder: Path, backup: Path) -> Iterator[Defect]:
    try:
        table = open_table(settings.lake, folder.name)
    except UnreadFeature as error:
        yield Defect(f"table {folder.name}", str(error), UNREAD)
    except TickhouseError as error:
        damage = LogDamage(folder, str(error), intact_version=-1, is_unreferenced=False)
        yield _table_defect(f"table {folder.name}", damage, backup)
    else:
        yield from _examine_rules(table)


def _examine_rules(table: DeltaTable | None) -> Iterator[Defect]:
    """What an owner asks of every writer of a landed table: the stream would land nothing there."""
    name = PurePosixPath(table.table_uri).name if table else ""
    if table is None or name not in LANDED_NAMES:
        return
    if rules := [*unkept_rules(table), *list_partitioning(table)]:
        yield Defect(
            f"table {name}",
            f"it has {', '.join(rules)}, which the stream does not check: it lands nothing there",
            "drop that (ALTER TABLE, or write the table again without it)",
        )


def _table_defect(subject: str, damage: LogDamage, backup: Path) -> Defect:
    repair = partial(cut_log, damage, backup / damage.table.name)
    if damage.intact_version < 0:
        remedy = "moves it away; its writer creates it again from the data that remain"
    else:
        remedy = f"takes it back to its version {damage.intact_version}, the last one that is whole"
    return Defect(subject, damage.fault, remedy, damage.is_unreferenced, repair)


def _examine_watermarks(settings: Settings) -> Iterator[Defect]:
    """The landing's checkpoint may not be beyond what its tables have."""
    folder = settings.checkpoints / "land"
    committed, epoch = committed_offsets(folder / "stream"), read_epoch(folder / "epoch.json")
    if not committed or epoch is None or find_query_damage(settings.world_store, "land"):
        return
    watermarks = landed_offsets(settings.lake, committed)
    for part, end in committed.items():
        watermark = watermarks.get(part, epoch.starts.get(part, 0))
        if watermark < end:
            name = home_table(part.topic).name
            sentence = (
                f"it is at offset {end} of {part.topic}/{part.partition}, "
                f"table {name} at {watermark}"
            )
            yield checkpoint_defect(settings, "land", sentence)
            return


def _move(path: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    move(path, folder / path.name)
