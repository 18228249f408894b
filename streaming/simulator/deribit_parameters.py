"""What Deribit's methods take: parameters from JSON or from a query, and their refusals. Pure.

Source: docs.deribit.com, API reference (to 2026-02-24). What a method does not know it ignores.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from streaming.simulator.deribit_error import DeribitError, refuse_param
from streaming.simulator.json_fields import Values

CURRENCIES = ("BTC", "ETH", "USDC", "USDT", "EURR", "SOL", "XRP", "MATIC", "BNB", "PAXG", "USYC")
KINDS = ("future", "option", "spot", "future_combo", "option_combo", "combo", "any")
_MAX_WHOLE = 2**63 - 1


@dataclass(frozen=True)
class MethodParam:
    """A parameter: how its value is read, and a valid example."""

    name: str
    read: Callable[[str, Any], Any]
    example: Any
    mandatory: bool = False


def read_params(known_params: tuple[MethodParam, ...], sent_values: Mapping[str, Any]) -> Values:
    """The values of a method's parameters; null is as good as none.

    Raises:
        DeribitError: one is missing, or of no valid value.
    """
    values: Values = {}
    for param in known_params:
        value = sent_values.get(param.name)
        if value is not None:
            values[param.name] = param.read(param.name, value)
        elif param.mandatory:
            raise refuse_param(param.name, "value required")
    return values


def read_text(name: str, value: Any) -> str:
    """A text."""
    if not isinstance(value, str):
        raise refuse_param(name, "value must be a string")
    return value


def read_whole(name: str, value: Any) -> int:
    """A whole number of zero or more: a time in ms, a number of a trade."""
    number = _read_number(name, value)
    if number != number.to_integral_value() or not 0 <= number <= _MAX_WHOLE:
        raise refuse_param(name, "value must be an integer")
    return int(number)


def read_count(maximum: int) -> Callable[[str, Any], int]:
    """How many: at most `maximum`."""

    def read(name: str, value: Any) -> int:
        count = read_whole(name, value)
        if not 1 <= count <= maximum:
            raise refuse_param(name, f"value must be between 1 and {maximum}")
        return count

    return read


def read_amount(name: str, value: Any) -> Decimal:
    """A number."""
    return _read_number(name, value)


def read_boolean(name: str, value: Any) -> bool:
    """A yes or no; a query sends it as a text."""
    if value not in (True, False, "true", "false"):
        raise refuse_param(name, "value must be a boolean")
    return value in (True, "true")


def read_choice(*choices: str) -> Callable[[str, Any], str]:
    """One of some words."""

    def read(name: str, value: Any) -> str:
        if value not in choices:
            raise refuse_param(name, f"value must be one of: {', '.join(choices)}")
        return str(value)

    return read


def read_texts(name: str, value: Any) -> list[str]:
    """A list of texts; a query sends it as JSON."""
    if isinstance(value, str) and value.startswith("["):
        try:
            value = json.loads(value)
        except ValueError:
            value = None
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise refuse_param(name, "value must be a list")
    return value


def _read_number(name: str, value: Any) -> Decimal:
    try:
        number = Decimal(str(value)) if not isinstance(value, bool) else Decimal("NaN")
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        raise refuse_param(name, "value must be a number")
    return number


def refuse_instrument() -> DeribitError:
    """The refusal of an instrument that is not listed."""
    return DeribitError(10020, "invalid_or_unsupported_instrument")
