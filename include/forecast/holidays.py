"""Days that a model treats apart: holidays, and events such as an exchange being hacked.

A CSV with the columns `holiday,ds` and optionally `lower_window,upper_window` (days before, as a
number from 0 down, and after) in any order, the form of Prophet's own holidays.
"""

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import msgspec
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from include.errors import HistoryError
from include.forecast.manifest import Holiday

REQUIRED, OPTIONAL = ("holiday", "ds"), ("lower_window", "upper_window")
LONGEST_WINDOW_DAYS = 60
DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
FIRST_YEAR, LAST_YEAR = 1900, 2200  # what pandas' times can hold, with room
DELIMITER = "_delim_"
# Names that Prophet gives to its own columns (prophet/forecaster.py, validate_column_name).
_TERMS = (
    *("trend", "additive_terms", "daily", "weekly", "yearly", "holidays", "zeros", "yhat"),
    *("extra_regressors_additive", "extra_regressors_multiplicative", "multiplicative_terms"),
)
RESERVED_NAMES = {
    *("ds", "y", "cap", "floor", "y_scaled", "cap_scaled"),
    *(f"{term}{end}" for term in _TERMS for end in ("", "_lower", "_upper")),
}


@dataclass(frozen=True)
class DayEvents:
    """A column of Prophet's: the days (since 1970) at one distance from the days of one name."""

    name: str
    days: NDArray[np.int64]


def read_holidays(path: str) -> tuple[Holiday, ...]:
    """The holidays of a CSV, in its order; none for an empty path.

    Raises:
        HistoryError: no such file, another header, or a row that is no holiday, with its line.
    """
    if not path:
        return ()
    try:
        lines = Path(path).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise HistoryError(f"the holidays of {path} cannot be read: {error}") from error
    reader = csv.DictReader(lines)
    try:
        return tuple(_read_rows(reader, path))
    except csv.Error as error:
        raise HistoryError(f"{path}:{reader.line_num} cannot be read: {error}") from error


def _read_rows(reader: "csv.DictReader[str]", path: str) -> Iterator[Holiday]:
    names = tuple(name.strip() for name in reader.fieldnames or ())
    if not set(REQUIRED) <= set(names) <= {*REQUIRED, *OPTIONAL} or len(set(names)) < len(names):
        raise HistoryError(
            f"{path} begins with {','.join(names) or 'nothing'}: holidays have the columns "
            f"{','.join(REQUIRED)} and optionally {','.join(OPTIONAL)}, each once"
        )
    reader.fieldnames = list(names)
    for row in reader:
        yield _holiday(row, f"{path}:{reader.line_num}")


def as_frame(holidays: Iterable[Holiday]) -> pd.DataFrame | None:
    """The holidays as Prophet takes them, none if there are none."""
    rows = [msgspec.structs.asdict(holiday) for holiday in holidays]
    if not rows:
        return None
    return pd.DataFrame(rows).assign(ds=lambda rows_df: pd.to_datetime(rows_df["ds"]))


def day_events(holidays: Iterable[Holiday]) -> tuple[DayEvents, ...]:
    """Prophet's columns of these holidays, in its order."""
    days_by_name: dict[str, list[int]] = {}
    for holiday in holidays:
        day = (holiday.ds - date(1970, 1, 1)).days
        for offset in range(holiday.lower_window, holiday.upper_window + 1):
            sign = "+" if offset >= 0 else "-"
            name = f"{holiday.holiday}{DELIMITER}{sign}{abs(offset)}"
            days_by_name.setdefault(name, []).append(day + offset)
    return tuple(
        DayEvents(name, np.array(sorted(set(days_by_name[name])), dtype=np.int64))
        for name in sorted(days_by_name)
    )


def _holiday(fields: dict[str, str | None], location: str) -> Holiday:
    texts = {name: (text or "").strip() for name, text in fields.items() if isinstance(name, str)}
    if None in fields or not texts["holiday"]:
        raise HistoryError(f"{location} is not a holiday: it needs a name and a day")
    day, name = _parse_day(texts["ds"], location), texts["holiday"]
    if not name.isprintable():
        raise HistoryError(f"{location}: the name {name!r} has characters that cannot be shown")
    # Prophet takes the name back from a column as what is before the first delimiter
    if name in RESERVED_NAMES or f"{name}{DELIMITER}".index(DELIMITER) < len(name):
        raise HistoryError(f"{location}: the name {name!r} is one of Prophet's own")
    lower, upper = _windows(texts, location)
    return Holiday(texts["holiday"], day, lower, upper)


def _parse_day(text: str, location: str) -> date:
    try:
        day = date.fromisoformat(text) if DAY.fullmatch(text) else None
    except ValueError:
        day = None
    if day is None:
        raise HistoryError(f"{location}: {text!r} is not a day (YYYY-MM-DD)")
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise HistoryError(f"{location}: {text} is not a day from {FIRST_YEAR} to {LAST_YEAR}")
    return day


def _windows(texts: dict[str, str], location: str) -> Iterator[int]:
    for name, lowest, highest in (
        ("lower_window", -LONGEST_WINDOW_DAYS, 0),
        ("upper_window", 0, LONGEST_WINDOW_DAYS),
    ):
        text = texts.get(name) or "0"
        try:
            days = int(float(text)) if float(text).is_integer() else None
        except ValueError:
            days = None
        if days is None or not lowest <= days <= highest:
            raise HistoryError(
                f"{location}: {name} {text!r} is not a number of days from {lowest} to {highest}"
            )
        yield days
