"""Risk: what keeps a decision from becoming an order. A limit of 0 is none. Pure.

Selling lowers risk, so only the number of orders within a minute limits a sale.
"""

from decimal import Decimal

from include.market.numerals import ZERO
from include.trading.buy_and_hold import value_at
from include.trading.inputs import Inputs
from include.trading.money import BPS
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
    if 0 < limits.max_drawdown <= _drawdown(inputs):
        reasons.append(Reason.MAX_DRAWDOWN)
    if account.stopped_on == account.day:
        reasons.append(Reason.STOP_LOSS)
    return reasons


def is_at_stop_loss(inputs: Inputs) -> bool:
    """Whether the position has fallen so far below its price that it is sold in any case."""
    account, limits = inputs.account, inputs.parameters
    best = inputs.top.best if inputs.top else None
    if not limits.stop_loss_bps or best is None or account.last_buy is None:
        return False
    lowest = account.last_buy.price * (1 - limits.stop_loss_bps / BPS)
    return account.base >= limits.minimum and best.bid <= lowest


def _drawdown(inputs: Inputs) -> Decimal:
    """Quote units by which the account's worth at the bid is below its highest of the day."""
    account, best = inputs.account, inputs.top.best if inputs.top else None
    if account.day_peak is None or best is None:
        return ZERO
    return account.day_peak - value_at(account.quote, account.base, best.bid)
