"""What a world lets go each night: old runs and logs of Airflow, old pages, damaged files.

Repeating it changes nothing. What only a rule of its own can bound is bounded there: the topics,
the lake's old versions, forecast files, models, logs of processes.
"""

import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from include.atomic_files import delete_folder
from include.errors import Transient
from include.local.airflow import build_environment
from include.object_path import StorePath
from include.quality.page import remove_old_pages
from include.settings import Settings

CLEANING_S = 1200.0
STAMP = re.compile(r"(\d{8}T\d{6})$")  # how a repair ends the name of what it moves
DATABASE = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"


def clean_airflow(settings: Settings, *, before_at: datetime) -> str:
    """Delete what Airflow's own tables have of runs before a time; gives its last line.

    A task is not let at Airflow's database, so that its command gets the address here.

    Raises:
        Transient: the command failed.
    """
    airflow = str(Path(sys.executable).with_name("airflow"))
    arguments = ["db", "clean", "--clean-before-timestamp", before_at.isoformat(), "--skip-archive"]
    finished = subprocess.run(
        [airflow, *arguments, "--yes"],
        env=os.environ | {DATABASE: build_environment(settings)[DATABASE]},
        capture_output=True,
        text=True,
        errors="replace",
        timeout=CLEANING_S,
        check=False,
    )
    lines = [line for line in (finished.stdout + finished.stderr).splitlines() if line.strip()]
    last_line = lines[-1].strip() if lines else "no output"
    if finished.returncode:
        raise Transient(f"airflow db clean ended with {finished.returncode}: {last_line}")
    return last_line


def remove_all_old_files(settings: Settings, *, now: datetime) -> dict[str, int]:
    """Delete old task logs, old quality pages and files that repairs moved; gives their numbers."""
    logs_before = days_ago(settings.airflow.keep_days, now=now)
    damaged_before = days_ago(settings.supervisor.damaged_days, now=now)
    return {
        "logs": remove_old_files(settings.home / "airflow" / "logs", before_at=logs_before),
        "pages": remove_old_pages(settings.pages, newest=settings.quality.pages),
        "damaged": remove_damaged_files(settings, before_at=damaged_before),
    }


def remove_old_files(folder: Path, *, before_at: datetime) -> int:
    """Delete the files below a folder that changed last before a time, and folders left empty."""
    removed, files = 0, [path for path in folder.rglob("*") if not path.is_dir()]
    for path in files:
        if path.lstat().st_mtime < before_at.timestamp():
            path.unlink(missing_ok=True)
            removed += 1
    folders = sorted((path for path in folder.rglob("*") if path.is_dir()), reverse=True)
    for path in folders:
        if not path.is_symlink() and not any(path.iterdir()):
            path.rmdir()
    return removed


def remove_damaged_files(settings: Settings, *, before_at: datetime) -> int:
    """Delete what repairs took out of use before a time; gives how many folders went."""
    home = settings.home
    checkpoints = settings.checkpoints
    moved_paths = [*(home / "damaged").glob("*"), *checkpoints.glob("*.damaged-*")]
    old = [path for path in moved_paths if _moved_at(path) < before_at]
    for path in old:
        delete_folder(path) if not path.is_file() else path.unlink()
    return len(old)


def days_ago(days: int, *, now: datetime) -> datetime:
    """The time so many days before now."""
    return now - timedelta(days=days)


def _moved_at(location: StorePath) -> datetime:
    """When a repair took it out of use: by its name, else by its time of change."""
    stamp = STAMP.search(location.name)
    if stamp is None:
        return datetime.fromtimestamp(location.stat().st_mtime, UTC)
    return datetime.strptime(stamp[1], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
