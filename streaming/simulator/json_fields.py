"""JSON as the simulated venues read and write it: requests may hold anything."""

import json
import math
from decimal import Decimal, InvalidOperation
from typing import Any

from aiohttp import web

Fields = dict[str, Any]  # a JSON object: name and value
Values = dict[str, Any]  # parameters of a call, read: name and value
_DIGITS = 20


def parse_json(json_text: str | bytes) -> Any:
    """The value of a JSON text, which can be written again.

    Raises:
        ValueError: it is none, is nested too deeply, or has a number that JSON lacks (NaN, 1e999).
    """
    try:
        return json.loads(json_text, parse_constant=_refuse_constant, parse_float=_read_float)
    except RecursionError:
        raise ValueError("nested too deeply") from None


async def read_text(request: web.Request) -> str:
    """A request's body as text, by no header: what is not UTF-8 becomes U+FFFD."""
    return (await request.read()).decode(errors="replace")


async def read_object(request: web.Request) -> Fields:
    """A request's body as a JSON object; empty if it is none."""
    try:
        fields = parse_json(await request.read())
    except ValueError:
        return {}
    return fields if isinstance(fields, dict) else {}


def read_decimal(sent_value: object) -> Decimal:
    """The number that a value or its text is, of a size that can be reckoned with.

    Raises:
        ValueError: it is none, or has more than twenty digits before or after the point.
    """
    try:
        number = Decimal(str(sent_value))
    except InvalidOperation:
        number = Decimal("NaN")
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int) or exponent < -_DIGITS or number.adjusted() >= _DIGITS:
        raise ValueError(f"{str(sent_value)[:_DIGITS]!r} is no number")
    return number


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON")


def _read_float(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text} is too large")
    return number
