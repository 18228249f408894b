"""Edits that a fault makes to a message's text. Pure."""

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
from streaming.simulator.json_fields import Fields

FAR = 10  # a bid at so many times the price crosses any book


def apply_edit(edit: Edit, text: str) -> str | None:
    """The edited text; none if there is nothing in it to edit."""
    original = json.loads(text)
    value = json.loads(text)
    if isinstance(edit, Crossed):
        _cross(value)
    elif isinstance(edit, NewField):
        _for_each_object(value, lambda fields: fields.setdefault(edit.key, edit.value))
    elif isinstance(edit, NewValue):
        _for_each_object(value, lambda fields: _set_field(fields, edit))
    else:
        convert = _as_text if isinstance(edit, NumbersAsText) else _as_number
        value = _convert(value, edit, convert, within=not edit.keys)
    return None if value == original else json.dumps(value, separators=(",", ":"))


def _set_field(target: Fields, edit: NewValue) -> None:
    if edit.key in target:
        target[edit.key] = edit.value


def _for_each_object(node: object, change: Callable[[Fields], object]) -> None:
    """Change every object, the innermost first."""
    if isinstance(node, list):
        for child in node:
            _for_each_object(child, change)
    elif isinstance(node, dict):
        for child in node.values():
            _for_each_object(child, change)
        change(node)


def _convert(
    node: Any,
    edit: NumbersAsText | TextAsNumbers,
    convert: Callable[[Any], Any],
    *,
    within: bool,
) -> Any:
    if isinstance(node, dict):
        return {
            key: _convert(child, edit, convert, within=within or key in edit.keys)
            for key, child in node.items()
        }
    if isinstance(node, list):
        return [_convert(child, edit, convert, within=within) for child in node]
    return convert(node) if within else node


def _as_text(scalar: Any) -> Any:
    number = isinstance(scalar, int | float) and not isinstance(scalar, bool)
    return str(scalar) if number else scalar


def _as_number(scalar: Any) -> Any:
    try:
        return float(scalar) if isinstance(scalar, str) else scalar
    except ValueError:
        return scalar


def _cross(document: Fields) -> None:
    """Raise the best bid above every ask, in whichever shape the message has."""
    body = document.get("params", document)
    fields: Fields = body.get("data", body) if isinstance(body, dict) else {}
    if isinstance(fields, list):
        return
    if isinstance(fields.get("b"), str) and isinstance(fields.get("a"), str):  # a best price
        fields["b"], fields["a"] = fields["a"], fields["b"]
    elif first_change := next(
        (event for event in fields.get("events", ()) if "side" in event), None
    ):
        far = {
            "side": "bid",
            "price": _multiply_price(first_change["price"]),
            "remaining": "1",
            "delta": "1",
        }
        fields["events"].append({"type": "change", "reason": "place", **far})
    elif fields.get("changes"):
        fields["changes"].append(["buy", _multiply_price(fields["changes"][0][1]), "1"])
    else:
        bids, asks = ("bids", "asks") if "bids" in fields else ("b", "a")
        levels = [*fields.get(bids, ()), *fields.get(asks, ())]
        if levels:
            *action, price, amount = levels[0]
            action = ["new"] if action else []
            fields[bids].insert(0, [*action, _multiply_price(price), _or_some(amount)])


def _or_some(amount: Any) -> Any:
    """The amount, or ten where it removes its level."""
    return amount if float(amount) else type(amount)(10)


def _multiply_price(price: Any) -> Any:
    return str(float(price) * FAR) if isinstance(price, str) else price * FAR
