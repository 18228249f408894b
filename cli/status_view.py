"""`status` for a person: printed once, or as a screen that is refreshed until q or Ctrl-C."""

import select
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from cli.console import BAD, DIM, GOOD, OUT, to_json_value
from include.local.status import Status

WIDE = 118  # from so many columns on, processes and tables stand beside feeds and stream
LAKE = "lake table"


def show_status(status: Status, *, login: str) -> None:
    """Print what `status --json` holds, for a person."""
    parts = (_render_world(status), *_render_causes(status), *_render_tables(status))
    for part in (*parts, _render_audit(status), _render_links(status, login)):
        OUT.print(part)
        if isinstance(part, Table):
            OUT.print()


def render_screen(status: Status, *, login: str, width: int, now: str) -> RenderableType:
    """The status for a screen of so many columns; `now` is its time of day."""
    head = Table.grid(expand=True)
    head.add_column()
    head.add_column(justify="right")
    head.add_row(_render_world(status), f"[{DIM}]{now}  q or Ctrl-C ends this[/]")
    causes = _render_causes(status)
    first, *others = _render_tables(status) or [
        _render_section("nothing runs (./tickhouse up)", rows=[])
    ]
    foot = (_render_audit(status), _render_links(status, login))
    if width < WIDE:
        return Group(head, *causes, *foot, *_separate([first, *others]))
    sides = Table.grid(padding=(0, 4, 0, 0))
    lake_tables = [table for table in others if table.columns[0].header == LAKE]
    stream_tables = [table for table in others if table.columns[0].header != LAKE]
    sides.add_row(Group(*_separate([first, *lake_tables])), Group(*_separate(stream_tables)))
    return Group(head, *causes, *foot, sides)


def watch_status(read: Callable[[], Status], *, login: str, every_s: float) -> None:
    """Show the status on its own screen, refreshed every so many seconds, until q or Ctrl-C."""

    def paint() -> RenderableType:
        now = time.strftime("%H:%M:%S")
        return render_screen(read(), login=login, width=OUT.width, now=now)

    first = paint()
    try:
        with keys() as pressed, Live(first, console=OUT, screen=True, auto_refresh=False) as live:
            while pressed(every_s) != "q":
                live.update(paint(), refresh=True)
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
        yield _read_key
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def _wait(seconds: float) -> str:
    time.sleep(seconds)
    return ""


def _read_key(seconds: float) -> str:
    ready, _, _ = select.select([sys.stdin], [], [], seconds)
    return sys.stdin.read(1) if ready else ""


def _separate(tables: list[Table]) -> list[RenderableType]:
    return [part for table in tables for part in (Text(""), table)]


def _render_world(status: Status) -> Text:
    state = _color_by_outcome(status.ok, "up", "not all is running")
    return Text.from_markup(f"world [bold]{escape(status.world)}[/]  {state}")


def _render_causes(status: Status) -> list[Text]:
    """Why it is not up, a line each."""
    return [Text(f"  {to_json_value(cause)}", style=BAD) for cause in status.causes]


def _render_tables(status: Status) -> list[Table]:
    tables = (
        _render_section(
            "process",
            "state",
            "pid",
            "up for",
            rows=[
                (process.name, _render_state(process.state), process.pid, f"{process.uptime_s} s")
                for process in status.processes
            ],
        ),
        _render_section(
            "feed",
            "state",
            "since",
            "cause",
            rows=[
                (
                    feed.venue,
                    _render_state(feed.state),
                    _render_time(feed.since),
                    escape(feed.cause or ""),
                )
                for feed in status.feeds
            ],
        ),
        _render_accounts(status),
        _render_section(
            "stream",
            "topic",
            "offsets behind",
            "oldest waits",
            "batch",
            rows=[
                (
                    lag.query,
                    f"{lag.topic}/{lag.partition}",
                    "?" if lag.behind is None else lag.behind,
                    "?" if lag.waiting_s is None else f"{lag.waiting_s:.1f} s",
                    "?" if lag.batch_ms is None else f"{lag.batch_ms} ms",
                )
                for lag in status.lag
            ],
        ),
        _render_section(
            LAKE, "rows", rows=[(name, f"{count:,}") for name, count in status.rows.items()]
        ),
    )
    return [table for table in tables if table.row_count]


def _render_accounts(status: Status) -> Table:
    rows = [
        (
            account.name,
            _render_state(account.state),
            escape(account.failure or account.halted or ""),
        )
        for account in status.accounts
    ]
    return _render_section("account", "state", "why", rows=rows)


def _render_audit(status: Status) -> Text:
    if status.audit is None:
        return Text("audit: none yet (./tickhouse audit)")
    outcome = _color_by_outcome(status.audit.ok, "clean", "found faults")
    return Text.from_markup(f"audit {outcome}, {status.audit.age_s} s ago")


def _render_links(status: Status, login: str) -> Text:
    return Text("\n").join(
        Text(f"{name:<10} {link}" + (f"   log-in {login}" if name == "airflow" else ""))
        for name, link in status.links.items()
    )


NUMBERS = {"pid", "up for", "offsets behind", "oldest waits", "batch", "rows"}


def _render_section(*columns: str, rows: list[tuple[Any, ...]]) -> Table:
    table = Table(box=None, header_style=DIM, pad_edge=False)
    for name in columns:
        number = name in NUMBERS
        table.add_column(name, justify="right" if number else "left", no_wrap=name != "cause")
    for row in rows:
        table.add_row(*("" if value is None else str(to_json_value(value)) for value in row))
    return table


def _render_time(shown_at: datetime) -> str:
    return f"{shown_at:%Y-%m-%d %H:%M:%S}"


def _color_by_outcome(good: bool, yes: str, no: str) -> str:
    return f"[{GOOD}]{yes}[/]" if good else f"[{BAD}]{no}[/]"


def _render_state(name: str) -> str:
    return _color_by_outcome(name in {"running", "live", "quiet", "trading"}, name, name)
