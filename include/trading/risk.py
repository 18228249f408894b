"""Risk: what keeps a decision from becoming an order, as reason codes. A limit of 0 is none.

Selling lowers risk, so only the pace of orders limits a sale.
"""

from decimal import Decimal

from include.trading.inputs import Inputs


def too_much(inputs: Inputs, *, side: str, price: Decimal, quantity: Decimal) -> list[str]:
    """The limits that an order of this size would break. `inputs.account` is as of the signal."""
    limits, account = inputs.parameters, inputs.account
    reasons = []
    if 0 < limits.orders_per_minute <= len(account.ordered_at):
        reasons.append("too_many_orders")
    if side == "sell":
        return reasons
    if 0 < limits.largest_order < price * quantity:
        reasons.append("order_too_large")
    if 0 < limits.largest_position < price * (quantity + account.base):
        reasons.append("position_too_large")
    if 0 < limits.daily_loss <= -account.day_profit:
        reasons.append("daily_loss")
    return reasons
