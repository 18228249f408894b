"""What the command shows on a terminal: steps, tables, one-sentence errors."""

import csv
import io
import json
import math
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NoReturn

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

OUT = Console(width=None if sys.stdout.isatty() else 200)
ERR = Console(stderr=True)
GOOD, BAD, DIM = "green", "red", "dim"


class Steps:
    """Says each step with the seconds since the start."""

    def __init__(self) -> None:
        """The clock starts now."""
        self._began = time.monotonic()

    def __call__(self, text: str) -> None:
        """Say a step."""
        passed = f"[{DIM}]{time.monotonic() - self._began:5.0f} s[/]"
        ERR.print(f"{passed}  {text}", highlight=False, soft_wrap=True)


def show_rows(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, form: str) -> None:
    """Print a result as `table`, `csv` or `json` (a list of objects)."""
    if form == "table":
        OUT.print(_table(columns, rows))
    else:
        click.echo(rendered(columns, rows, form=form), nl=False)


def rendered(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, form: str) -> str:
    """A result as text in one of these forms, a new line at its end."""
    text = io.StringIO()
    if form == "json":
        found = [dict(zip(columns, map(plain, row), strict=True)) for row in rows]
        text.write(json.dumps(found, default=str, indent=1) + "\n")
    elif form == "csv":
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([plain(value) for value in row] for row in rows)
    else:
        Console(file=text, width=200).print(_table(columns, rows))
    return text.getvalue()


def _table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Table:
    table = Table(*columns, header_style="bold")
    for row in rows:
        table.add_row(*("" if value is None else escape(str(plain(value))) for value in row))
    return table


def plain(value: Any) -> Any:
    """A value as JSON and CSV carry it: decimals, times and bytes as text, no number as null."""
    if isinstance(value, bytes):
        return value.decode(errors="backslashreplace")
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime | date):
        return value.isoformat()
    return value


def show_status(told: dict[str, Any], *, login: str) -> None:
    """Print what `status --json` holds, for a person."""
    OUT.print(f"world [bold]{told['world']}[/]  " + _mark(told["ok"], "up", "not all is running"))
    _section("process", "state", "pid", "up for", rows=[
        (one["name"], _state(one["state"]), one["pid"], f"{one['uptime_s']} s")
        for one in told["processes"]
    ])  # fmt: skip
    _section("feed", "state", "since", "cause", rows=[
        (one["venue"], _state(one["state"]), one["since"], one["cause"]) for one in told["feeds"]
    ])  # fmt: skip
    _section("stream", "topic", "offsets behind", "oldest waits", "batch", rows=[
        (one["query"], f"{one['topic']}/{one['partition']}", one["behind"],
         "?" if one["waiting_s"] is None else f"{one['waiting_s']:.1f} s",
         f"{one['batch_ms']} ms") for one in told["lag"]
    ])  # fmt: skip
    _section("lake table", "rows", rows=list(told["rows"].items()))
    audit = told["audit"]
    if audit:
        found = _mark(audit["ok"], "clean", "found faults")
        OUT.print(f"audit {found}, {audit['age_s']} s ago")
    else:
        OUT.print("audit: none yet (./tickhouse audit)")
    for name, link in told["links"].items():
        OUT.print(f"{name:<10} {link}" + (f"   log-in {login}" if name == "airflow" else ""))


def watch_status(look: Callable[[], dict[str, Any]], *, login: str, every_s: float) -> NoReturn:
    """Show the status on a screen of its own, anew every so many seconds; Ctrl-C ends it."""
    with OUT.screen(hide_cursor=True):
        while True:
            told = look()
            OUT.clear()
            OUT.print(f"[{DIM}]{time.strftime('%H:%M:%S')}  Ctrl-C ends this[/]")
            show_status(told, login=login)
            time.sleep(every_s)


def _section(*columns: str, rows: list[tuple[Any, ...]]) -> None:
    table = Table(*columns, box=None, header_style=DIM, pad_edge=False)
    for row in rows:
        table.add_row(*("" if value is None else str(plain(value)) for value in row))
    if rows:
        OUT.print(table)
        OUT.print()


def _mark(good: bool, yes: str, no: str) -> str:
    return f"[{GOOD}]{yes}[/]" if good else f"[{BAD}]{no}[/]"


def _state(name: str) -> str:
    return _mark(name in {"running", "live", "quiet"}, name, name)
