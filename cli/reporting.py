"""The verb report: canned questions to the lake."""

from pathlib import Path

import click

from cli.console import OUT, show_rows
from cli.results import deliver, result_options
from include.settings import from_environment


@click.command()
@click.argument("name", default="")
@click.option("--from", "first", default="", metavar="TIME", help="From this time on (ISO, UTC).")
@click.option("--to", "until", default="", metavar="TIME", help="Before this time (ISO, UTC).")
@click.option("--show-sql", is_flag=True, help="Print the report's SQL instead of running it.")
@result_options
def report(
    name: str,
    first: str,
    until: str,
    show_sql: bool,
    form: str | None,
    output: Path | None,
    as_of: str,
) -> None:
    """Answer a canned question from the Delta tables; without NAME, list the questions.

    Each report is a documented SQL file in include/lake/reports. With --as-of it is answered from
    the tables as they were then, so that a figure told last week can be told again. Examples:

    \b
      ./tickhouse report
      ./tickhouse report daily_prices
      ./tickhouse report profit_by_day --from 2026-11-01 --to 2026-12-01
      ./tickhouse report forecast_error --as-of 2026-11-20T08:00 --format json
      ./tickhouse report spread_by_hour --output spread.parquet
    """  # noqa: D301 (click reads the \\b)
    from include.lake.as_of import parse_as_of, parse_time
    from include.lake.reporting import report as named
    from include.lake.reporting import reports

    if not name:
        show_rows(
            ("report", "answers"),
            [(one.name, one.question) for one in reports().values()],
            form="table",
        )
        return
    asked = named(name)
    if show_sql:
        click.echo(asked.statement.strip())
        return
    span = asked.span(parse_time(first) if first else None, parse_time(until) if until else None)
    if output is None and form in {None, "table"}:
        OUT.print(f"[bold]{asked.question}[/] [dim]{asked.reading}[/]", highlight=False)
    deliver(
        from_environment().lake,
        asked.statement,
        span,
        as_of=parse_as_of(as_of),
        form=form,
        output=output,
        all_tables=True,
    )
