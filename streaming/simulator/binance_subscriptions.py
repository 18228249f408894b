"""What one connection to the simulated Binance streams has subscribed to, and its requests. Pure.

Source: binance/binance-spot-api-docs, web-socket-streams.md, "Live subscribing" and its errors.
"""

import re
from dataclasses import dataclass, field
from typing import Any

from streaming.simulator.binance_streams import is_stream
from streaming.simulator.json_fields import Fields, parse_json

MAX_STREAMS = 1024
_METHODS = ("SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY")
_ID = re.compile(r"[a-zA-Z0-9\-_]{1,36}")
_MAX_ID = 2**63


class ControlError(Exception):
    """A refused request: 0 unknown property, 1 its value, 2 an invalid request, 3 no JSON."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass
class Subscriptions:
    """The streams of one connection, and whether their messages name them."""

    combined: bool
    streams: set[str] = field(default_factory=set)

    def reply(self, text: str) -> Fields:
        """The reply to a request, or its refusal."""
        request_id = None
        try:
            request = _read(text)
            request_id = _read_id(request)
            return {"result": self._answer(request), "id": request_id}
        except ControlError as error:
            body: Fields = {"code": error.code, "msg": str(error)}
            return body | ({} if request_id is None else {"id": request_id})

    def _answer(self, request: Fields) -> object:
        method = request.get("method")
        if method is None:
            raise ControlError(2, "Invalid request: missing field `method`")
        if method not in _METHODS:
            expected = ", ".join(f"`{name}`" for name in _METHODS)
            message = f"Invalid request: unknown variant `{method}`, expected one of {expected}"
            raise ControlError(2, message)
        params = request.get("params", [])
        if not isinstance(params, list):
            kind = "string" if isinstance(params, str) else "map" if params else "null"
            raise ControlError(
                2, f"Invalid request: invalid type: {kind}, expected a sequence for `params`"
            )
        if method == "LIST_SUBSCRIPTIONS":
            return sorted(self.streams)
        if not params:
            raise ControlError(2, "Invalid request: missing field `params`")
        if method.endswith("_PROPERTY"):
            return self._property(method, params)
        self._subscribe(method, params)
        return None

    def _subscribe(self, method: str, streams: list[Any]) -> None:
        for name in streams:
            if not isinstance(name, str) or not is_stream(name):
                raise ControlError(2, "Invalid request: invalid stream")
        if method == "UNSUBSCRIBE":
            self.streams.difference_update(streams)
            return
        if len(self.streams | set(streams)) > MAX_STREAMS:
            raise ControlError(2, "Invalid request: too many parameters")
        self.streams.update(streams)

    def _property(self, method: str, name_and_value: list[Any]) -> object:
        name, *values = name_and_value
        if not isinstance(name, str):
            raise ControlError(2, "Invalid request: property name must be a string")
        if name != "combined":
            raise ControlError(0, "Unknown property")
        if len(values) != (method == "SET_PROPERTY"):
            raise ControlError(
                2, f"Invalid request: {'too many' if values else 'missing'} parameters"
            )
        if method == "GET_PROPERTY":
            return self.combined
        if not isinstance(values[0], bool):
            raise ControlError(1, "Invalid value type: expected Boolean")
        self.combined = values[0]
        return None


def _read(text: str) -> Fields:
    try:
        request = parse_json(text)
    except ValueError:
        raise ControlError(3, "Invalid JSON: expected value at line 1 column 1") from None
    if not isinstance(request, dict):
        raise ControlError(2, "Invalid request: expected a map")
    return request


def is_request_id(request_id: object) -> bool:
    """Whether a request may have it: a whole number, a short text, or none."""
    if isinstance(request_id, int) and not isinstance(request_id, bool):
        return abs(request_id) < _MAX_ID
    is_text = isinstance(request_id, str) and _ID.fullmatch(request_id)
    return request_id is None or bool(is_text)


def _read_id(request: Fields) -> object:
    request_id = request.get("id")
    if is_request_id(request_id):
        return request_id
    message = "Invalid request: request ID must be an unsigned integer, a text or null"
    raise ControlError(2, message)
