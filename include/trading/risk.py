"""Risk: what keeps a decision from becoming an order. A limit of 0 is none. Pure.

Selling lowers risk, so only the number of orders within a minute limits a sale.
"""

from decimal import Decimal

from include.trading.inputs import Inputs
from include.trading.reasons import Reason


def exceeded_limits(
    inputs: Inputs, *, side: str, price: Decimal, quantity: Decimal
) -> list[Reason]:
    """The limits that an order of this size would break. `inputs.account` is as of the signal."""
    limits, account = inputs.parameters, inputs.account
    reasons = []
    if 0 < limits.orders_per_minute <= len(account.ordered_at):
        reasons.append(Reason.TOO_MANY_ORDERS)
    if side == "sell":
        return reasons
    if 0 < limits.largest_order < price * quantity:
        reasons.append(Reason.ORDER_TOO_LARGE)
    if 0 < limits.largest_position < price * (quantity + account.base):
        reasons.append(Reason.POSITION_TOO_LARGE)
    if 0 < limits.daily_loss <= -account.day_profit:
        reasons.append(Reason.DAILY_LOSS)
    return reasons
