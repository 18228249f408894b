"""Money of an account worked by hand: rounding against it, fees in base, what a day has earned."""

from decimal import Decimal as D

import pytest

from include.market.events import Fill, Order, Side
from include.market.predicted_move import side_of
from include.trading.account import Account, count_order, settle

UNIT = D("0.00000001")


def fill(side: Side, price: str, quantity: str, *, fee: str = "0", base_fee: str = "0") -> Fill:
    return Fill("f", "o", side, D(price), D(quantity), D(fee), D(base_fee))


def order(side: Side) -> Order:
    return Order("o", "d", "paper", side, D(1), D(1), D(0), "filled")


def settled(account: Account, one: Fill) -> Account:
    return settle(account, order(one.side), [one])[0]


def test_a_fraction_of_the_smallest_unit_is_rounded_against_the_account() -> None:
    """0.3 x 0.00000001 lies between two units: a buy costs one, a sale brings none."""
    account = Account(quote=D(1), base=D(1))
    assert settled(account, fill("buy", "0.3", "0.00000001")).quote == D(1) - UNIT
    assert settled(account, fill("sell", "0.3", "0.00000001")).quote == D(1)


def test_a_fee_in_base_units_is_no_part_of_the_position() -> None:
    """Of 2 bought at 100 the venue keeps 0.5: 1.5 are held, and they have cost 200."""
    after = settled(Account(quote=D(1000)), fill("buy", "100", "2", base_fee="0.5"))
    assert (after.quote, after.base) == (D(800), D("1.5"))
    assert after.last_buy is not None
    assert (after.last_buy.quantity, after.last_buy.value) == (D("1.5"), D(200))


def test_a_day_earns_what_its_sales_do() -> None:
    account = settled(Account(quote=D(1000), day_profit=D(7)), fill("buy", "100", "2", fee="1"))
    after = settled(account, fill("sell", "110", "2", fee="2"))
    assert after.day_profit == D(7) + (D(220) - 2) - (D(200) + 1)
    assert after.profit == D(17)


@pytest.mark.parametrize(("held", "quantity", "value"), [("0", "1", "50"), ("1", "2", "150")])
def test_a_buy_joins_what_is_still_held_of_the_one_before(
    held: str, quantity: str, value: str
) -> None:
    first = settled(Account(quote=D(1000)), fill("buy", "100", "2"))
    sold = D(2) - D(held)
    after = settled(settled(first, fill("sell", "100", str(sold))), fill("buy", "50", "1"))
    assert after.last_buy is not None
    assert (after.last_buy.quantity, after.last_buy.value) == (D(quantity), D(value))


def test_base_that_no_buy_brought_does_not_count_as_bought() -> None:
    """4 are held, 2 of them bought: the joined buys are those 2 and the new one."""
    account = settled(Account(quote=D(1000), base=D(2)), fill("buy", "100", "2"))
    after = settled(account, fill("buy", "50", "1"))
    assert after.last_buy is not None
    assert (after.last_buy.quantity, after.last_buy.value) == (D(3), D(250))


@pytest.mark.parametrize(
    ("after", "hold_bps", "side"),
    [
        (100.0, 0.0, "sell"),
        (100.5, 0.0, "buy"),
        (99.5, 0.0, "sell"),
        (100.5, 50.0, "buy"),  # exactly 50 basis points are not below 50
        (100.25, 50.0, "hold"),
        (99.75, 50.0, "hold"),
    ],
)
def test_the_side_of_a_move_at_its_edges(after: float, hold_bps: float, side: str) -> None:
    assert side_of(100.0, after, hold_bps=hold_bps) == side


def test_a_sale_whose_fee_is_in_base_units_takes_it_from_the_base() -> None:
    account = settled(Account(quote=D(0), base=D(3)), fill("sell", "100", "2", base_fee="0.5"))
    assert (account.quote, account.base) == (D(200), D("0.5"))


def test_an_order_is_no_sale_at_a_loss_unless_that_is_said() -> None:
    account = Account(quote=D(1), day=7)
    assert count_order(account, 5).stopped_on is None
    assert count_order(account, 5, at_stop_loss=True).stopped_on == 7
