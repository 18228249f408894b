"""The verb doctor: what a restart of the stream would do, and the repair of its checkpoints."""

import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime

import click

from cli.console import OUT
from include.settings import from_environment


@click.command()
@click.option("--repair", "mend", is_flag=True, help="Put damaged checkpoints aside.")
@click.option("--json", "as_json", is_flag=True, help="The machine-readable form.")
def doctor(mend: bool, as_json: bool) -> None:
    """Say what a restart of the stream would do: resume, replay, lose; exits 1 if damaged.

    It reads the checkpoints, the lake and Kafka's range, and changes nothing. With --repair a
    damaged checkpoint is put aside, and the stream builds a new one without losing or doubling a
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
    found = diagnose_queries(
        settings.home, settings.lake, offset_ranges(settings.bootstrap, LANDED_TOPICS)
    )
    if as_json:
        click.echo(json.dumps([asdict(one) | {"words": one.sentence()} for one in found], indent=1))
    else:
        for one in found:
            OUT.print(f"{one.query}: {one.sentence()}", soft_wrap=True)
    damaged = [one.query for one in found if one.state == "damaged"]
    if damaged and mend:
        with exclusive_lock(settings.home / "stream.lock", what="the stream job"):
            for query in damaged:
                aside = repair(settings.home, query, at=datetime.now(UTC))
                OUT.print(f"{query}: put aside as {aside.name}; the next start builds a new one")
    sys.exit(1 if damaged and not mend else 0)
