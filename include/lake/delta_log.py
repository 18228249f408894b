"""Whether a local Delta table's log is whole, read from its files alone, and its repair.

A power cut, a full disk or a hand can leave a commit that is empty, full of NUL bytes, cut off or
missing, a log checkpoint of length 0, or a commit whose data files are cut. A reader then fails, or
worse: delta-rs takes an empty commit for one that changed nothing.
"""

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from deltalake import DeltaTable

from include.atomic_files import sync_path
from include.object_path import StorePath, store_path
from include.store_refusals import SCHEME

LOG = "_delta_log"
VERSIONED = re.compile(r"\.?(\d{20})\.")
COMMIT = re.compile(r"(\d{20})\.json")
CHECKPOINT = re.compile(r"(\d{20})\.checkpoint\.")
POINTER = "_last_checkpoint"
DEFINITION = {"metaData", "protocol"}  # actions of the first commit of every table
PARQUET_MARK, MIN_PARQUET_BYTES = b"PAR1", 12


@dataclass(frozen=True)
class LogDamage:
    """What is wrong with a table's log.

    The table is whole up to `intact_version` (-1: no version of it is). `is_unreferenced`:
    nothing after it can be read, so that cutting the log there loses nothing.
    """

    table: Path
    fault: str
    intact_version: int
    is_unreferenced: bool


def checkpoint_version(pointer: StorePath) -> int:
    """The version of the newest log checkpoint by its pointer; -1 if that cannot be read."""
    try:
        return int(json.loads(pointer.read_text())["version"])
    except (OSError, ValueError, KeyError, TypeError):
        return -1


def find_log_damage(table: Path) -> LogDamage | None:
    """What is wrong with the log of the table in this folder; null if it is whole."""
    log = table / LOG
    commits = _list_commits(log)
    damaged_versions = {version for version, path in _list_checkpoints(log) if not is_parquet(path)}
    base = max({version for version, _ in _list_checkpoints(log)} - damaged_versions, default=-1)
    newest = max(commits, default=base)
    for version in range(base + 1, newest + 1):
        sentence = _find_commit_damage(commits.get(version))
        if sentence is not None:
            later = (commits[number] for number in commits if number > version)
            is_last = all(_find_commit_damage(path) is not None for path in later)
            return LogDamage(table, f"commit {version} {sentence}", version - 1, is_last)
    if newest > base and (cut := _first_cut_file(table, commits[newest])):
        sentence = f"commit {newest} names the data file {cut}, which is missing or cut off"
        return LogDamage(table, sentence, newest - 1, is_unreferenced=True)
    return None


def find_log(table: DeltaTable) -> StorePath:
    """The folder of a table's log."""
    uri = table.table_uri.rstrip("/")
    return store_path(uri if uri.startswith(SCHEME) else unquote(uri)) / LOG


def find_damaged_hints(table: Path) -> list[Path]:
    """Files of the log that only make it faster to read, and that are cut off."""
    log = table / LOG
    damaged_paths = [path for _, path in _list_checkpoints(log) if not is_parquet(path)]
    pointer = log / POINTER
    if pointer.exists() and (damaged_paths or _json_lines(pointer) is None):
        damaged_paths.append(pointer)
    return damaged_paths + [crc for crc in log.glob("*.crc") if _json_lines(crc) is None]


def cut_log(damage: LogDamage, backup: Path) -> None:
    """Move all that the log holds after the last intact version to the folder `backup`.

    A table of which no version is intact is moved there as a whole: its writer creates it again.
    """
    backup.mkdir(parents=True, exist_ok=True)
    if damage.intact_version < 0:
        shutil.move(damage.table, backup / damage.table.name)
        sync_path(damage.table.parent)
        return
    log = damage.table / LOG
    for path in sorted(log.iterdir()):
        version = VERSIONED.match(path.name)
        if path.name == POINTER or (version and int(version[1]) > damage.intact_version):
            shutil.move(path, backup / path.name)
    sync_path(log)


def is_parquet(path: Path) -> bool:
    """Whether a file begins and ends as Parquet does."""
    if path.stat().st_size < MIN_PARQUET_BYTES:
        return False
    with path.open("rb") as file:
        begins = file.read(len(PARQUET_MARK)) == PARQUET_MARK
        file.seek(-len(PARQUET_MARK), 2)
        return begins and file.read() == PARQUET_MARK


def _list_commits(log: Path) -> dict[int, Path]:
    names = ((COMMIT.fullmatch(path.name), path) for path in log.iterdir())
    return {int(name[1]): path for name, path in names if name}


def _list_checkpoints(log: Path) -> Iterator[tuple[int, Path]]:
    for path in log.glob("*.checkpoint.*parquet"):
        version = CHECKPOINT.match(path.name)
        if version:
            yield int(version[1]), path


def _find_commit_damage(commit: Path | None) -> str | None:
    if commit is None:
        return "is missing"
    actions = _json_lines(commit)
    if actions is None:
        return "is empty or cut off"
    # at the end of a line: the first commit is known by what it must hold
    is_first = VERSIONED.match(commit.name) is not None and int(commit.stem) == 0
    is_whole = not is_first or DEFINITION <= {name for action in actions for name in action}
    return None if is_whole else "is cut off: it does not define the table"


def _json_lines(path: Path) -> list[dict[str, object]] | None:
    """The actions of a commit; null if it has none or one of them is no JSON object."""
    try:
        lines = [json.loads(line) for line in path.read_bytes().splitlines() if line.strip()]
    except (OSError, ValueError):
        return None
    return lines if lines and all(isinstance(line, dict) for line in lines) else None


def _first_cut_file(table: Path, commit: Path) -> str | None:
    for action in _json_lines(commit) or ():
        added = action.get("add")
        if not isinstance(added, dict) or "://" in str(added["path"]):
            continue
        path = table / unquote(str(added["path"]))
        if not path.exists() or path.stat().st_size != added["size"]:
            return path.name
    return None
