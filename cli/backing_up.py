"""The verbs backup and restore."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.console import OUT
from include.errors import PlatformError
from include.settings import PREFIX, Settings, from_environment

if TYPE_CHECKING:
    from include.local.defects import Defect


def _print_line(line: str) -> None:
    OUT.print(line, highlight=False, soft_wrap=True)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
def backup(folder: Path) -> None:
    """Copy this world into a new FOLDER at one moment; it may run meanwhile.

    The lake at the end of a batch of the stream, forecasts, models, history, quality pages, the
    feeds' last ids, the audit's seals, the dashboard's notes and the trader's halts. Postgres is
    filled from the lake when it is restored.
    Secrets and Airflow's past runs are no part of it.
    """
    from include.local.backup import back_up
    from include.versions import find_versions

    back_up(
        from_environment(),
        folder,
        made_at=datetime.now(UTC),
        program=find_versions()["Tickhouse"],
        print_line=_print_line,
    )


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
def restore(folder: Path) -> None:
    """Make a new world of the backup in FOLDER, with a Kafka that begins at offset 0.

    Every file is checked before anything is written. The lake counts on behind what it has; the
    audit names the place where the new topics begin, and what was between backup and end is lost
    there (trades are healed from the venues). Start it with `./tickhouse up`.

    \b
      ./tickhouse backup /mnt/backups/monday
      ./tickhouse restore /mnt/backups/monday && ./tickhouse up
    """  # noqa: D301 (click reads the \\b)
    from include.local.restoring import restore_files
    from include.versions import SCHEMA

    flags = _choose_world(folder)
    defects: list[Defect] = []
    restored = restore_files(
        from_environment(flags), folder, finish=lambda: defects.extend(_enter(flags))
    )
    _print_line(
        f"{len(restored.files)} files of {restored.made_at:%Y-%m-%d %H:%M:%S} UTC are in place"
    )
    if defects:
        raise PlatformError(f"{defects[0].sentence()}: ./tickhouse doctor")
    older = restored.schema < SCHEMA
    _print_line(f"restored: ./tickhouse {'migrate and then up' if older else 'up'} starts it")


def _choose_world(folder: Path) -> dict[str, str]:
    """What chooses the backup's world, which must not be there yet."""
    from include.local.restoring import read_backup
    from include.local.supervisor import SupervisorClient

    if SupervisorClient(from_environment()).is_running():
        raise PlatformError("the platform is running: ./tickhouse down first")
    flags = {f"{PREFIX}WORLD": read_backup(folder).world}
    home = from_environment(flags).home
    if home.exists():
        raise PlatformError(
            f"{home} exists: a backup is restored into a new world; move it away, or set "
            "TICKHOUSE_VAR to another folder"
        )
    return flags


def _enter(flags: dict[str, str]) -> "list[Defect]":
    from include.local.airflow import generate_secrets
    from include.local.worlds import ensure_secrets, entered_world

    ensure_secrets(from_environment().var, generate_secrets())
    with entered_world(flags) as settings:
        return _accept_new_topics(settings)


def _accept_new_topics(settings: Settings) -> "list[Defect]":
    """Let the lake go on with topics that begin at offset 0, and fill Postgres from it.

    Gives the defects that are left for a person, of which Postgres is not filled.
    """
    from cli.doctoring import fill_postgres
    from include.bus import ensure_topics
    from include.local import kafka
    from include.local.examination import repair_all
    from include.local.jars import ensure_jars
    from include.local.java import ensure_java
    from include.local.rebuilding import run_broker

    if not settings.kafka.bootstrap:
        ensure_java()
        ensure_jars()
        kafka.prepare(settings)
    with run_broker(settings):
        ensure_topics(settings.bootstrap, settings.kafka)
        defects = repair_all(settings, print_line=_print_line)
    if not defects:
        fill_postgres(settings)
    return defects
