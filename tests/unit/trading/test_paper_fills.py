"""Which levels of the book an order of the paper account takes."""

from decimal import Decimal as D

import pytest

from include.market.events import Order, Top
from include.trading.inputs import SeenTop
from include.trading.paper import fill

BEST = Top(D(100), D(2), D(101), D(1))
TOP = SeenTop(0, BEST, bids=((D(100), D(2)), (D(99), D(4))), asks=((D(101), D(1)), (D(102), D(5))))


def order(side: str, price: str, quantity: str) -> Order:
    return Order("o", "d", "paper", side, D(price), D(quantity), D(0), "new")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("side", "price", "quantity", "levels", "status", "reason"),
    [
        ("buy", "102", "1", [("101", "1")], "filled", None),  # the next level has nothing to do
        ("buy", "102", "3", [("101", "1"), ("102", "2")], "filled", None),
        ("buy", "101", "3", [("101", "1")], "partial", "top_too_thin"),
        ("buy", "102", "7", [("101", "1"), ("102", "5")], "partial", "book_too_thin"),
        ("buy", "100.99", "1", [], "cancelled", "nothing_at_limit"),
        ("sell", "99", "2", [("100", "2")], "filled", None),
        ("sell", "99", "7", [("100", "2"), ("99", "4")], "partial", "book_too_thin"),
        ("sell", "100.01", "1", [], "cancelled", "nothing_at_limit"),
    ],
)
def test_an_order_takes_what_its_limit_reaches_best_first(
    side: str,
    price: str,
    quantity: str,
    levels: list[tuple[str, str]],
    status: str,
    reason: str | None,
) -> None:
    closed, fills = fill(order(side, price, quantity), TOP, fee_bps=D(10))
    assert [(one.price, one.quantity) for one in fills] == [(D(p), D(q)) for p, q in levels]
    assert [one.fill_id for one in fills] == [f"o-{n}" for n in range(1, len(levels) + 1)]
    assert all(one.fee == one.price * one.quantity / 1000 for one in fills)
    assert (closed.status, closed.reason) == (status, reason)
    assert closed.executed == sum((D(q) for _, q in levels), D(0))
    assert closed.remaining == D(quantity) - closed.executed
    worth = sum((D(p) * D(q) for p, q in levels), D(0))
    if levels:
        assert closed.average_price is not None
        assert abs(closed.average_price * closed.executed - worth) < D("1e-7")
    else:
        assert closed.average_price is None
    assert (closed.venue_order_id, closed.ordered_at) == (None, None)


def test_without_levels_the_best_price_is_all_there_is() -> None:
    for top in (BEST, SeenTop(0, BEST)):
        closed, fills = fill(order("buy", "200", "3"), top, fee_bps=D(0))
        assert ([one.quantity for one in fills], closed.reason) == ([D(1)], "top_too_thin")
    for empty in (None, SeenTop(0, None)):
        closed, fills = fill(order("buy", "200", "3"), empty, fee_bps=D(0))
        assert (fills, closed.reason) == ((), "nothing_at_limit")
