"""What settings are made of: fields with a meaning and bounds, text that never prints. Pure."""

from dataclasses import field
from decimal import Decimal
from typing import Any, NamedTuple

MB = 1_000_000  # bytes; what every setting named `…_mb` counts


class Secret(str):
    """Text that never prints: `str()` and `repr()` give stars, `reveal()` the value."""

    def __str__(self) -> str:
        return "***"

    __repr__ = __str__

    def reveal(self) -> str:
        """The secret itself."""
        return str.__str__(self)


class NumberRange(NamedTuple):
    """What a number may be: from `lowest` to `highest` (null: no end), or above zero alone."""

    lowest: float = 0
    highest: float | None = None
    above_zero: bool = False

    def fault(self, number: float | Decimal) -> str:
        """Why the number cannot be; empty if it can."""
        if not Decimal(number).is_finite():
            return "not a finite number"
        if self.above_zero and number <= 0:
            return "must be above 0"
        if number < self.lowest:
            return f"must be {self.lowest:.15g} or more"
        is_above = self.highest is not None and number > self.highest
        return f"must be {self.highest:.15g} or less" if is_above else ""


NOT_NEGATIVE, SHARE, POSITIVE = NumberRange(), NumberRange(highest=1), NumberRange(above_zero=True)
COUNT = NumberRange(lowest=1)
BASIS_POINTS = NumberRange(highest=10_000)


def setting(
    default: Any, doc: str, bounds: NumberRange = NOT_NEGATIVE, *, choices: tuple[str, ...] = ()
) -> Any:
    """A field with its default and one sentence on what it means, units included.

    `bounds` are those of a number; none may be below zero. A text is one of `choices`, where there
    are any.
    """
    return field(default=default, metadata={"doc": doc, "bounds": bounds, "choices": choices})
