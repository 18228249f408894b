"""The paper account's venue: immediate-or-cancel against the book that was seen.

Without deeper levels the top is all there is. The order takes level after level up to its limit,
each at its own price, and pays a fee on each; what is left is cancelled.
"""

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from include.market.events import Fill, Order, Top
from include.trading.inputs import Level, SeenTop
from include.trading.money import ZERO, fee_of


def fill(
    order: Order, book: SeenTop | Top | None, *, fee_bps: Decimal
) -> tuple[Order, tuple[Fill, ...]]:
    """The order as the paper venue leaves it, with its executions, one a level."""
    taken, left = list[Level](), order.quantity
    for price, there in _offered(order, book):
        quantity = min(left, there)
        if quantity > 0 and _meets(order, price):
            taken.append((price, quantity))
            left -= quantity
    executed = order.quantity - left
    if not executed:
        return _left(order, executed=ZERO, status="cancelled", reason="nothing_at_limit"), ()
    done = _left(
        order,
        executed=executed,
        status="partial" if left else "filled",
        reason=_why(len(taken)) if left else None,
    )
    return done, tuple(
        Fill(
            f"{order.order_id}-{number}",
            order.order_id,
            order.side,
            price,
            quantity,
            fee_of(price, quantity, fee_bps=fee_bps),
        )
        for number, (price, quantity) in enumerate(taken, start=1)
    )


def _offered(order: Order, book: SeenTop | Top | None) -> Sequence[Level]:
    """What the other side offers, best first."""
    deeper: Sequence[Level] = ()
    if isinstance(book, SeenTop):
        deeper = book.asks if order.side == "buy" else book.bids
    top = book.top if isinstance(book, SeenTop) else book
    if top is None:
        return ()
    best = (top.ask, top.ask_quantity) if order.side == "buy" else (top.bid, top.bid_quantity)
    return deeper or (best,)


def _meets(order: Order, price: Decimal) -> bool:
    return price <= order.price if order.side == "buy" else price >= order.price


def _why(levels: int) -> str:
    return "top_too_thin" if levels == 1 else "book_too_thin"


def _left(order: Order, *, executed: Decimal, status: str, reason: str | None) -> Order:
    return msgspec.structs.replace(order, executed=executed, status=status, reason=reason)
