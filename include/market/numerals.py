"""Decimal arithmetic as Spark does it: wide, and rounded half up."""

from decimal import ROUND_HALF_UP, Context, Decimal

WIDE = Context(prec=60)
ZERO = Decimal(0)
SIGNAL_STEP = Decimal("1e-12")  # the last digit of a signal's value


def round_half_up(exact: Decimal, step: Decimal) -> Decimal:
    """The nearest multiple of a power of ten; halves go away from zero."""
    return exact.quantize(step, ROUND_HALF_UP, WIDE)
