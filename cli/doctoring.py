"""The verb doctor: what a restart of the stream would do, and the repair of its checkpoints."""

import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime

import click

from cli.console import OUT
from include.settings import from_environment


@click.command()
@click.option("--repair", "repairs", is_flag=True, help="Set damaged checkpoints aside.")
@click.option("--json", "as_json", is_flag=True, help="The machine-readable form.")
def doctor(repairs: bool, as_json: bool) -> None:
    """Say what a restart of the stream would do: resume, replay, lose; exits 1 if damaged.

    It reads the checkpoints, the lake and Kafka's range, and changes nothing. With --repair a
    damaged checkpoint is set aside, and the stream builds a new one without losing or doubling a
    row; nothing else is touched. The stream must not be running for that.

    \b
      ./tickhouse doctor
      ./tickhouse doctor --repair
    """  # noqa: D301 (click reads the \\b)
    from include.bus import offset_ranges
    from include.lake.diagnosis import diagnose_queries, repair
    from include.local.lock import exclusive_lock
    from spark_jobs.landing import LANDED_TOPICS

    settings = from_environment()
    diagnoses = diagnose_queries(
        settings.home, settings.lake, offset_ranges(settings.bootstrap, LANDED_TOPICS)
    )
    if as_json:
        rows = [asdict(diagnosis) | {"words": diagnosis.sentence()} for diagnosis in diagnoses]
        click.echo(json.dumps(rows, indent=1))
    else:
        for diagnosis in diagnoses:
            OUT.print(f"{diagnosis.query}: {diagnosis.sentence()}", soft_wrap=True)
    damaged = [diagnosis.query for diagnosis in diagnoses if diagnosis.state == "damaged"]
    if damaged and repairs:
        with exclusive_lock(settings.home / "stream.lock", what="the stream job"):
            for query in damaged:
                backup = repair(settings.home, query, at=datetime.now(UTC))
                OUT.print(f"{query}: moved to {backup.name}; the next start builds a new one")
    sys.exit(1 if damaged and not repairs else 0)
