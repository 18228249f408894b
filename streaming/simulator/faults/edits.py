"""Changes of a message's text that a fault makes. Pure."""

import json
from collections.abc import Callable
from typing import Any

from streaming.simulator.faults.script import (
    Crossed,
    Edit,
    NewField,
    NewValue,
    NumbersAsText,
    TextAsNumbers,
)

FAR = 10  # a bid so many times a price crosses any book
Fields = dict[str, Any]


def edited(fault: Edit, text: str) -> str | None:
    """The text as the fault makes it; null if there is nothing in it to change."""
    before = json.loads(text)
    after = json.loads(text)
    if isinstance(fault, Crossed):
        _cross(after)
    elif isinstance(fault, NewField):
        _each(after, lambda fields: fields.setdefault(fault.key, fault.value))
    elif isinstance(fault, NewValue):
        _each(after, lambda fields: _set(fields, fault))
    else:
        convert = _as_text if isinstance(fault, NumbersAsText) else _as_number
        after = _converted(after, fault, convert, within=not fault.keys)
    return None if after == before else json.dumps(after, separators=(",", ":"))


def _set(fields: Fields, fault: NewValue) -> None:
    if fault.key in fields:
        fields[fault.key] = fault.value


def _each(found: object, change: Callable[[Fields], object]) -> None:
    """Change every object, the innermost first."""
    if isinstance(found, list):
        for one in found:
            _each(one, change)
    elif isinstance(found, dict):
        for one in found.values():
            _each(one, change)
        change(found)


def _converted(
    found: Any,
    fault: NumbersAsText | TextAsNumbers,
    convert: Callable[[Any], Any],
    *,
    within: bool,
) -> Any:
    if isinstance(found, dict):
        return {
            key: _converted(one, fault, convert, within=within or key in fault.keys)
            for key, one in found.items()
        }
    if isinstance(found, list):
        return [_converted(one, fault, convert, within=within) for one in found]
    return convert(found) if within else found


def _as_text(value: Any) -> Any:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return str(value) if number else value


def _as_number(value: Any) -> Any:
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value


def _cross(found: Fields) -> None:
    """Raise the best bid above every ask, in whichever shape the message has."""
    body = found.get("params", found)
    fields: Fields = body.get("data", body) if isinstance(body, dict) else {}
    if isinstance(fields, list):
        return
    if isinstance(fields.get("b"), str) and isinstance(fields.get("a"), str):  # a best price
        fields["b"], fields["a"] = fields["a"], fields["b"]
    elif change := next((one for one in fields.get("events", ()) if "side" in one), None):
        far = {"side": "bid", "price": _far(change["price"]), "remaining": "1", "delta": "1"}
        fields["events"].append({"type": "change", "reason": "place", **far})
    elif fields.get("changes"):
        fields["changes"].append(["buy", _far(fields["changes"][0][1]), "1"])
    else:
        bids, asks = ("bids", "asks") if "bids" in fields else ("b", "a")
        levels = [*fields.get(bids, ()), *fields.get(asks, ())]
        if levels:
            *action, price, amount = levels[0]
            action = ["new"] if action else []
            fields[bids].insert(0, [*action, _far(price), amount or 10.0])


def _far(price: Any) -> Any:
    return str(float(price) * FAR) if isinstance(price, str) else price * FAR
