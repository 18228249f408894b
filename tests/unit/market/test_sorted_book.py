"""A book kept in order against one kept in a dictionary, whatever order its changes come in."""

from decimal import Decimal as D
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from include.market.book_seconds import SortedBook
from include.market.events import BookSide

PRICES = st.integers(95, 105).map(D)
CHANGES = st.lists(
    st.tuples(st.sampled_from(["bid", "ask"]), PRICES, st.integers(0, 3).map(D)), max_size=40
)


def levels_of(book: SortedBook) -> tuple[tuple[D, D], tuple[D, D]] | None:
    top = book.top()
    return top and ((top.bid, top.bid_quantity), (top.ask, top.ask_quantity))


@given(CHANGES, st.randoms())
def test_of_each_level_the_change_of_the_highest_order_stands(
    changes: list[tuple[BookSide, D, D]], chance: Random
) -> None:
    numbered = list(enumerate(changes))
    newest = {(side, price): quantity for _, (side, price, quantity) in numbered}
    chance.shuffle(numbered)
    book = SortedBook([(D(96), D(7))], [(D(104), D(8))])
    for order, (side, price, quantity) in numbered:
        book.apply(side, price, quantity, order=order)
    expected = {("bid", D(96)): D(7), ("ask", D(104)): D(8)} | newest
    bids = [price for (side, price), quantity in expected.items() if quantity and side == "bid"]
    asks = [price for (side, price), quantity in expected.items() if quantity and side == "ask"]
    if not bids or not asks or max(bids) >= min(asks):
        assert levels_of(book) is None
        return
    bid, ask = max(bids), min(asks)
    assert levels_of(book) == ((bid, expected["bid", bid]), (ask, expected["ask", ask]))


def test_of_two_changes_of_one_order_the_last_stands_and_any_replaces_the_first_levels() -> None:
    book = SortedBook([(D(99), D(1))], [(D(101), D(1))])
    book.apply("bid", D(99), D(2), order=0)
    book.apply("bid", D(99), D(3), order=0)
    assert levels_of(book) == ((99, 3), (101, 1))
    book.apply("bid", D(99), D(0), order=-1)
    assert levels_of(book) == ((99, 3), (101, 1))
    once = SortedBook([(D(99), D(1)), (D(99), D(4))], [(D(101), D(1)), (D(101), D(5))])
    assert levels_of(once) == ((99, 4), (101, 5))
    once.apply("ask", D(101), D(0), order=0)
    once.apply("ask", D(99), D(1), order=0)  # bid and ask are one price: crossed
    assert levels_of(once) is None


def test_depth_is_what_lies_within_ten_bps_of_the_mid_price_on_each_side() -> None:
    bids = [(D("9999.5"), D(1)), (D(9990), D(2)), (D("9989.99"), D(4))]
    asks = [(D("10000.5"), D(3)), (D(10010), D(5)), (D("10010.01"), D(7))]
    bar = SortedBook(bids, asks).measure()
    assert bar is not None  # mid 10000, 10 bps of it: 9990 to 10010
    assert (bar.spread, bar.bid_depth, bar.ask_depth) == (1, 1 + 2, 3 + 5)
    assert (bar.imbalance, bar.microprice) == (-0.5, (9999.5 * 3 + 10000.5 * 1) / 4)
