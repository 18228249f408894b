"""Each risk limit at its very edge: what is allowed, what is too much, what limits no sale."""

from decimal import Decimal as D
from typing import Any

import msgspec
import pytest

from include.market.events import Top
from include.trading.account import Account, ExecutedOrder, mark_peak
from include.trading.decision import decide
from include.trading.inputs import Inputs, Parameters, SeenForecast, SeenTop, Signal
from include.trading.reasons import Reason
from include.trading.risk import exceeded_limits, is_at_stop_loss

END, S = 1_524_546_960_000_000, 1_000_000
TOP = Top(D(100), D(9), D(101), D(9))


def inputs(*, top: Top | None = TOP, account: Account | None = None, **limits: Any) -> Inputs:
    parameters = Parameters(
        ratio_low=D("0.1"),
        ratio_high=D(2),
        balance_share=D(1),
        lookahead_minutes=1,
        fee_bps=D(0),
        forecast_stale_us=S,
        book_stale_us=S,
    )
    return Inputs(
        rule="forecast_and_ratio",
        signal=Signal("gemini", "BTC-USD", "price_volume", D(1), END, END - 60 * S),
        forecast=SeenForecast(),
        top=SeenTop(END, top) if top else None,
        account=account or Account(quote=D(1000)),
        parameters=msgspec.structs.replace(parameters, **limits),
    )


def exceeded(
    seen: Inputs, *, side: str = "buy", price: str = "100", quantity: str = "2"
) -> set[str]:
    reasons = exceeded_limits(seen, side=side, price=D(price), quantity=D(quantity))
    return {reason.value for reason in reasons}


@pytest.mark.parametrize(
    ("limits", "account", "reason"),
    [
        ({"orders_per_minute": 1}, {"ordered_at": (END,)}, "too_many_orders"),
        ({"orders_per_minute": 2}, {"ordered_at": (END,)}, None),
        ({"largest_order": D(200)}, {}, None),
        ({"largest_order": D("199.99")}, {}, "order_too_large"),
        ({"largest_order": D(1)}, {}, "order_too_large"),
        ({"largest_position": D(250)}, {"base": D("0.5")}, None),
        ({"largest_position": D("249.99")}, {"base": D("0.5")}, "position_too_large"),
        ({"largest_position": D(1)}, {}, "position_too_large"),
        ({"daily_loss": D(1)}, {"day_profit": D(-1)}, "daily_loss"),
        ({"daily_loss": D(1)}, {"day_profit": D("-0.99")}, None),
        ({"max_drawdown": D(1)}, {"day_peak": D(1001)}, "max_drawdown"),
        ({"max_drawdown": D(1)}, {"day_peak": D("1000.99")}, None),
        ({"max_drawdown": D(1)}, {"day_peak": None}, None),
        ({}, {"base": D(10**9), "day_profit": D(-(10**9)), "ordered_at": (END,) * 99}, None),
    ],
)
def test_a_limit_is_reached_where_its_sentence_says(
    limits: dict[str, Any], account: dict[str, Any], reason: str | None
) -> None:
    seen = inputs(account=Account(quote=D(1000), **account), **limits)
    assert exceeded(seen) == ({reason} if reason else set())


def test_of_all_limits_the_number_of_orders_alone_holds_back_a_sale() -> None:
    account = Account(quote=D(0), base=D(9), day_profit=D(-9), day_peak=D(10**6), ordered_at=(END,))
    seen = inputs(
        account=account,
        orders_per_minute=1,
        largest_order=D(1),
        largest_position=D(1),
        daily_loss=D(1),
        max_drawdown=D(1),
    )
    assert exceeded(seen, side="sell") == {Reason.TOO_MANY_ORDERS.value}


def test_without_best_prices_there_is_neither_a_drawdown_nor_a_peak() -> None:
    account = Account(quote=D(1000), day_peak=D(2000))
    assert exceeded(inputs(top=None, account=account, max_drawdown=D(1))) == set()
    assert mark_peak(account, None) == account
    one_sided = Top(D(0), D(0), D(101), D(9))
    assert mark_peak(Account(quote=D(1000)), one_sided).day_peak is None
    assert mark_peak(Account(quote=D(1000), base=D(1)), TOP).day_peak == D(1100)


@pytest.mark.parametrize(
    ("bid", "base", "is_reached"),
    [
        ("95", "1", True),
        ("95", "0.00001", True),  # the smallest order of the venue
        ("95.01", "1", False),
        ("95", "0", False),
        (None, "1", False),
    ],
)
def test_the_stop_loss_is_reached_at_its_share_below_the_price_paid(
    bid: str | None, base: str, is_reached: bool
) -> None:
    paid = ExecutedOrder("o", quantity=D(1), price=D(100), value=D(100), fee=D(0))
    top = Top(D(bid), D(9), D(101), D(9)) if bid else None
    account = Account(quote=D(0), base=D(base), last_buy=paid)
    assert is_at_stop_loss(inputs(top=top, account=account, stop_loss_bps=D(500))) is is_reached
    assert not is_at_stop_loss(inputs(top=top, account=account))
    unpaid = Account(quote=D(0), base=D(base))
    assert not is_at_stop_loss(inputs(top=top, account=unpaid, stop_loss_bps=D(500)))


@pytest.mark.parametrize(
    ("side", "base", "action", "reason"),
    [("sell", 1, "sell", "sell"), ("buy", 0, "hold", "order_too_large")],
)
def test_what_limits_a_purchase_stops_no_sale_that_is_decided(
    side: str, base: int, action: str, reason: str
) -> None:
    account = Account(quote=D(100), base=D(base), day_profit=D(-50))
    seen = inputs(account=account, daily_loss=D(10), largest_order=D(1), forecast_stale_us=10**15)
    forecast = SeenForecast("f", END - 3600 * S, side)  # type: ignore[arg-type]
    decision = decide(msgspec.structs.replace(seen, forecast=forecast))
    assert (decision.action, decision.reasons.split(",")[0]) == (action, reason)


@pytest.mark.parametrize("name", ["bid", "bid_quantity", "ask", "ask_quantity"])
def test_a_book_of_one_side_is_no_book_to_order_by(name: str) -> None:
    one_sided = msgspec.structs.replace(TOP, **{name: D(0)})
    seen = inputs(top=one_sided, account=Account(quote=D(100), base=D(1)), forecast_stale_us=10**15)
    for side in ("buy", "sell"):
        forecast = SeenForecast("f", END - 3600 * S, side)
        decision = decide(msgspec.structs.replace(seen, forecast=forecast))
        assert (decision.action, decision.reasons) == ("hold", "book_invalid")
