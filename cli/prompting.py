"""The SQL prompt: statements over several lines, a history on disk, completion."""

import contextlib
import readline
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from cli.console import ERR
from cli.results import deliver
from include.errors import TickhouseError
from include.lake.as_of import AsOf
from include.lake.reading import open_table
from include.lake.tables import TABLES
from include.settings import Settings

PROMPT, MORE = "tickhouse> ", "      ...> "
HISTORY_LINES = 2000
WORDS = (
    "SELECT",
    "FROM",
    "WHERE",
    "GROUP BY",
    "ORDER BY",
    "LIMIT",
    "HAVING",
    "JOIN",
    "ASOF JOIN",
    "USING",
    "DISTINCT",
    "count(*)",
    "sum(",
    "avg(",
    "min(",
    "max(",
    "arg_max(",
    "quantile_cont(",
    "DESCRIBE",
    "SUMMARIZE",
    "SHOW TABLES",
    "INTERVAL",
    "date_trunc(",
)
HELP = """\
A statement ends with a semicolon. Tab completes tables, columns and SQL words.
\\t        the tables          \\d TABLE    its columns, each with its meaning
\\q        leave (or Ctrl-D)   Ctrl-C      forget the statement"""


def prompt(settings: Settings, *, as_of: AsOf, form: str | None) -> None:
    """Answer statements until the end of input."""
    typed = sys.stdin.isatty()
    if typed:
        ERR.print(f"[dim]SQL over the lake of world {settings.world}; \\? for help[/]")
    with _history(settings.var / "sql_history") if typed else contextlib.nullcontext():
        for statement in split_statements(lambda mark: input(mark if typed else "")):
            try:
                _answer(settings.lake, statement, as_of=as_of, form=form)
            except TickhouseError as error:
                ERR.print(f"{error}", style="red", markup=False, highlight=False, soft_wrap=True)
                if not typed:
                    raise


def split_statements(ask: Callable[[str], str]) -> Iterator[str]:
    r"""Whole statements of lines, up to a semicolon at a line's end; `\t` and such as they are."""
    lines: list[str] = []
    while True:
        try:
            line = ask(MORE if lines else PROMPT)
        except KeyboardInterrupt:
            lines.clear()
            click.echo("")
            continue
        except EOFError:
            break
        if not lines and line.startswith("\\"):
            if line.strip() == "\\q":
                return
            yield line.strip()
        elif line.rstrip().endswith(";"):
            yield "\n".join([*lines, line.rstrip().rstrip(";")])
            lines.clear()
        elif line.strip() or lines:
            lines.append(line)
    if lines:
        yield "\n".join(lines)


def _answer(lake: str, statement: str, *, as_of: AsOf, form: str | None) -> None:
    word, _, name = statement.partition(" ")
    if word == "\\?":
        click.echo(HELP)
    elif word == "\\t":
        for table in TABLES.values():
            remark = "" if open_table(lake, table.name) else " (no rows yet)"
            click.echo(f"{table.name:<18} {table.comment}{remark}")
    elif word == "\\d" and name.strip() in TABLES:
        for column in TABLES[name.strip()].columns:
            click.echo(f"{column.name:<20} {column.type:<16} {column.comment}")
    elif word.startswith("\\"):
        click.echo(f"{statement!r} is no command and no table; \\? for help")
    elif statement.strip():
        deliver(lake, statement, as_of=as_of, form=form, output=None)


def complete_word(begun: str) -> list[str]:
    """The tables, columns and SQL words that begin so, tables first."""
    names = [*TABLES, *(column.name for table in TABLES.values() for column in table.columns)]
    words = dict.fromkeys([*names, *WORDS])
    return [word for word in words if begun and word.lower().startswith(begun.lower())]


@contextlib.contextmanager
def _history(file: Path) -> Iterator[None]:
    def complete(begun: str, state: int) -> str | None:
        words = complete_word(begun)
        return words[state] if state < len(words) else None

    readline.set_completer(complete)
    readline.set_completer_delims(" \t\n,()=<>+-*/;")
    readline.parse_and_bind("tab: complete")
    readline.set_history_length(HISTORY_LINES)
    with contextlib.suppress(OSError):
        readline.read_history_file(file)
    try:
        yield
    finally:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)
        readline.write_history_file(file)
