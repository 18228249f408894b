"""The price across suppliers, by hand: stale ones and outliers are left out, and named."""

from decimal import Decimal

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from include.market.average import (
    Average,
    Averages,
    SymbolPrices,
    average_suppliers,
    moving_average,
    of_symbol,
)
from include.market.prices import SupplierPrice

D = Decimal


def test_the_mean_of_fresh_suppliers_is_exact() -> None:
    found = average_suppliers(
        {"a": (10, D("100.1")), "b": (9, D("100.3"))}, at_second=10, stale_s=5
    )
    assert (found.price, found.used, found.left_out) == (D("100.2"), ("a", "b"), {})
    assert found.at == 10


def test_a_stale_supplier_and_an_outlier_are_left_out_and_named() -> None:
    newest = {"a": (10, D(100)), "b": (10, D(101)), "c": (10, D(1000)), "d": (3, D(102))}
    found = average_suppliers(newest, at_second=10, stale_s=5)
    # fresh: 100, 101, 1000, their median 101; 1000 is 890.1 % above it; mean of 100 and 101
    assert (found.price, found.used) == (D("100.5"), ("a", "b"))
    assert found.left_out == {"d": "stale: 7 s old", "c": "outlier: +890.1% off the median"}


def test_of_two_suppliers_nobody_can_say_which_is_wrong() -> None:
    found = average_suppliers({"a": (1, D(100)), "b": (1, D(200))}, at_second=1, stale_s=5)
    assert (found.price, found.left_out) == (D(150), {})


def test_two_against_two_leaves_nobody_out() -> None:
    newest = {"a": (1, D(95)), "b": (1, D(95)), "c": (1, D(99)), "d": (1, D(99))}
    found = average_suppliers(newest, at_second=1, stale_s=5)
    assert (found.price, found.left_out) == (D(97), {})


def test_three_that_are_all_apart_leave_nobody_out() -> None:
    prices = {"a": D(90), "b": D(100), "c": D(140)}
    newest = {supplier: (1, price) for supplier, price in prices.items()}
    found = average_suppliers(newest, at_second=1, stale_s=5)
    assert (found.price, found.left_out) == (D(110), {})
    series = {supplier: [(1, price)] for supplier, price in prices.items()}
    averages = moving_average(series, first_second=1, last_second=1, stale_s=5, average_s=1)
    assert averages == [(1, D(110))]


def test_no_fresh_supplier_is_no_price() -> None:
    found = average_suppliers({"a": (1, D(100))}, at_second=9, stale_s=5)
    assert (found.price, found.used, found.left_out) == (None, (), {"a": "stale: 8 s old"})


def test_currencies_are_never_mixed() -> None:
    prices = {
        ("kraken", "BTC-USD"): [(1, D(100))],
        ("kraken", "BTC-EUR"): [(1, D(92))],
        ("binance", "BTC-USDT"): [(1, D(99))],
    }
    assert of_symbol(prices, "BTC-EUR") == {"kraken": [(1, D(92))]}
    assert of_symbol(prices, "BTC-USD") == {"kraken": [(1, D(100))]}


def test_the_average_moves_over_its_window_and_skips_seconds_without_a_price() -> None:
    suppliers = {"a": [(98, D(1)), (99, D(2)), (100, D(6)), (101, D(7)), (110, D(9))]}
    found = moving_average(suppliers, first_second=100, last_second=110, stale_s=1, average_s=3)
    # (1+2+6)/3, (2+6+7)/3, at 102 the 7 still counts: (6+7+7)/3; none until 110
    assert [(at, price) for at, price in found if at < 102] == [(100, D(3)), (101, D(5))]
    assert found[2] == (102, D("6.666666666667")) and found[3:] == [(110, D(9))]


@given(
    st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 10**6), min_size=3),
    st.integers(3, 9),
)
def test_one_wild_supplier_among_equals_never_moves_the_price(
    wild: dict[str, int], others: int
) -> None:
    one = wild.popitem()[1]
    newest = {f"s{n}": (5, D(500)) for n in range(others)} | {"wild": (5, D(one))}
    found = average_suppliers(newest, at_second=5, stale_s=1)
    assert found.price is not None and abs(found.price - 500) <= 500 * D("0.02")


@given(
    st.dictionaries(
        st.sampled_from("abcd"),
        st.lists(st.tuples(st.integers(0, 9), st.integers(95, 110).map(Decimal)), max_size=6),
    )
)
def test_the_average_of_one_second_is_the_price_across(
    drawn: dict[str, list[tuple[int, Decimal]]],
) -> None:
    suppliers = {venue: sorted(points) for venue, points in drawn.items()}
    found = dict(moving_average(suppliers, first_second=0, last_second=9, stale_s=2, average_s=1))
    for second in range(10):
        newest = {v: [p for p in points if p[0] <= second] for v, points in suppliers.items()}
        cross = average_suppliers(
            {v: p[-1] for v, p in newest.items() if p}, at_second=second, stale_s=2
        )
        price = found.get(second)
        assert (price is None) == (cross.price is None)
        assert price is None or cross.price is None or abs(price - cross.price) < D("1e-11")


def of_prices(*prices: tuple[str, int, str], every_s: int = 1) -> list[Average]:
    averages, complete = Averages(average_s=3, stale_s=1, every_s=every_s), []
    for supplier, second, price in prices:
        averages.take(SupplierPrice(supplier, "BTC-USD", second * 1_000_000, D(price)))
        complete += averages.advance()
    return complete


def test_a_second_counts_when_a_price_two_seconds_later_has_come() -> None:
    assert of_prices(("a", 100, "5"), ("b", 101, "7")) == []
    assert of_prices(("a", 100, "5"), ("b", 102, "7")) == [Average("BTC-USD", 100, D(5))]


def test_averages_of_several_symbols_come_by_time_and_then_by_symbol() -> None:
    averages = Averages(average_s=1, stale_s=9, every_s=1)
    for symbol in ("ETH-USD", "BTC-USD"):
        for second in (100, 103):
            averages.take(SupplierPrice("a", symbol, second * 1_000_000, D(second)))
    found = [(average.second, average.symbol) for average in averages.advance()]
    assert found == [(100, "BTC-USD"), (100, "ETH-USD"), (101, "BTC-USD"), (101, "ETH-USD")]


def test_of_every_ten_seconds_one_average_is_given() -> None:
    prices = [("a", second, str(second)) for second in range(95, 123)]
    found = of_prices(*prices, every_s=10)
    assert [(one.second, one.price) for one in found] == [
        (100, D(99)),
        (110, D(109)),
        (120, D(119)),
    ]


def test_a_price_that_comes_late_holds_for_the_seconds_to_come() -> None:
    found = of_prices(
        ("a", 100, "1"), ("a", 101, "1"), ("a", 104, "1"), ("b", 102, "4"), ("a", 105, "1")
    )
    assert [(one.second, one.price) for one in found] == [
        (100, D(1)),
        (101, D(1)),
        (102, D(1)),
        (103, D(2)),
    ]


POINTS = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(0, 40), st.integers(95, 110)), max_size=40
)


@given(POINTS, st.integers(1, 12), st.integers(0, 5), st.integers(0, 39))
def test_as_they_come_and_all_at_once_are_equal_to_the_last_digit(
    points: list[tuple[str, int, int]], average_s: int, stale_s: int, cut: int
) -> None:
    points = sorted(points, key=lambda point: point[1])
    averages = Averages(average_s=average_s, stale_s=stale_s, every_s=1)
    found = []
    for number, (supplier, second, price) in enumerate([*points, ("end", 200, 1)]):
        if number == cut:  # the process dies, its state does not
            kept = msgspec.json.encode(averages.symbols)
            averages = Averages(
                average_s=average_s,
                stale_s=stale_s,
                every_s=1,
                by_symbol=msgspec.json.decode(kept, type=dict[str, SymbolPrices]),
            )
        averages.take(SupplierPrice(supplier, "BTC-USD", second * 1_000_000, D(price) / 3))
        found += averages.advance()
    suppliers: dict[str, list[tuple[int, Decimal]]] = {}
    for supplier, second, price in points:
        suppliers.setdefault(supplier, []).append((second, D(price) / 3))
    expected = moving_average(
        suppliers, first_second=0, last_second=60, stale_s=stale_s, average_s=average_s
    )
    assert [(one.second, one.price) for one in found if one.second <= 60] == expected
