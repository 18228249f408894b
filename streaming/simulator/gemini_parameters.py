"""The parameters of the simulated Gemini's calls: how each is read, and how it is refused. Pure.

Source: docs.gemini.com, "Error codes", "Data types".
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from streaming.simulator.gemini_pairs import CURRENCIES, PAIRS
from streaming.simulator.json_fields import Fields, Values

_BAD_REQUEST = "Bad Request"
_MS_FROM = 100_000_000_000  # a time below this is in seconds


class GeminiError(Exception):
    """An error reply: HTTP status, Gemini's reason, a sentence."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status, self.reason, self.message = status, reason, message

    def body(self) -> Fields:
        """The reply's JSON."""
        return {"result": "error", "reason": self.reason, "message": self.message}


@dataclass(frozen=True)
class GeminiParam:
    """One parameter; `read` gives its value or raises ValueError, `reason` is of signed calls."""

    name: str
    read: Callable[[object], object]
    example: object
    mandatory: bool = False
    reason: str = _BAD_REQUEST


def read_values(
    gemini_params: tuple[GeminiParam, ...], sent_values: Mapping[str, object], *, signed: bool
) -> Values:
    """The values of the parameters that were sent; what no row names is passed over.

    Raises:
        GeminiError: one is malformed, or a mandatory one is absent.
    """
    values: Values = {}
    for param in gemini_params:
        if param.name in sent_values:
            try:
                values[param.name] = param.read(sent_values[param.name])
            except ValueError as error:
                reason = param.reason if signed else _BAD_REQUEST
                raise GeminiError(400, reason, str(error)) from None
        elif param.mandatory:
            raise GeminiError(400, "MissingOrderField", f"{param.name} is missing")
    return values


def read_symbol(sent_value: object) -> str:
    """A symbol that is traded, sent in any case, in lower case."""
    symbol = str(sent_value).lower()
    if symbol not in PAIRS:
        raise ValueError(
            f"Supplied value '{sent_value}' is not a valid symbol. Please correct your API request"
            f" to use one of the supported symbols: [{', '.join(PAIRS)}]"
        )
    return symbol


def read_currency(sent_value: object) -> str:
    """A currency of the account, in upper case."""
    currency = str(sent_value).upper()
    if currency not in CURRENCIES:
        raise ValueError(f"Supplied value '{sent_value}' is not a valid currency")
    return currency


def read_whole(sent_value: object) -> int:
    """A whole number that is not negative, as a number or a text."""
    if not re.fullmatch(r"\d{1,18}", str(sent_value), re.ASCII):
        raise ValueError(f"Supplied value '{sent_value}' is not a valid whole number")
    return int(str(sent_value))


def read_time_ms(sent_value: object) -> int:
    """A time in seconds or milliseconds since the epoch, in milliseconds."""
    number = read_whole(sent_value)
    return number if number >= _MS_FROM else number * 1000


def read_boolean(sent_value: object) -> bool:
    """A yes or no, as a boolean or a text."""
    words = {"true": True, "1": True, "false": False, "0": False}
    if str(sent_value).lower() not in words:
        raise ValueError(f"Supplied value '{sent_value}' is neither true nor false")
    return words[str(sent_value).lower()]


def read_flag(query: Mapping[str, str], name: str, *, otherwise: bool) -> bool:
    """A yes or no of a socket's address.

    Raises:
        GeminiError: it is neither.
    """
    try:
        return read_boolean(query.get(name, otherwise))
    except ValueError as error:
        raise GeminiError(400, _BAD_REQUEST, str(error)) from None


def read_text(sent_value: object) -> str:
    """A client's id."""
    if not isinstance(sent_value, str):
        raise ValueError(f"Supplied value '{sent_value}' is not a string")
    return sent_value


def read_any(sent_value: object) -> object:
    """What is read later, with others."""
    return sent_value


def read_one_of(*words: str) -> Callable[[object], str]:
    """One of some words."""

    def read(sent_value: object) -> str:
        if sent_value not in words:
            choices = ", ".join(words)
            raise ValueError(f"Supplied value '{sent_value}' is not valid: it is one of {choices}")
        return str(sent_value)

    return read


def read_limit(max_rows: int) -> Callable[[object], int]:
    """How many rows: at most `max_rows`, a higher number counts as that."""
    return lambda sent_value: min(read_whole(sent_value), max_rows)
