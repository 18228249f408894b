"""Money to eight decimals, rounded the way that cannot make an account negative."""

from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal

STEP = Decimal("0.00000001")
BPS = Decimal(10_000)
ZERO = Decimal(0)
_WIDE = Context(prec=60)


def floored(amount: Decimal, step: Decimal = STEP) -> Decimal:
    """The largest multiple of `step` that is not above the amount."""
    return _on_step(amount, step, ROUND_FLOOR)


def stepped_up(amount: Decimal, step: Decimal) -> Decimal:
    """The smallest multiple of `step` that is not below the amount."""
    return _on_step(amount, step, ROUND_CEILING)


def raised(amount: Decimal) -> Decimal:
    """The smallest multiple of 1e-8 that is not below the amount."""
    return plain(amount.quantize(STEP, ROUND_CEILING, _WIDE))


def rounded(amount: Decimal) -> Decimal:
    """The nearest multiple of 1e-8: how averages and ratios are told."""
    return plain(amount.quantize(STEP, ROUND_HALF_EVEN, _WIDE))


def fee_of(price: Decimal, quantity: Decimal, *, fee_bps: Decimal) -> Decimal:
    """A fee in quote units, rounded up."""
    return raised(price * quantity * fee_bps / BPS)


def _on_step(amount: Decimal, step: Decimal, rounding: str) -> Decimal:
    if step.as_tuple().digits != (1,):  # such as 0.05; a quotient's 60 digits are enough to floor
        steps = _WIDE.divide(amount, step).to_integral_value(rounding)
        return plain(_WIDE.multiply(steps, step))
    return plain(amount.quantize(step, rounding, _WIDE))


def plain(amount: Decimal) -> Decimal:
    """Without trailing zeros, so that equal amounts are equal texts."""
    whole = amount == amount.to_integral_value()
    return amount.quantize(Decimal(1), context=_WIDE) if whole else amount.normalize(_WIDE)
