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
    the tables as they were then, so that last week's figure can be computed again. Examples:

    \b
      ./tickhouse report
      ./tickhouse report daily_prices
      ./tickhouse report profit_by_day --from 2026-11-01 --to 2026-12-01
      ./tickhouse report forecast_error --as-of 2026-11-20T08:00 --format json
      ./tickhouse report spread_by_hour --output spread.parquet
    """  # noqa: D301 (click reads the \\b)
    from include.lake.as_of import parse_as_of, parse_time
    from include.lake.reporting import list_reports
    from include.lake.reporting import report as find_report

    if not name:
        show_rows(
            ("report", "answers"),
            [(entry.name, entry.question) for entry in list_reports().values()],
            form="table",
        )
        return
    chosen = find_report(name)
    if show_sql:
        click.echo(chosen.statement.strip())
        return
    span = chosen.span(parse_time(first) if first else None, parse_time(until) if until else None)
    if output is None and form in {None, "table"}:
        OUT.print(f"[bold]{chosen.question}[/] [dim]{chosen.reading}[/]", highlight=False)
    deliver(
        from_environment().lake,
        chosen.statement,
        span,
        as_of=parse_as_of(as_of),
        form=form,
        output=output,
        all_tables=True,
    )
