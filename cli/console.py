"""What the command shows on a terminal: steps, tables, one-sentence errors."""

import csv
import io
import json
import math
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from itertools import chain, count
from typing import Any

import click
from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.spinner import Spinner
from rich.table import Table

OUT = Console(width=None if sys.stdout.isatty() else 200)
ERR = Console(stderr=True)
GOOD, BAD, DIM = "green", "red", "dim"
_INFINITE = {"9999-12-31T23:59:59.999999": "infinity", "0001-01-01T00:00:00": "-infinity"}


class Steps:
    """Prints each step with the seconds since the start."""

    def __init__(self) -> None:
        self._began = self._last = time.monotonic()

    def __call__(self, text: str) -> None:
        """Print the text after the whole seconds since the start, on standard error."""
        self._last = time.monotonic()
        passed = f"[{DIM}]{self._last - self._began:5.0f} s[/]"
        ERR.print(f"{passed}  {text}", highlight=False, soft_wrap=True)

    @contextmanager
    def show_elapsed_time(self) -> Iterator[None]:
        """Meanwhile a terminal shows below the steps for how long the last one has lasted."""
        if not ERR.is_terminal:
            yield
            return
        spinner = Spinner("dots", style=DIM)

        def draw() -> Spinner:
            spinner.update(text=f"[{DIM}]for {time.monotonic() - self._last:.0f} s[/]")
            return spinner

        with Live(get_renderable=draw, console=ERR, transient=True, refresh_per_second=5):
            yield


def show_rows(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, form: str) -> None:
    """Print a result as `table`, `csv` or `json` (a list of objects)."""
    if form == "table":
        OUT.print(_make_table(columns, rows))
    else:
        click.echo(render_rows(columns, rows, form=form), nl=False)


def render_rows(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, form: str) -> str:
    """A result as text in one of these forms, a new line at its end."""
    text = io.StringIO()
    if form == "json":
        names = _unique(columns)
        objects = [dict(zip(names, map(to_json_value, row), strict=True)) for row in rows]
        text.write(json.dumps(objects, default=str, indent=1, allow_nan=False) + "\n")
    elif form == "csv":
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([to_json_value(value) for value in row] for row in rows)
    else:
        Console(file=text, width=200).print(_make_table(columns, rows))
    return text.getvalue()


def _make_table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Table:
    table = Table(*columns, header_style="bold")
    for row in rows:
        table.add_row(
            *("" if value is None else escape(str(to_json_value(value))) for value in row)
        )
    return table


def _unique(columns: Sequence[str]) -> list[str]:
    """Names of columns, those that come again with a number behind them."""
    names: list[str] = []
    for column in columns:
        further = (f"{column}_{number}" for number in count(1))
        names.append(next(name for name in chain([column], further) if name not in names))
    return names


def to_json_value(value: Any) -> Any:
    """A value as JSON and CSV carry it: decimals, times and bytes as text, no number as null.

    Inside of lists and objects too. DuckDB gives an infinite time as the last or first one without
    a zone.
    """
    if isinstance(value, list | tuple):
        return [to_json_value(item) for item in value]
    if isinstance(value, dict):
        return {_as_key(key): to_json_value(item) for key, item in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return _as_text(value) if isinstance(value, bytes | Decimal | datetime | date) else value


def _as_text(scalar: bytes | Decimal | date) -> str:
    if isinstance(scalar, bytes):
        return scalar.decode(errors="backslashreplace")
    if isinstance(scalar, Decimal):
        return format(scalar, "f")
    text = scalar.isoformat()
    return _INFINITE.get(text, text)


def _as_key(key: Any) -> str:
    return key if isinstance(key, str) else str(to_json_value(key))


def lines_option(default: int, *, meaning: str) -> Callable[[Any], Any]:
    """`-n`, how many of the last lines a verb prints: a whole number from 0 on."""
    return click.option(
        "-n",
        "--lines",
        type=click.IntRange(min=0),
        default=default,
        show_default=True,
        help=meaning,
    )
