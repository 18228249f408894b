"""The book against a plain dictionary, and its measures against hand-worked numbers."""

import random
from decimal import Decimal
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from include.market.book import Book
from include.market.events import BookChange, Top
from include.market.measures import imbalance_of, mid_price

D = Decimal
CHANGES = st.lists(
    st.tuples(st.sampled_from(["bid", "ask"]), st.integers(1, 12), st.integers(0, 3)),
    max_size=60,
)


def change(side: str, price: int, left: int) -> BookChange:
    return BookChange(side=side, price=D(price), remaining=D(left))  # type: ignore[arg-type]


def slow_top(changes: list[tuple[str, int, int]]) -> tuple[int, int, int, int] | None:
    """Best bid and ask by looking at everything, each time."""
    levels: dict[str, dict[int, int]] = {"bid": {}, "ask": {}}
    for side, price, left in changes:
        levels[side][price] = left
    bids = {price: left for price, left in levels["bid"].items() if left}
    asks = {price: left for price, left in levels["ask"].items() if left}
    if not bids or not asks or max(bids) >= min(asks):
        return None
    return max(bids), bids[max(bids)], min(asks), asks[min(asks)]


@given(CHANGES)
def test_the_top_is_that_of_a_dictionary_of_levels(changes: list[tuple[str, int, int]]) -> None:
    book = Book()
    book.reset([])
    for place, one in enumerate(changes):
        book.apply(change(*one))
        top, wanted = book.top(), slow_top(changes[: place + 1])
        found = top and (top.bid, top.bid_quantity, top.ask, top.ask_quantity)
        assert found == (wanted and tuple(map(D, wanted)))


@given(st.integers(0, 10**6))
def test_a_level_that_comes_and_goes_for_ever_costs_no_memory(seed: int) -> None:
    book, chance = Book(), random.Random(seed)
    book.reset([change("bid", 100, 1), change("ask", 200, 1)])
    for _ in range(2_000):
        book.apply(change("bid", chance.randrange(1, 99), chance.randrange(2)))
    assert len(book._heaps["bid"]) <= 2 * len(book.levels["bid"]) + 300
    left = sorted(book.levels["bid"], reverse=True)
    for gone, after in pairwise(left):
        book.apply(change("bid", int(gone), 0))
        top = book.top()
        assert top and top.bid == after


def test_a_book_is_invalid_until_its_snapshot_and_after_a_hole() -> None:
    book = Book()
    levels = [change("bid", 9, 1), change("ask", 11, 1)]
    for one in levels:
        book.apply(one)
    assert book.top() is None
    book.reset(levels)
    assert book.top() == Top(bid=D(9), bid_quantity=D(1), ask=D(11), ask_quantity=D(1))
    book.invalidate()
    assert book.top() is None
    book.reset(levels[:1])
    assert book.top() is None


def test_imbalance_and_mid_price_by_hand() -> None:
    top = Top(bid=D("100"), bid_quantity=D("3"), ask=D("101"), ask_quantity=D("1"))
    assert imbalance_of(top) == D("0.5")
    assert mid_price(top) == D("100.5")
