"""Decimal arithmetic as Spark does it, wide and rounded half up; whole numbers out of text."""

from decimal import ROUND_HALF_UP, Context, Decimal

WIDE = Context(prec=60)
ZERO = Decimal(0)
LARGEST = 2**63 - 1  # what a column, an offset and a version can hold
SIGNAL_STEP = Decimal("1e-12")  # the last digit of a signal's value


def round_half_up(exact: Decimal, step: Decimal) -> Decimal:
    """The nearest multiple of a power of ten; halves go away from zero."""
    return exact.quantize(step, ROUND_HALF_UP, WIDE)


def parse_whole(text: str, *, largest: int = LARGEST) -> int | None:
    """The whole number that a text of digits is; null if it is none, or above `largest`.

    Text from outside may have more digits than Python converts, or digits of other scripts.
    """
    is_short = len(text) <= len(str(largest))
    number = int(text) if is_short and text.isascii() and text.isdecimal() else None
    return None if number is None or number > largest else number
