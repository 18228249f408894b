"""How verbs give rows: as a table, CSV, JSON or Parquet, on the terminal or in a file."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from cli.console import ERR, render_rows, show_rows
from include.errors import QueryError
from include.lake.as_of import AsOf

FORMS = ("table", "csv", "json", "parquet")
_SUFFIXES = {".csv": "csv", ".json": "json", ".parquet": "parquet"}


format_option = click.option(
    "--format",
    "form",
    type=click.Choice(["table", "csv", "json"]),
    default="table",
    show_default=True,
    help="How the result is printed.",
)


def result_options(verb: Callable[..., Any]) -> Callable[..., Any]:
    """Give a verb --format, --output and --as-of."""
    for option in (
        click.option(
            "--as-of",
            default="",
            metavar="TIME|VERSION",
            help="Read the tables as they were then (Delta's time travel).",
        ),
        click.option(
            "--output",
            type=click.Path(path_type=Path, dir_okay=False),
            help="Write to this file; its ending is the format.",
        ),
        click.option(
            "--format",
            "form",
            type=click.Choice(FORMS),
            default=None,
            help="How rows are given; parquet needs --output.  [default: table]",
        ),
    ):
        verb = option(verb)
    return verb


def deliver(
    lake: str,
    statement: str,
    values: Mapping[str, Any] | None = None,
    *,
    as_of: AsOf,
    form: str | None,
    output: Path | None,
    all_tables: bool = False,
) -> None:
    """Run a statement over the lake and give its rows as asked.

    Raises:
        QueryError: it cannot be answered, or the format and the file don't go together.
    """
    from include.lake.floors import describe_dropped
    from include.lake.reading import find_tables, query, run_query

    if dropped := describe_dropped(lake, find_tables(statement)):
        ERR.print(dropped, highlight=False)
    chosen = form or _SUFFIXES.get(output.suffix if output else "", "table")
    if chosen == "parquet":
        if output is None:
            raise QueryError("parquet is not text: name a file with --output FILE.parquet")
        with run_query(lake, statement, values, as_of=as_of, all_tables=all_tables) as result:
            if result is None:
                raise QueryError("the statement gives no rows to write")
            row_count = save_parquet(result, output)
        ERR.print(f"{row_count} rows in {output}", highlight=False)
        return
    columns, rows = query(lake, statement, values, as_of=as_of, all_tables=all_tables)
    if output is None:
        show_rows(columns, rows, form=chosen)
        return
    try:
        output.write_text(render_rows(columns, rows, form=chosen))
    except OSError as error:
        raise QueryError(f"{output} cannot be written: {error.strerror}") from error
    ERR.print(f"{len(rows)} rows in {output}", highlight=False)


def save_parquet(result: Any, output: Path) -> int:
    """Write the rows of a DuckDB relation to a Parquet file, batch by batch; give their number."""
    import pyarrow.parquet as pq

    reader, row_count = result.to_arrow_reader(), 0
    try:
        with pq.ParquetWriter(output, reader.schema) as file:
            for batch in reader:
                file.write_batch(batch)
                row_count += batch.num_rows
    except OSError as error:
        raise QueryError(f"{output} cannot be written: {error}") from error
    return row_count
