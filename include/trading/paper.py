"""The paper account's venue: immediate-or-cancel against the top of the book that was seen. Pure.

Without deeper levels the top is all there is. The order takes level after level up to its limit,
each at its own price, and pays a fee on each; the remainder is cancelled.
"""

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from include.market.events import Fill, Order, Top
from include.market.numerals import ZERO
from include.trading.inputs import BookLevel, SeenTop
from include.trading.money import average_price, fee_of
from include.trading.reasons import OrderReason


def fill(
    order: Order, top: SeenTop | Top | None, *, fee_bps: Decimal
) -> tuple[Order, tuple[Fill, ...]]:
    """The order as the paper venue leaves it, with its executions, one a level."""
    executions, remaining = list[BookLevel](), order.quantity
    for price, available in _offers(order, top):
        quantity = min(remaining, available)
        if quantity > 0 and _meets_limit(order, price):
            executions.append((price, quantity))
            remaining -= quantity
    executed = order.quantity - remaining
    if not executed:
        return _close(
            order, executed=ZERO, status="cancelled", reason=OrderReason.NOTHING_AT_LIMIT
        ), ()
    closed = _close(
        order,
        executed=executed,
        status="partial" if remaining else "filled",
        average=average_price(executions),
        reason=_unfilled_reason(len(executions)) if remaining else None,
    )
    return closed, tuple(
        Fill(
            f"{order.order_id}-{number}",
            order.order_id,
            order.side,
            price,
            quantity,
            fee_of(price, quantity, fee_bps=fee_bps),
            account=order.account,
        )
        for number, (price, quantity) in enumerate(executions, start=1)
    )


def _offers(order: Order, top: SeenTop | Top | None) -> Sequence[BookLevel]:
    """What the other side offers, best first."""
    levels: Sequence[BookLevel] = ()
    if isinstance(top, SeenTop):
        levels = top.asks if order.side == "buy" else top.bids
    best = top.best if isinstance(top, SeenTop) else top
    if best is None:
        return ()
    best_level = (
        (best.ask, best.ask_quantity) if order.side == "buy" else (best.bid, best.bid_quantity)
    )
    return levels or (best_level,)


def _meets_limit(order: Order, price: Decimal) -> bool:
    return price <= order.price if order.side == "buy" else price >= order.price


def _unfilled_reason(level_count: int) -> OrderReason:
    return OrderReason.TOP_TOO_THIN if level_count == 1 else OrderReason.BOOK_TOO_THIN


def _close(
    order: Order,
    *,
    executed: Decimal,
    status: str,
    reason: OrderReason | None,
    average: Decimal | None = None,
) -> Order:
    return msgspec.structs.replace(
        order,
        executed=executed,
        status=status,
        reason=reason.value if reason else None,
        average_price=average,
        remaining=order.quantity - executed,
    )
