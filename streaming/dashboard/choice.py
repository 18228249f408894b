"""What a viewer chose to see: symbols, and the last minutes or a span of time; its address."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlencode

from include.errors import QueryError
from include.lake.as_of import parse_time
from include.market.time import DAY_S, EARLIEST_US, LATEST_US, SECOND_US

RANGES = (15, 30, 60, 120)
"""Minutes of the live view."""

PRESETS_S: Final = {"1d": DAY_S, "7d": 7 * DAY_S, "30d": 30 * DAY_S, "90d": 90 * DAY_S}
PRESETS_S["365d"] = 365 * DAY_S
MAX_SYMBOLS = 6
SHORTEST_S: Final = 600
_EARLIEST_S, _LATEST_S = EARLIEST_US // SECOND_US, LATEST_US // SECOND_US
_MINUTE_S, _POINTS = 60, 1500
_STEPS_S = (60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 43_200, DAY_S, 7 * DAY_S)
_PART = r"([A-Z0-9_]|(?<=\d)d(?=\d)){1,20}"  # Deribit has `d` for a strike's decimal point
_SYMBOL = re.compile(rf"{_PART}(-{_PART}){{1,4}}")
_DECIMAL_POINT = re.compile(r"(-\d+)D(?=\d+-[CP]$)")
Address = Mapping[str, Sequence[bytes]]


@dataclass(frozen=True)
class Span:
    """A span of market time in seconds since the epoch, of full minutes."""

    start_s: int
    end_s: int

    @property
    def length_s(self) -> int:
        """Its seconds."""
        return self.end_s - self.start_s

    @property
    def step_s(self) -> int:
        """Seconds that a point stands for: a line has some 1,500 points at most."""
        return next((step for step in _STEPS_S if self.length_s <= step * _POINTS), _STEPS_S[-1])

    def move_by(self, share: float) -> "Span":
        """The span later by this share of its length, earlier for a negative one."""
        by_s = int(self.length_s * share)
        return make_span(self.start_s + by_s, self.end_s + by_s)

    def scale_by(self, factor: float) -> "Span":
        """The span about the same middle, its length times the factor."""
        middle_s, half_s = (self.start_s + self.end_s) / 2, self.length_s * factor / 2
        return make_span(middle_s - half_s, middle_s + half_s)


@dataclass(frozen=True)
class Choice:
    """Symbols, the first of which all panels show, and the last `minutes` unless a span is set.

    `account` is the trader's account that is shown; empty: the one that trades the symbol.
    """

    symbols: tuple[str, ...]
    minutes: int
    span: Span | None = None
    account: str = ""

    @property
    def symbol(self) -> str:
        """The symbol of all panels."""
        return self.symbols[0]


def make_span(start_s: float, end_s: float) -> Span:
    """The full minutes about these times, ten at the fewest, between the years 2000 and 2100."""
    start = max(_EARLIEST_S, min(int(start_s // _MINUTE_S) * _MINUTE_S, _LATEST_S - SHORTEST_S))
    end = min(_LATEST_S, max(-int(-end_s // _MINUTE_S) * _MINUTE_S, start + SHORTEST_S))
    return Span(start, end)


def parse_choice(
    address: Address, default: Choice, *, now_s: int, symbol_by_account: Mapping[str, str]
) -> Choice:
    """What an address asks for by `from`, `to`, `symbol`, `minutes`, `account`; else the default.

    Without `to` the span ends now (market time), without `from` it begins a day before its end.
    An account brings its symbol, unless there is another in the address.

    Raises:
        QueryError: a value is none of its kind; names it.
    """
    texts = {name: values[-1].decode(errors="replace") for name, values in address.items()}
    account = texts.get("account", "")
    if account and account not in symbol_by_account:
        raise QueryError(f"account={account[:60]} is none of {', '.join(symbol_by_account)}")
    own_symbols = (symbol_by_account[account],) if account else default.symbols
    symbols = parse_symbols(texts["symbol"]) if texts.get("symbol") else own_symbols
    minutes = _parse_minutes(texts["minutes"]) if texts.get("minutes") else default.minutes
    span = parse_span(texts.get("from", ""), texts.get("to", ""), now_s=now_s)
    return Choice(symbols, minutes, span, account)


def parse_symbols(text: str) -> tuple[str, ...]:
    """The symbols of a text such as `BTC-USD,ETH-USD`, each once.

    Raises:
        QueryError: one is no symbol, or there are too many.
    """
    symbols = tuple(dict.fromkeys(_capitalize(part.strip()) for part in text.split(",")))
    for symbol in symbols:
        if not _SYMBOL.fullmatch(symbol):
            raise QueryError(f"symbol={symbol[:60]} is no symbol such as BTC-USD")
    if len(symbols) > MAX_SYMBOLS:
        raise QueryError(f"symbol names {len(symbols)} symbols, and {MAX_SYMBOLS} at most fit")
    return symbols


def _capitalize(symbol: str) -> str:
    """The symbol as venues' symbols are written here: `XRP_USDC-30JUN26-0d605-C` keeps its `d`."""
    return _DECIMAL_POINT.sub(r"\1d", symbol.upper())


def parse_span(start_text: str, end_text: str, *, now_s: int) -> Span | None:
    """The span of two ISO times (UTC where they have no zone); null if both are empty.

    Raises:
        QueryError: one is no time between 2000 and 2100, or the first is not before the second.
    """
    if not start_text and not end_text:
        return None
    end_s = _parse_second("to", end_text) if end_text else now_s
    start_s = _parse_second("from", start_text) if start_text else end_s - DAY_S
    if start_s >= end_s:
        raise QueryError(f"from={start_text} is not before to={format_time(end_s)}")
    return make_span(start_s, end_s)


def _parse_second(name: str, text: str) -> int:
    try:
        second = int(parse_time(text).timestamp())
    except (QueryError, OverflowError) as error:
        raise QueryError(f"{name}={text[:60]} is not a time such as 2026-11-21T08:00") from error
    if not _EARLIEST_S <= second <= _LATEST_S:
        raise QueryError(f"{name}={text} is not between the years 2000 and 2100")
    return second


def _parse_minutes(text: str) -> int:
    if text not in map(str, RANGES):
        raise QueryError(f"minutes={text[:60]} is none of {', '.join(map(str, RANGES))}")
    return int(text)


def format_address(choice: Choice, default: Choice) -> str:
    """The part of the address behind `?` that gives this choice again; empty for the default."""
    parts: dict[str, str] = {}
    if choice.span:
        parts = {"from": format_time(choice.span.start_s), "to": format_time(choice.span.end_s)}
    elif choice.minutes != default.minutes:
        parts["minutes"] = str(choice.minutes)
    if choice.symbols != default.symbols or choice.span:
        parts["symbol"] = ",".join(choice.symbols)
    if choice.account:
        parts["account"] = choice.account
    return urlencode(parts, safe=":,")


def format_time(second: int) -> str:
    """A time such as 2026-11-21T08:00, UTC."""
    return f"{datetime.fromtimestamp(second, UTC):%Y-%m-%dT%H:%M}"
