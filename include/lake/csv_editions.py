"""Editions of CSV archives of minute bars, recognised by their first lines.

The editions that exist (see the data set `mczielinski/bitcoin-historical-data` and its history):

* 6 columns (since 2024): a minute without a trade repeats the close with volume 0.
* 8 columns (2018 to 2021): a minute without a trade has `NaN` in all seven fields.
* 8 columns (2017): a minute without a trade repeats the whole row before, volumes too.
* 8 columns without a header: as either of the two above.
* Bitfinex: `ms,open,close,high,low,volume` without a header; close comes *before* high and low.

A minute that is absent means "no data"; one that is there without a trade means "no trade".
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from include.errors import HistoryError

KAGGLE, BITFINEX = "kaggle", "bitfinex"
SIX = ("time", "open", "high", "low", "close", "base_volume")
EIGHT = (*SIX, "quote_volume", "weighted_price")
CLOSE_FIRST = ("time", "open", "close", "high", "low", "base_volume")
NAMES = {
    "timestamp": "time",
    "open": "open",
    "high": "high",
    "low": "low",
    "close": "close",
    "volume": "base_volume",
    "volume_(btc)": "base_volume",
    "volume_(currency)": "quote_volume",
    "weighted_price": "weighted_price",
}
SAMPLE_LINES = 1000
UNITS = ((10**11, 1_000_000, "seconds"), (10**14, 1_000, "milliseconds"), (10**17, 1, "µs"))


@dataclass(frozen=True)
class Edition:
    """How a file maps: our column names in its order, its header, and µs per unit of time."""

    source: str
    columns: tuple[str, ...]
    header: str | None
    unit_us: int
    repeats_are_silence: bool


def recognise(lines: Sequence[str]) -> Edition:
    """The edition of the CSV whose first lines (`SAMPLE_LINES` are enough) these are.

    Raises:
        HistoryError: no lines, unknown, missing or ambiguous columns, or no readable time.
    """
    rows = [line.strip().lstrip("\ufeff") for line in lines if line.strip()]
    if not rows:
        raise HistoryError("the history file is empty")
    header = None if _parse_number(rows[0].split(",")[0]) is not None else rows[0]
    bars = rows[1:] if header else rows
    if not bars:
        raise HistoryError(f"the history file has no rows after its header {header!r}")
    columns = _header_columns(header) if header else EIGHT  # the time is first in all
    unit = _find_unit(bars, columns.index("time"))
    columns = columns if header else _guess_columns(bars)
    return Edition(
        source=BITFINEX if columns == CLOSE_FIRST else KAGGLE,
        columns=columns,
        header=next(line.strip() for line in lines if line.strip()) if header else None,
        unit_us=unit,
        repeats_are_silence=len(columns) == len(EIGHT) and _repeats(bars),
    )


def unit_us(raw_time: float) -> int:
    """Microseconds in the unit of a time since 1970, by its magnitude (valid 1973 to 5138).

    Raises:
        HistoryError: it is negative or beyond microseconds.
    """
    for limit, factor, _name in UNITS:
        if 0 <= raw_time < limit:
            return factor
    raise HistoryError(f"time {raw_time!r} is neither in seconds, milliseconds nor microseconds")


def _header_columns(header: str) -> tuple[str, ...]:
    names = [name.strip().strip('"') for name in header.split(",")]
    unknown = [name for name in names if name.lower() not in NAMES]
    if unknown:
        raise HistoryError(f"unknown columns {unknown} in the history file's header {header!r}")
    columns = tuple(NAMES[name.lower()] for name in names)
    missing = [name for name in SIX if name not in columns]
    if missing or len(set(columns)) != len(columns):
        raise HistoryError(f"columns {missing} are missing (or doubled) in the header {header!r}")
    return columns


def _guess_columns(bars: list[str]) -> tuple[str, ...]:
    width = len(bars[0].split(","))
    if width == len(EIGHT):
        return EIGHT
    if width != len(SIX):
        raise HistoryError(f"a history file without header has 6 or 8 columns, not {width}")
    fits_six, fits_close_first = _fits(bars, SIX), _fits(bars, CLOSE_FIRST)
    if fits_six and fits_close_first:
        raise HistoryError(
            f"the first {len(bars)} rows of the history file do not show the order of its columns "
            f"({','.join(SIX)} or {','.join(CLOSE_FIRST)}): give it a header"
        )
    return SIX if fits_six else CLOSE_FIRST


def _fits(bars: list[str], column_order: tuple[str, ...]) -> bool:
    """Whether no sampled bar contradicts itself when read in this order."""
    return all(
        min(bar["open"], bar["close"]) >= bar["low"]
        and max(bar["open"], bar["close"]) <= bar["high"]
        for bar in _parse_prices(bars, column_order)
    )


def _parse_prices(bars: list[str], column_order: tuple[str, ...]) -> Iterator[dict[str, float]]:
    for bar in bars:
        numbers = [_parse_number(field) for field in bar.split(",")]
        if len(numbers) == len(column_order) and None not in numbers:
            yield {
                name: number
                for name, number in zip(column_order, numbers, strict=True)
                if number is not None
            }


def _find_unit(bars: list[str], index: int) -> int:
    for bar in bars:
        fields = bar.split(",")
        time = _parse_number(fields[index]) if index < len(fields) else None
        if time is not None:
            return unit_us(time)
    raise HistoryError(f"no row of the history file has a readable time; the first is {bars[0]!r}")


def _repeats(bars: list[str]) -> bool:
    values = [bar.partition(",")[2] for bar in bars]
    has_nan = "nan" in ",".join(values).lower()
    return not has_nan and any(old == new for old, new in pairwise(values))


def _parse_number(field: str) -> float | None:
    try:
        value = float(field)
    except ValueError:
        return None
    return value if value == value else None  # noqa: PLR0124 - NaN is no number
