"""The account, worked by hand: fills, fees, round trips, days; and fills in any order."""

from decimal import Decimal as D

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.market.events import Fill, Order, Score, Top
from include.trading import paper
from include.trading.account import (
    Account,
    ExecutedOrder,
    advance,
    begin_buy_and_hold,
    count_order,
    settle,
)
from include.trading.buy_and_hold import BuyAndHold
from include.trading.inputs import SeenTop

DAY = 86_400_000_000
MINUTE = 60_000_000
TOP = Top(bid=D(100), bid_quantity=D("0.5"), ask=D(101), ask_quantity=D("0.25"))


def order(order_id: str, side: str, *, price: str = "101", quantity: str = "1") -> Order:
    return Order(order_id, "d", "paper", side, D(price), D(quantity), D(0), "intended")  # type: ignore[arg-type]


def fill(number: str, owner: Order, price: str, quantity: str, fee: str) -> Fill:
    return Fill(number, owner.order_id, owner.side, D(price), D(quantity), D(fee))


def test_a_round_trip_is_scored_with_its_fees() -> None:
    buy, sale = order("b", "buy"), order("s", "sell")
    held, nothing = settle(
        Account(quote=D(1000)),
        buy,
        [
            fill("1", buy, "100", "2", "0.8"),
            fill("2", buy, "102", "1", "0.4"),
        ],
    )
    assert nothing is None
    # cost 2*100 + 1*102 = 302, fees 1.2
    assert held == Account(
        quote=D("696.8"),
        base=D(3),
        last_buy=ExecutedOrder("b", D(3), D("100.66666667"), D(302), D("1.2")),
    )
    after, score = settle(held, sale, [fill("3", sale, "110", "3", "1.32")])
    # proceeds 330 - 1.32 = 328.68; spent 303.2; profit 25.48
    assert score == Score("s", "b", D("25.48"), D("25.48"), D("100.66666667"), D(110), D(3))
    assert (after.quote, after.base, after.profit) == (D("1025.48"), D(0), D("25.48"))


def test_two_buys_are_one_position_with_both_costs() -> None:
    first, second, sale = order("b", "buy"), order("c", "buy"), order("s", "sell")
    held, _ = settle(Account(quote=D(1000)), first, [fill("1", first, "100", "1", "1")])
    held, _ = settle(held, second, [fill("2", second, "110", "3", "3")])
    # 100 + 330 = 430 for 4, fees 4
    assert held.last_buy == ExecutedOrder("c", D(4), D("107.5"), D(430), D(4))
    _, score = settle(held, sale, [fill("3", sale, "120", "4", "2")])
    assert score is not None
    assert score.profit == D(480 - 2 - 434)
    half, _ = settle(held, sale, [fill("3", sale, "120", "2", "1")])
    again, _ = settle(half, first, [fill("4", first, "100", "1", "1")])
    # half of 430 and 4 is left, and 100 more
    assert again.last_buy == ExecutedOrder("b", D(3), D(105), D(315), D(3))


def test_a_partial_sale_carries_its_part_of_the_cost() -> None:
    buy, sale, rest = order("b", "buy"), order("s", "sell"), order("r", "sell")
    held, _ = settle(Account(quote=D(1000)), buy, [fill("1", buy, "100", "4", "4")])
    # 404 spent on 4, so 101 each
    half, first = settle(held, sale, [fill("2", sale, "100", "1", "1")])
    after, second = settle(half, rest, [fill("3", rest, "120", "3", "3")])
    assert first is not None
    assert second is not None
    assert (first.profit, second.profit, second.cumulative_profit) == (D(-2), D(54), D(52))
    assert (after.base, after.quote) == (D(0), D(1052))


def test_an_order_without_fills_changes_nothing() -> None:
    account = Account(quote=D(5))
    assert settle(account, order("b", "buy"), []) == (account, None)


def test_a_fill_of_another_order_is_refused() -> None:
    buy, other = order("b", "buy"), order("x", "buy")
    with pytest.raises(ValueError, match="not of order b"):
        settle(Account(quote=D(5)), buy, [fill("1", other, "1", "1", "0")])


def test_a_new_day_forgets_the_loss_and_a_minute_the_orders() -> None:
    account = Account(quote=D(1), day=10, day_profit=D(-7))
    evening = count_order(count_order(account, 11 * DAY - 30_000_000), 11 * DAY - 1)
    assert advance(evening, 11 * DAY - 1).day_profit == -7
    morning = advance(evening, 11 * DAY + MINUTE - 30_000_000)
    assert (morning.day, morning.day_profit, morning.ordered_at) == (11, D(0), (11 * DAY - 1,))


def test_a_paper_order_takes_what_the_top_holds() -> None:
    done, fills = paper.fill(order("b", "buy"), TOP, fee_bps=D(40))
    assert (done.status, done.executed, done.reason) == ("partial", D("0.25"), "top_too_thin")
    # 101 * 0.25 * 0.004 = 0.101
    assert fills == (Fill("b-1", "b", "buy", D(101), D("0.25"), D("0.101")),)
    done, fills = paper.fill(order("s", "sell", price="100", quantity="0.5"), TOP, fee_bps=D(40))
    assert (done.status, done.executed, done.reason) == ("filled", D("0.5"), None)
    assert fills[0].fee == D("0.2")


@pytest.mark.parametrize(
    "refused",
    [
        order("b", "buy", price="100.99"),
        order("s", "sell", price="100.01"),
    ],
)
def test_a_paper_order_off_the_market_is_cancelled(refused: Order) -> None:
    done, fills = paper.fill(refused, TOP, fee_bps=D(40))
    assert (done.status, done.executed, done.reason, fills) == (
        "cancelled",
        0,
        "nothing_at_limit",
        (),
    )


def test_a_fee_is_rounded_against_the_account() -> None:
    _, fills = paper.fill(order("b", "buy", quantity="0.00001"), TOP, fee_bps=D("33.333"))
    # 101 * 0.00001 * 0.0033333 = 0.000003366633
    assert fills[0].fee == D("0.00000337")


def test_an_average_price_is_not_touched_by_the_rounding_of_the_cost() -> None:
    buy = order("b", "buy")
    held, _ = settle(Account(quote=D(9999)), buy, [fill("1", buy, "68276.21", "0.13181751", "0")])
    assert held.last_buy is not None
    assert held.last_buy.price == D("68276.21")


executions = st.lists(
    st.tuples(
        st.decimals(min_value="0.01", max_value=10**5, places=2),
        st.decimals(min_value="0.00000001", max_value=100, places=8),
        st.decimals(min_value=0, max_value=100, places=8),
    ),
    min_size=1,
    max_size=8,
)


@settings(deadline=None)
@given(executions, executions, st.randoms(use_true_random=False))
def test_fills_in_any_order_and_twice_give_the_same_account(buys, sales, rng) -> None:  # type: ignore[no-untyped-def]
    buy, sale = order("b", "buy"), order("s", "sell")
    bought = [Fill(f"b{n}", "b", "buy", *one) for n, one in enumerate(buys)]
    sold = [Fill(f"s{n}", "s", "sell", *one) for n, one in enumerate(sales)]
    plain = settle(settle(Account(quote=D(10**9)), buy, bought)[0], sale, sold)
    mixed_buys, mixed_sales = bought + bought[:3], sold + sold[-2:]
    rng.shuffle(mixed_buys)
    rng.shuffle(mixed_sales)
    mixed = settle(settle(Account(quote=D(10**9)), buy, mixed_buys)[0], sale, mixed_sales)
    assert mixed == plain
    assert plain[0].base == sum(one[1] for one in buys) - sum(one[1] for one in sales)


def test_a_sale_is_scored_beside_buy_and_hold() -> None:
    """All of 1000 buys 10 at the first ask of 100 and, sold at 110, has earned 100."""
    first = Top(bid=D("99.9"), bid_quantity=D(1), ask=D(100), ask_quantity=D(1))
    account = begin_buy_and_hold(Account(quote=D("1000.00000002")), first, fee_bps=D(0))
    assert account.buy_and_hold == BuyAndHold(D("0.00000002"), D(10), D("1000.00000002"))
    later = Top(bid=D(1), bid_quantity=D(1), ask=D(2), ask_quantity=D(1))
    assert begin_buy_and_hold(account, later, fee_bps=D(0)) == account
    buy, sale = order("b", "buy"), order("s", "sell")
    held, _ = settle(account, buy, [fill("1", buy, "100", "2", "0")])
    _, score = settle(held, sale, [fill("2", sale, "110", "2", "0")])
    assert score is not None
    assert (score.profit, score.hold_profit) == (D(20), D(100))


def test_holding_pays_the_fee_and_begins_at_the_first_prices_with_quantities() -> None:
    nothing = Top(bid=D(99), bid_quantity=D(0), ask=D(100), ask_quantity=D(1))
    account = Account(quote=D("1004.00000002"), base=D(1))
    assert begin_buy_and_hold(account, None, fee_bps=D(40)).buy_and_hold is None
    assert begin_buy_and_hold(account, nothing, fee_bps=D(40)).buy_and_hold is None
    first = Top(bid=D(99), bid_quantity=D(1), ask=D(100), ask_quantity=D(1))
    # 1004 / (100 * 1.004) = 10, cost 1000, fee 4; before: 1004.00000002 and 1 at 99
    assert begin_buy_and_hold(account, first, fee_bps=D(40)).buy_and_hold == BuyAndHold(
        D("0.00000002"), D(11), D("1103.00000002")
    )


DEEP = SeenTop(0, TOP, asks=((D(101), D("0.25")), (D(102), D("0.5")), (D(104), D(9))))


@pytest.mark.parametrize(
    ("limit", "quantity", "status", "reason", "taken"),
    [
        ("101", "0.2", "filled", None, [("101", "0.2")]),
        ("103", "0.5", "filled", None, [("101", "0.25"), ("102", "0.25")]),
        ("103", "1", "partial", "book_too_thin", [("101", "0.25"), ("102", "0.5")]),
        ("104", "1", "filled", None, [("101", "0.25"), ("102", "0.5"), ("104", "0.25")]),
        ("101", "1", "partial", "top_too_thin", [("101", "0.25")]),
        ("100", "1", "cancelled", "nothing_at_limit", []),
    ],
)
def test_a_paper_order_takes_level_after_level_up_to_its_limit(
    limit: str, quantity: str, status: str, reason: str | None, taken: list[tuple[str, str]]
) -> None:
    asked = order("b", "buy", price=limit, quantity=quantity)
    done, fills = paper.fill(asked, DEEP, fee_bps=D(100))
    assert (done.status, done.reason) == (status, reason)
    assert [(one.price, one.quantity) for one in fills] == [(D(p), D(q)) for p, q in taken]
    assert [one.fee for one in fills] == [D(p) * D(q) / 100 for p, q in taken]
    assert len({one.fill_id for one in fills}) == len(fills)
    assert done.executed == sum(D(q) for _, q in taken)


def test_a_paper_sale_takes_bids_and_an_invalid_book_none() -> None:
    deep = SeenTop(0, TOP, bids=((D(100), D("0.5")), (D(99), D(1))))
    _, fills = paper.fill(order("s", "sell", price="99"), deep, fee_bps=D(0))
    assert [(one.price, one.quantity) for one in fills] == [(D(100), D("0.5")), (D(99), D("0.5"))]
    assert paper.fill(order("s", "sell", price="99"), SeenTop(0, None), fee_bps=D(0))[1] == ()
