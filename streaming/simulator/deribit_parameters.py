"""What Deribit's methods take: parameters from JSON or from a query, and their refusals. Pure.

Source: docs.deribit.com, API reference (to 2026-02-24). What a method does not know it ignores.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from streaming.simulator.deribit_error import DeribitError, refuse_param
from streaming.simulator.json_fields import Values, parse_json, read_decimal

CURRENCIES = ("BTC", "ETH", "USDC", "USDT", "EURR", "SOL", "XRP", "MATIC", "BNB", "PAXG", "USYC")
KINDS = ("future", "option", "spot", "future_combo", "option_combo", "combo", "any")
ACCOUNT_ID = 1
_MAX_WHOLE, _MAX_LABEL, _MAX_AMOUNT = 2**63 - 1, 64, 10**15


@dataclass(frozen=True)
class MethodParam:
    """A parameter: how its value is read, and a valid example.

    One with a `refusal` (code and message) is documented but not simulated: each of its values is
    refused so, but those of `harmless`, which ask for nothing.
    """

    name: str
    read: Callable[[str, Any], Any]
    example: Any
    mandatory: bool = False
    refusal: tuple[int, str] | None = None
    harmless: tuple[object, ...] = ()

    def refuses(self, value: Any) -> bool:
        """Whether a valid value asks for what is not simulated."""
        return self.refusal is not None and value not in self.harmless


def read_params(known_params: tuple[MethodParam, ...], sent_values: Mapping[str, Any]) -> Values:
    """The values of a method's parameters; null is as good as none.

    Raises:
        DeribitError: one is missing, of no valid value, or not simulated.
    """
    values: Values = {}
    for param in known_params:
        value = sent_values.get(param.name)
        if value is not None:
            values[param.name] = param.read(param.name, value)
            if param.refusal and param.refuses(values[param.name]):
                raise DeribitError(*param.refusal, param=param.name, reason="not simulated")
        elif param.mandatory:
            raise refuse_param(param.name, "value required")
    return values


def read_text(name: str, value: Any) -> str:
    """A text."""
    if not isinstance(value, str):
        raise refuse_param(name, "value must be a string")
    return value


def read_label(name: str, value: Any) -> str:
    """A label of an order."""
    if len(label := read_text(name, value)) > _MAX_LABEL:
        raise refuse_param(name, f"value must be at most {_MAX_LABEL} characters")
    return label


def read_account_id(name: str, value: Any) -> int:
    """The number of the one account that there is."""
    if read_whole(name, value) != ACCOUNT_ID:
        raise DeribitError(13021, "forbidden")
    return ACCOUNT_ID


def read_fill_id(name: str, value: Any) -> int:
    """The id of a fill of the account, as its number."""
    number = str(value).removeprefix("user-")
    if not isinstance(value, str) or not number.isdecimal() or not number.isascii():
        raise refuse_param(name, "value must be a trade id")
    return int(number)


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
    """A number, of a size that an order may have."""
    if abs(number := _read_number(name, value)) > _MAX_AMOUNT:
        raise refuse_param(name, "value is too large")
    return number


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
    return read_list(name, value, of=str, description="a list")


def read_list(name: str, value: Any, *, of: type, description: str) -> list[Any]:
    """A list of one type; a query sends it as JSON. What is none is refused by the description."""
    if isinstance(value, str):
        try:
            value = parse_json(value)
        except ValueError:
            value = None
    if not isinstance(value, list) or not all(isinstance(item, of) for item in value):
        raise refuse_param(name, f"value must be {description}")
    return value


def _read_number(name: str, value: Any) -> Decimal:
    try:
        return read_decimal(value)
    except ValueError:
        raise refuse_param(name, "value must be a number") from None


def refuse_instrument() -> DeribitError:
    """The refusal of an instrument that is not listed."""
    return DeribitError(10020, "invalid_or_unsupported_instrument")
