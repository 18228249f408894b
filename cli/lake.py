"""Verbs about the lake: sql, audit, quarantine, holes."""

import json
import sys
from pathlib import Path

import click

from cli.console import OUT, show_rows
from cli.results import deliver, format_option, result_options
from include.settings import from_environment

QUARANTINED = """
SELECT topic, reason, count(*) AS records, min("offset") AS first_offset,
       max("offset") AS last_offset, max(kafka_time) AS newest, any_value(detail) AS example
FROM quarantine GROUP BY topic, reason ORDER BY records DESC
"""


@click.command("sql")
@click.argument("statement", default="")
@result_options
def run_sql(statement: str, form: str | None, output: Path | None, as_of: str) -> None:
    """Run a SQL STATEMENT (DuckDB's dialect) over the Delta tables, without Spark.

    Without STATEMENT it is a prompt, with history and with completion of tables and columns; a
    statement ends with a semicolon. Examples:

    \b
      ./tickhouse sql "SELECT venue, count(*) FROM trades GROUP BY ALL"
      ./tickhouse sql "FROM decisions" --as-of 2026-11-20T08:00 --format json
      ./tickhouse sql "FROM trades" --output trades.parquet
      ./tickhouse sql
    """  # noqa: D301 (click reads the \\b)
    from include.lake.as_of import parse_as_of

    settings = from_environment()
    if statement:
        deliver(settings.lake, statement, as_of=parse_as_of(as_of), form=form, output=output)
    else:
        from cli.prompting import prompt

        prompt(settings, as_of=parse_as_of(as_of), form=form)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="The stable machine-readable form.")
@click.option("--full", is_flag=True, help="Read again what earlier audits have sealed.")
@click.option("--reseal", is_flag=True, help="Accept what is there instead of what was sealed.")
def audit(as_json: bool, full: bool, reseal: bool) -> None:
    """Prove from Kafka and Delta that every message landed exactly once; exits 1 if not.

    What is clean is sealed: the next audit reads what is new, and compares the rest by digests.
    """
    from spark_jobs.audit_lake import audit_world

    report = audit_world(from_environment(), full=full, reseal=reseal)
    if as_json:
        click.echo(json.dumps(report.as_dict(), indent=1))
    else:
        columns = (
            "topic",
            "partition",
            "first",
            "last",
            "landed",
            "quarantined",
            "missing",
            "doubled",
        )
        show_rows(
            columns,
            [[getattr(line, name) for name in columns] for line in report.partitions],
            form="table",
        )
        for check in report.checks:
            mark = "[green]ok[/]  " if check.ok else "[red]FAIL[/]"
            OUT.print(f"{mark} {check.name}: {check.detail}")
    sys.exit(0 if report.ok else 1)


@click.group()
def quarantine() -> None:
    """See what could not be read."""


@quarantine.command("list")
@format_option
def list_quarantine(form: str) -> None:
    """List the quarantine by topic and reason: how many, between which offsets, an example."""
    from include.lake.reading import query

    columns, rows = query(from_environment().lake, QUARANTINED)
    show_rows(columns, rows, form=form)


@quarantine.command("requeue")
def requeue_quarantine() -> None:
    """Read quarantined records again, after a fix: what can be read now goes to its table.

    Example: ./tickhouse quarantine requeue && ./tickhouse quarantine list
    """
    from spark_jobs.requeue_quarantine import requeue

    counts = requeue(from_environment())
    columns = ("topic", "requeued", "still in quarantine")
    show_rows(columns, [list(row) for row in counts], form="table")


@click.group()
def holes() -> None:
    """See which trades are missing."""


@holes.command("list")
@format_option
def list_holes(form: str) -> None:
    """List the holes of trades that healing has not closed yet."""
    from streaming.feeds.heal_gaps import DeltaLake

    rows = [
        (hole.venue, hole.symbol, hole.first, hole.last)
        for hole in DeltaLake(from_environment().lake).open_holes()
    ]
    show_rows(("venue", "symbol", "first", "last"), rows, form=form)


@holes.command("accept")
@click.argument("venue")
@click.argument("symbol")
@click.argument("first", type=int)
@click.argument("last", type=int)
def accept_hole(venue: str, symbol: str, first: int, last: int) -> None:
    """Close the hole from FIRST to LAST without its trades, when the venue has forgotten them.

    Example: ./tickhouse holes accept deribit BTC-PERPETUAL 1201 1250
    """
    from streaming.feeds.heal_gaps import accept_loss
    from streaming.feeds.healer import Hole

    accept_loss(from_environment(), Hole(venue, symbol, first, last))
