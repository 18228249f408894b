"""Money to eight decimals, rounded the way that cannot make an account negative."""

from collections.abc import Iterable
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal

from include.market.numerals import WIDE

STEP = Decimal("0.00000001")
BPS = Decimal(10_000)


def round_down(amount: Decimal, step: Decimal = STEP) -> Decimal:
    """The largest multiple of `step` that is not above the amount."""
    return _on_step(amount, step, ROUND_FLOOR)


def round_up(amount: Decimal, step: Decimal = STEP) -> Decimal:
    """The smallest multiple of `step` that is not below the amount."""
    return _on_step(amount, step, ROUND_CEILING)


def round_half_even(amount: Decimal) -> Decimal:
    """The nearest multiple of 1e-8, as averages and ratios are recorded."""
    return normalize(amount.quantize(STEP, ROUND_HALF_EVEN, WIDE))


def average_price(executions: Iterable[tuple[Decimal, Decimal]]) -> Decimal | None:
    """The mean price of executions (price, quantity), weighted by quantity; null without any."""
    pairs = list(executions)
    quantity = sum((of_one for _, of_one in pairs), Decimal(0))
    if not quantity:
        return None
    return round_half_even(WIDE.divide(sum((p * q for p, q in pairs), Decimal(0)), quantity))


def fee_of(price: Decimal, quantity: Decimal, *, fee_bps: Decimal) -> Decimal:
    """A fee in quote units, rounded up."""
    return round_up(price * quantity * fee_bps / BPS)


def normalize(amount: Decimal) -> Decimal:
    """Without trailing zeros, so that equal amounts are equal texts."""
    is_integral = amount == amount.to_integral_value()
    return (
        amount.quantize(Decimal(1), ROUND_HALF_EVEN, WIDE)
        if is_integral
        else amount.normalize(WIDE)
    )


def _on_step(amount: Decimal, step: Decimal, rounding: str) -> Decimal:
    if step.as_tuple().digits != (1,):  # such as 0.05; a quotient's 60 digits are enough to floor
        steps = WIDE.divide(amount, step).to_integral_value(rounding)
        return normalize(WIDE.multiply(steps, step))
    return normalize(amount.quantize(step, rounding, WIDE))
