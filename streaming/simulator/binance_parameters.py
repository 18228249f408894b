"""What Binance takes as parameters, and how it refuses what it does not take. Pure.

Source: binance/binance-spot-api-docs, errors.md and rest-api.md (2026-07-17).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from streaming.simulator.json_fields import Values, parse_json

_SYMBOL, _ID = r"^[A-Z0-9-_.]{1,20}$", r"^[a-zA-Z0-9-_]{1,36}$"
_WHOLE_NUMBER, _MONEY = r"^[0-9]{1,20}$", r"^([0-9]{1,20})(\.[0-9]{1,20})?$"
_MAX_LONG = 2**63 - 1
_ZONE = re.compile(r"([+-]?)(\d{1,2})(?::(\d{2}))?")
_ZONE_MINUTES = range(-12 * 60, 14 * 60 + 1)


class BinanceError(Exception):
    """An error reply: HTTP status, Binance's code, a sentence, and what more there is to it."""

    def __init__(self, status: int, code: int, message: str, **details: object) -> None:
        super().__init__(message)
        self.status, self.code, self.details = status, code, details

    def body(self) -> dict[str, object]:
        """The reply's JSON."""
        return {"code": self.code, "msg": str(self), **self.details}


@dataclass(frozen=True)
class Param:
    """A parameter: how its text is read, and a valid example."""

    name: str
    read: Callable[[str, str], Any]
    example: str
    mandatory: bool = False


def read_values(known_params: tuple[Param, ...], texts: Mapping[str, str]) -> Values:
    """The values of a request's parameters.

    Raises:
        BinanceError: one is missing, empty, malformed, or not known here.
    """
    names = [param.name for param in known_params]
    if not names and texts:
        raise BinanceError(
            400, -1101, f"Too many parameters; expected '0' and received '{len(texts)}'."
        )
    for param in known_params:
        if texts.get(param.name) == "":
            raise BinanceError(400, -1105, f"Parameter '{param.name}' was empty.")
        if param.mandatory and param.name not in texts:
            raise refuse_missing(param.name)
    read_count = sum(name in names for name in texts)
    if read_count < len(texts):
        message = f"read '{read_count}' parameter(s) but was sent '{len(texts)}'."
        raise BinanceError(400, -1104, f"Not all sent parameters were read; {message}")
    return {p.name: p.read(p.name, texts[p.name]) for p in known_params if p.name in texts}


def refuse_missing(name: str) -> BinanceError:
    """The refusal of a request without a parameter that it needs."""
    message = f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed."
    return BinanceError(400, -1102, message)


def _match(pattern: str, name: str, text: str) -> str:
    if not re.fullmatch(pattern, text, re.ASCII):
        message = f"Illegal characters found in parameter '{name}'; legal range is '{pattern}'."
        raise BinanceError(400, -1100, message)
    return text


def read_symbol(name: str, text: str) -> str:
    """A symbol; whether it is listed is seen later."""
    return _match(_SYMBOL, name, text)


def read_symbols(name: str, text: str) -> list[str]:
    """A JSON list of symbols, each once."""
    try:
        symbols = parse_json(text)
    except ValueError:
        symbols = None
    if not isinstance(symbols, list) or not all(isinstance(symbol, str) for symbol in symbols):
        item = "[A-Z0-9-_.]{1,20}"
        pattern = rf'^\[("{item}"(,"{item}"){{0,}}){{0,1}}\]$'
        message = f"Illegal characters found in parameter '{name}'; legal range is '{pattern}'."
        raise BinanceError(400, -1100, message)
    for symbol in symbols:
        read_symbol(name, symbol)
    if len(set(symbols)) < len(symbols):
        raise BinanceError(400, -1151, "Symbol is present multiple times in the list.")
    return symbols


def read_whole(name: str, text: str) -> int:
    """A whole number: an id, a time in ms, a window."""
    number = int(_match(_WHOLE_NUMBER, name, text))
    if number > _MAX_LONG:
        raise BinanceError(400, -1108, f"Parameter '{name}' overflowed.")
    return number


def read_money(name: str, text: str) -> Decimal:
    """A decimal number."""
    return Decimal(_match(_MONEY, name, text))


def read_signature(_name: str, text: str) -> str:
    """A signature in hexadecimal or base64, where none is checked."""
    if not re.fullmatch(r"[A-Za-z0-9+/=]{64,512}", text, re.ASCII):
        raise BinanceError(400, -1022, "Signature for this request is not valid.")
    return text


def read_text(name: str, text: str) -> str:
    """A client's id."""
    return _match(_ID, name, text)


def read_boolean(name: str, text: str) -> bool:
    """A yes or no."""
    return _match("^(true|false)$", name, text.lower()) == "true"


def read_limit(max_rows: int) -> Callable[[str, str], int]:
    """How many rows: at most `max_rows`, a higher number counts as that."""

    def read(name: str, text: str) -> int:
        limit = read_whole(name, text)
        if not limit:
            raise BinanceError(400, -1130, f"Data sent for parameter '{name}' is not valid.")
        return min(limit, max_rows)

    return read


def read_choice(code: int, message: str, *choices: str) -> Callable[[str, str], str]:
    """One of some words; the refusal of others."""

    def read(_name: str, text: str) -> str:
        if text not in choices:
            raise BinanceError(400, code, message)
        return text

    return read


def read_word(*words: str) -> Callable[[str, str], str]:
    """One of some words; others are no valid data."""

    def read(name: str, text: str) -> str:
        if text not in words:
            raise BinanceError(400, -1130, f"Data sent for parameter '{name}' is not valid.")
        return text

    return read


def read_zone(name: str, text: str) -> int:
    """A time zone, such as `8` or `-1:00`, in seconds east of UTC."""
    zone = _ZONE.fullmatch(text)
    minutes = int(zone[2]) * 60 + int(zone[3] or 0) if zone else _ZONE_MINUTES.stop
    minutes = -minutes if zone and zone[1] == "-" else minutes
    if minutes not in _ZONE_MINUTES:
        raise BinanceError(400, -1130, f"Data sent for parameter '{name}' is not valid.")
    return minutes * 60


def read_window(name: str, text: str) -> int:
    """A rolling window of `1m` to `59m`, `1h` to `23h` or `1d` to `7d`, in ms."""
    units = {"m": (59, 60_000), "h": (23, 3_600_000), "d": (7, 86_400_000)}
    max_count, unit_ms = units.get(text[-1], (0, 0))
    count = int(text[:-1]) if re.fullmatch(r"[1-9]\d?", text[:-1]) else 0
    if not 0 < count <= max_count:
        raise BinanceError(400, -1130, f"Data sent for parameter '{name}' is not valid.")
    return count * unit_ms
