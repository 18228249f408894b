"""The verb doctor: what is wrong with this world's files, what a restart would do, the repair."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from cli.console import OUT
from include.errors import PlatformError, UnreadableTable
from include.settings import Settings, from_environment

if TYPE_CHECKING:
    from include.lake.diagnosis import Diagnosis
    from include.local.defects import Defect


@click.command()
@click.option("--repair", "repairs", is_flag=True, help="Repair what can be; `down` first.")
@click.option("--json", "as_json", is_flag=True, help="The machine-readable form.")
def doctor(repairs: bool, as_json: bool) -> None:
    """Report what is wrong and what a restart of the stream would do; exits 1 if something is.

    It examines free space, Postgres, topics, the stream's checkpoints and every Delta table, and
    changes nothing; nothing has to run for it. While Kafka runs it also counts what a restart would
    read. With --repair each defect is repaired, and Postgres is made equal to the lake. Nothing is
    deleted: what is taken out of use is moved to var/WORLD/damaged. `up` repairs by itself what
    loses nothing.

    \b
      ./tickhouse doctor
      ./tickhouse down && ./tickhouse doctor --repair && ./tickhouse up
    """  # noqa: D301 (click reads the \\b)
    from include.local.rebuilding import run_store

    settings = from_environment()
    if repairs:
        _refuse_running(settings)
    with run_store(settings):
        defects, causes, diagnoses = _examine(settings, repairs=repairs)
    if as_json:
        _print_json(defects, causes, diagnoses)
    else:
        _print_lines(defects, causes, diagnoses)
    sys.exit(1 if causes else 0)


def _examine(
    settings: Settings, *, repairs: bool
) -> "tuple[list[Defect], list[str], list[Diagnosis] | None]":
    """The defects, those that are left after the repairs; all causes; what a restart would do."""
    from include.bus.refusals import describe_silence
    from include.local.examination import examine, repair_all
    from include.local.status import database_defect
    from include.local.unsupervised import is_unsupervised

    if repairs:
        defects = repair_all(settings, print_line=lambda line: OUT.print(line, soft_wrap=True))
        if not defects:
            fill_postgres(settings)
    else:
        defects = examine(settings)
    causes = [defect.sentence() for defect in defects]
    if database := database_defect(settings):
        causes.append(database)
    diagnoses = _diagnose(settings)
    if diagnoses is None and is_unsupervised(settings):
        causes.append(describe_silence(settings.bootstrap, "no offsets within 5 s"))
    return defects, causes, diagnoses


def _refuse_running(settings: Settings) -> None:
    from include.local.supervisor import SupervisorClient

    if SupervisorClient(settings).is_running():
        raise PlatformError(
            "the platform is running: ./tickhouse down first (the next `up` repairs by itself what "
            "loses nothing)"
        )


def fill_postgres(settings: Settings) -> None:
    """Fill Postgres from the lake; nothing to do in a world that was never up."""
    from include.local.rebuilding import rebuild_postgres

    def restore_account(settings: Settings) -> bool:
        from contextlib import closing

        from include.serving.journal import Journal
        from streaming.trader.config import configure_accounts
        from streaming.trader.rebuild import rebuild_journal

        with closing(Journal(settings.dsn())) as journal:
            accounts = configure_accounts(settings)
            return any([rebuild_journal(journal, config) for _, config in accounts])

    if (settings.home / "kafka").exists() or settings.kafka.bootstrap:
        for line in rebuild_postgres(settings, restore_account=restore_account):
            OUT.print(line, soft_wrap=True)


def _diagnose(settings: Settings) -> "list[Diagnosis] | None":
    """What a restart would do; null if Kafka does not answer."""
    from include.lake.diagnosis import diagnose_queries
    from include.local.kafka import answers
    from include.local.kafka_topics import read_reach_and_topics

    if not settings.kafka.bootstrap and not answers(settings):
        return None
    try:
        answer = read_reach_and_topics(settings)
        return answer and diagnose_queries(settings.world_store, *answer)
    except UnreadableTable:  # among the defects
        return []


def _print_json(
    defects: "Sequence[Defect]", causes: list[str], diagnoses: "Sequence[Diagnosis] | None"
) -> None:
    report = {
        "ok": not causes,
        "causes": causes,
        "defects": [
            {
                "subject": defect.subject,
                "what": defect.fault,
                "remedy": defect.remedy,
                "loses_nothing": defect.loses_nothing,
            }
            for defect in defects
        ],
        "queries": [
            asdict(diagnosis) | {"sentence": diagnosis.sentence()} for diagnosis in diagnoses or ()
        ],
    }
    click.echo(json.dumps(report, indent=1))


def _print_lines(
    defects: "Sequence[Defect]", causes: list[str], diagnoses: "Sequence[Diagnosis] | None"
) -> None:
    from include.local.examination import remedy_sentence

    for defect in defects:
        OUT.print(f"[red]fault[/] {remedy_sentence(defect)}", soft_wrap=True)
    for cause in causes[len(defects) :]:
        OUT.print(f"[red]fault[/] {cause}", soft_wrap=True)
    for diagnosis in diagnoses or ():
        OUT.print(f"{diagnosis.query}: {diagnosis.sentence()}", soft_wrap=True)
    if diagnoses is None:
        OUT.print("Kafka does not run: what a restart would read cannot be counted")
    if not causes:
        OUT.print("disk, Postgres, checkpoints and tables are whole")
