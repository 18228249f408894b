"""`status` for a person: printed once, or as a screen that is painted anew until q or Ctrl-C."""

import select
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from cli.console import BAD, DIM, GOOD, OUT, plain

WIDE = 118  # from so many columns on, processes and tables stand beside feeds and stream
LAKE = "lake table"


def show_status(told: dict[str, Any], *, login: str) -> None:
    """Print what `status --json` holds, for a person."""
    for part in (_world(told), *_tables(told), _audit(told), _links(told, login)):
        OUT.print(part)
        if isinstance(part, Table):
            OUT.print()


def screen(told: dict[str, Any], *, login: str, width: int, now: str) -> RenderableType:
    """The same for a screen of so many columns; `now` is its time of day."""
    head = Table.grid(expand=True)
    head.add_column()
    head.add_column(justify="right")
    head.add_row(_world(told), f"[{DIM}]{now}  q or Ctrl-C ends this[/]")
    first, *rest = _tables(told) or [_section("nothing runs (./tickhouse up)", rows=[])]
    foot = (_audit(told), _links(told, login))
    if width < WIDE:
        return Group(head, *foot, *_spaced([first, *rest]))
    sides = Table.grid(padding=(0, 4, 0, 0))
    own = [one for one in rest if one.columns[0].header == LAKE]
    others = [one for one in rest if one.columns[0].header != LAKE]
    sides.add_row(Group(*_spaced([first, *own])), Group(*_spaced(others)))
    return Group(head, *foot, sides)


def watch_status(look: Callable[[], dict[str, Any]], *, login: str, every_s: float) -> None:
    """Show the status on a screen of its own, anew every so many seconds, until q or Ctrl-C."""

    def painted() -> RenderableType:
        now = time.strftime("%H:%M:%S")
        return screen(look(), login=login, width=OUT.width, now=now)

    first = painted()
    try:
        with keys() as pressed, Live(first, console=OUT, screen=True, auto_refresh=False) as live:
            while pressed(every_s) != "q":
                live.update(painted(), refresh=True)
    except KeyboardInterrupt:
        return


@contextmanager
def keys() -> Iterator[Callable[[float], str]]:
    """A function that waits so many seconds for a key and gives it; empty if none was pressed.

    Where nobody types (no terminal), it only waits.
    """
    if not sys.stdin.isatty():
        yield _wait
        return
    import termios
    import tty

    before = termios.tcgetattr(sys.stdin)
    tty.setcbreak(sys.stdin)
    try:
        yield _key
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def _wait(seconds: float) -> str:
    time.sleep(seconds)
    return ""


def _key(seconds: float) -> str:
    ready, _, _ = select.select([sys.stdin], [], [], seconds)
    return sys.stdin.read(1) if ready else ""


def _spaced(tables: list[Table]) -> list[RenderableType]:
    return [part for one in tables for part in (Text(""), one)]


def _world(told: dict[str, Any]) -> Text:
    state = _mark(told["ok"], "up", "not all is running")
    return Text.from_markup(f"world [bold]{escape(told['world'])}[/]  {state}")


def _tables(told: dict[str, Any]) -> list[Table]:
    found = (
        _section(
            "process",
            "state",
            "pid",
            "up for",
            rows=[
                (one["name"], _state(one["state"]), one["pid"], f"{one['uptime_s']} s")
                for one in told["processes"]
            ],
        ),
        _section(
            "feed",
            "state",
            "since",
            "cause",
            rows=[
                (
                    one["venue"],
                    _state(one["state"]),
                    _clock(one["since"]),
                    escape(one["cause"] or ""),
                )
                for one in told["feeds"]
            ],
        ),
        _section(
            "stream",
            "topic",
            "offsets behind",
            "oldest waits",
            "batch",
            rows=[
                (
                    one["query"],
                    f"{one['topic']}/{one['partition']}",
                    one["behind"],
                    "?" if one["waiting_s"] is None else f"{one['waiting_s']:.1f} s",
                    f"{one['batch_ms']} ms",
                )
                for one in told["lag"]
            ],
        ),
        _section(LAKE, "rows", rows=[(name, f"{count:,}") for name, count in told["rows"].items()]),
    )
    return [table for table in found if table.row_count]


def _audit(told: dict[str, Any]) -> Text:
    audit = told["audit"]
    if not audit:
        return Text("audit: none yet (./tickhouse audit)")
    found = _mark(audit["ok"], "clean", "found faults")
    return Text.from_markup(f"audit {found}, {audit['age_s']} s ago")


def _links(told: dict[str, Any], login: str) -> Text:
    return Text("\n").join(
        Text(f"{name:<10} {link}" + (f"   log-in {login}" if name == "airflow" else ""))
        for name, link in told["links"].items()
    )


NUMBERS = {"pid", "up for", "offsets behind", "oldest waits", "batch", "rows"}


def _section(*columns: str, rows: list[tuple[Any, ...]]) -> Table:
    table = Table(box=None, header_style=DIM, pad_edge=False)
    for name in columns:
        number = name in NUMBERS
        table.add_column(name, justify="right" if number else "left", no_wrap=name != "cause")
    for row in rows:
        table.add_row(*("" if value is None else str(plain(value)) for value in row))
    return table


def _clock(at: Any) -> str:
    """A time to the second; whatever else, as it is."""
    return f"{at:%Y-%m-%d %H:%M:%S}" if hasattr(at, "strftime") else str(at or "")


def _mark(good: bool, yes: str, no: str) -> str:
    return f"[{GOOD}]{yes}[/]" if good else f"[{BAD}]{no}[/]"


def _state(name: str) -> str:
    return _mark(name in {"running", "live", "quiet"}, name, name)
