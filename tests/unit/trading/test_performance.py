"""How a span is summed up, beside having bought once and held: worked by hand."""

from decimal import Decimal as D

import pytest

from include.market.events import Decision, Fill, Score, Top
from include.trading.account import Account
from include.trading.buy_and_hold import BuyAndHold
from include.trading.performance import EquityCurve, EquityPoint, RunningSums

START = Account(quote=D(1000))
QUARTER = D(2500)  # a fee of 25 %, so that a unit at 100 costs 125


def decision(action: str) -> Decision:
    return Decision("d", "r", action, action, 0, *[None] * 7, inputs="")  # type: ignore[arg-type]


def top(bid: int, ask: int = 1000) -> Top:
    return Top(D(bid), D(5), D(ask), D(5))


def fill(side: str, price: str, quantity: str, fee: str, base_fee: str | None = None) -> Fill:
    in_base = None if base_fee is None else D(base_fee)
    return Fill("f", "o", side, D(price), D(quantity), D(fee), in_base)  # type: ignore[arg-type]


def score(profit: int) -> Score:
    return Score("o", "b", D(profit), D(profit), D(1), D(1), D(1))


def curve() -> EquityCurve:
    equity_curve = EquityCurve(START, fee_bps=QUARTER)
    bought = Account(quote=D(799), base=D("1.99"))
    sold = Account(quote=D(1017), profit=D(5))
    take = equity_curve.take
    take(decision("hold"), at_us=1, top=top(99, ask=100), account=START)
    buys = [fill("buy", "100", "2", "1", "0.01")]
    take(decision("buy"), at_us=2, top=top(100), account=bought, fills=buys)
    take(decision("hold"), at_us=3, top=None, account=bought)
    sales = [fill("sell", "110", "1", "0.5"), fill("sell", "110", "0.99", "0.4")]
    take(decision("sell"), at_us=4, top=top(110), account=sold, fills=sales, score=score(5))
    take(decision("sell"), at_us=5, top=top(0), account=Account(quote=D(5)), score=score(-3))
    take(decision("hold"), at_us=6, top=top(90), account=Account(quote=D(1007)))
    take(decision("sell"), at_us=7, top=top(95), account=Account(quote=D(1012)), score=score(1))
    take(decision("sell"), at_us=8, top=top(96), account=Account(quote=D(1012)), score=score(0))
    return equity_curve


def test_a_span_is_summed_to_the_last_digit() -> None:
    sums = curve().performance()
    assert (sums.decisions, sums.orders, sums.trips, sums.won) == (8, 5, 4, 2)
    assert sums.fees == D("2.9")  # 1, a hundredth of a unit at 100, 0.5 and 0.4
    assert sums.turnover == D("418.9")
    assert sums.profit == D(3)
    assert sums.equity == D(1012)
    assert sums.max_drawdown == D(10)  # from 1017 to 1007
    # 7.99999999 units for 999.99999875, of which a quarter more than 799.999999 is the fee
    assert sums.hold == D("0.00000125") + D("7.99999999") * 96
    assert sums.beside_hold == D(1012) - sums.hold


def test_each_decision_with_best_prices_is_a_point_of_the_curve() -> None:
    equity_curve = curve()
    assert [point.at for point in equity_curve.points] == [1, 2, 4, 6, 7, 8]
    assert equity_curve.points[1] == EquityPoint(
        at=2,
        action="buy",
        bid=D(100),
        ask=D(1000),
        quote=D(799),
        base=D("1.99"),
        equity=D(998),
        hold=D("800.00000025"),
        profit=D(0),
    )
    assert equity_curve.points[2].profit == D(5)
    assert [(at, one.profit) for at, one in equity_curve.scores] == [
        (4, D(5)),
        (5, D(-3)),
        (7, D(1)),
        (8, D(0)),
    ]


@pytest.mark.parametrize("hold", [None, BuyAndHold(D(0), D(9), D(1000))])
def test_without_any_best_price_the_account_is_worth_its_start(hold: BuyAndHold | None) -> None:
    sums = RunningSums(START)
    sums.mark(START, None)
    performance = sums.performance(hold)
    assert (performance.equity, performance.hold, performance.beside_hold) == (1000, 1000, 0)
    assert (performance.max_drawdown, performance.fees, performance.turnover) == (0, 0, 0)


def test_what_was_held_is_valued_at_the_last_best_bid() -> None:
    sums = RunningSums(START)
    sums.mark(Account(quote=D(10), base=D(2)), top(100))
    performance = sums.performance(BuyAndHold(D(1), D(3), D(1000)))
    assert (performance.equity, performance.hold, performance.beside_hold) == (210, 301, -91)
