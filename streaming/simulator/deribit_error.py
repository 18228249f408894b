"""Deribit's error reply."""

from typing import Any


class DeribitError(Exception):
    """An error reply: code, text, and what was wrong."""

    def __init__(self, code: int, message: str, **data: str) -> None:
        super().__init__(message)
        self.body: dict[str, Any] = {"code": code, "message": message} | (
            {"data": data} if data else {}
        )


def refuse_param(param: str, reason: str) -> DeribitError:
    """The refusal of a parameter."""
    return DeribitError(-32602, "Invalid params", reason=reason, param=param)
