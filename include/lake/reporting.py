"""The canned reports: one documented `.sql` file each in `include/lake/reports`.

A file begins with comment lines: the question it answers, then how to read the figures. `$first`
and `$until` in it are the span of time that was asked for.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from include.errors import QueryError
from include.lake.reading import find_tables
from include.market.time import ALL_TIME

FOLDER = Path(__file__).parent / "reports"


@dataclass(frozen=True)
class Report:
    """One report: the question it answers, how to read it, its SQL, and the tables it reads."""

    name: str
    question: str
    reading: str
    statement: str
    tables: tuple[str, ...]

    def span(self, start_at: datetime | None, end_at: datetime | None) -> dict[str, Any]:
        """The values of `$first` and `$until`; all of time where they are not given."""
        return {"first": start_at or ALL_TIME[0], "until": end_at or ALL_TIME[1]}


def list_reports() -> dict[str, Report]:
    """Every report by its name."""
    return {path.stem: _read(path) for path in sorted(FOLDER.glob("*.sql"))}


def report(name: str) -> Report:
    """One report.

    Raises:
        QueryError: there is none of that name; lists those there are.
    """
    by_name = list_reports()
    if name not in by_name:
        raise QueryError(f"no report is named {name!r}; there are {', '.join(by_name)}")
    return by_name[name]


def _read(path: Path) -> Report:
    text = path.read_text()
    lines = text.splitlines()
    comment = " ".join(line.removeprefix("--").strip() for line in lines if line.startswith("--"))
    question, mark, reading = comment.partition("? ")
    statement = "\n".join(line for line in lines if not line.startswith("--"))
    return Report(
        name=path.stem,
        question=question + mark.strip(),
        reading=reading,
        statement=statement,
        tables=tuple(find_tables(statement)),
    )
