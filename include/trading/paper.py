"""The paper account's venue: immediate-or-cancel against the top of the book that was seen."""

from decimal import Decimal

import msgspec

from include.market.events import Fill, Order, Top
from include.trading.money import fee_of


def fill(order: Order, top: Top | None, *, fee_bps: Decimal) -> tuple[Order, tuple[Fill, ...]]:
    """The order as the paper venue leaves it, with its executions: one, or none.

    It fills at the top's price up to the top's quantity; the rest is cancelled.
    """
    price, there = _offered(order, top)
    executed = min(order.quantity, there)
    if executed <= 0:
        return _left(order, executed=Decimal(0), status="cancelled", reason="nothing_at_limit"), ()
    whole = executed == order.quantity
    done = _left(
        order, executed=executed, status="filled" if whole else "partial",
        reason=None if whole else "top_too_thin",
    )  # fmt: skip
    fee = fee_of(price, executed, fee_bps=fee_bps)
    return done, (Fill(f"{order.order_id}-1", order.order_id, order.side, price, executed, fee),)


def _offered(order: Order, top: Top | None) -> tuple[Decimal, Decimal]:
    """The price and quantity that meet the order's limit."""
    if top is None:
        return order.price, Decimal(0)
    if order.side == "buy":
        return top.ask, top.ask_quantity if top.ask <= order.price else Decimal(0)
    return top.bid, top.bid_quantity if top.bid >= order.price else Decimal(0)


def _left(order: Order, *, executed: Decimal, status: str, reason: str | None) -> Order:
    return msgspec.structs.replace(order, executed=executed, status=status, reason=reason)
