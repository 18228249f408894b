"""The rule, worked by hand: when it buys, sells and holds, how much, and why."""

from decimal import Decimal as D

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.errors import WireError
from include.market.events import Top
from include.trading import paper
from include.trading.account import Account
from include.trading.decision import decide, order_for, rederive
from include.trading.inputs import (
    Inputs,
    Parameters,
    SeenForecast,
    SeenTop,
    Signal,
    read,
    see_forecast,
)

END = 1_524_546_960_000_000  # 2018-04-24 05:16:00 UTC
HOUR = 3_600_000_000
SECOND = 1_000_000
TOP = Top(bid=D("9000"), bid_quantity=D("2"), ask=D("9010"), ask_quantity=D("3"))
PARAMETERS = Parameters(
    ratio_low=D("0.1"),
    ratio_high=D(2),
    balance_share=D("0.9"),
    lookahead_minutes=1,
    fee_bps=D(40),
    forecast_stale_us=48 * HOUR,
    book_stale_us=30 * SECOND,
)


def inputs(*, side: str | None = "buy", ratio: str = "1", **more: object) -> Inputs:
    found = Inputs(
        rule="forecast_and_ratio",
        signal=Signal("gemini", "BTC-USD", "price_volume", D(ratio), END, END - 60 * SECOND),
        forecast=SeenForecast("f1", END - HOUR, side),  # type: ignore[arg-type]
        top=SeenTop(END - SECOND, TOP),
        account=Account(quote=D(10_000)),
        parameters=PARAMETERS,
    )
    return msgspec.structs.replace(found, **more)


def limits(**more: object) -> Parameters:
    return msgspec.structs.replace(PARAMETERS, **more)


IN = Account(quote=D(100), base=D("0.5"))
FORECAST = SeenForecast("f1", END - HOUR, "buy")


@pytest.mark.parametrize(
    ("seen", "action", "reasons"),
    [
        (inputs(), "buy", "buy"),
        (inputs(side="sell", account=IN), "sell", "sell"),
        (inputs(side="sell"), "hold", "nothing_to_sell"),
        (inputs(account=IN), "hold", "already_in"),
        (inputs(ratio="0.1"), "hold", "ratio_out_of_range"),
        (inputs(ratio="0.11"), "buy", "buy"),
        (inputs(ratio="2"), "hold", "ratio_out_of_range"),
        (inputs(ratio="1.99"), "buy", "buy"),
        (inputs(ratio="7", account=IN), "hold", "already_in,ratio_out_of_range"),
        (inputs(side="sell", ratio="7", account=IN), "sell", "sell"),
        (inputs(side=None), "hold", "forecast_silent"),
        (inputs(forecast=SeenForecast(fault="forecast_torn")), "hold", "forecast_torn"),
        (inputs(forecast=SeenForecast()), "hold", "forecast_missing"),
        (inputs(forecast=SeenForecast("f1", END - 48 * HOUR, "buy")), "buy", "buy"),
        (inputs(forecast=SeenForecast("f1", END - 48 * HOUR - 1, "buy")), "hold", "forecast_stale"),
        (inputs(forecast=SeenForecast("f1", END - 60 * SECOND, "buy")), "buy", "buy"),
        (
            inputs(forecast=SeenForecast("f1", END - 60 * SECOND + 1, "buy")),
            "hold",
            "forecast_ahead",
        ),
        (inputs(top=None), "hold", "book_missing"),
        (inputs(top=SeenTop(END, None)), "hold", "book_invalid"),
        (inputs(top=SeenTop(END - 30 * SECOND, TOP)), "buy", "buy"),
        (inputs(top=SeenTop(END - 30 * SECOND - 1, TOP)), "hold", "book_stale"),
        (inputs(vetoes=("halted",)), "hold", "halted"),
        (inputs(vetoes=("halted",), side="sell", account=IN), "hold", "halted"),
        (inputs(account=Account(quote=D("0.05"))), "hold", "below_minimum"),
        (
            inputs(side="sell", account=Account(quote=D(1), base=D("0.000001"))),
            "hold",
            "below_minimum",
        ),
        (inputs(account=Account(quote=D(10_000), base=D("0.000001"))), "buy", "buy"),
        (inputs(parameters=limits(largest_order=D(8999))), "hold", "order_too_large"),
        (inputs(parameters=limits(largest_order=D(9000))), "buy", "buy"),
        (inputs(parameters=limits(largest_position=D(8999))), "hold", "position_too_large"),
        (
            inputs(
                parameters=limits(daily_loss=D(50)),
                account=Account(quote=D(10_000), day_profit=D(-50)),
            ),
            "hold",
            "daily_loss",
        ),
        (
            inputs(
                parameters=limits(daily_loss=D(50)),
                account=Account(quote=D(10_000), day_profit=D("-49.99")),
            ),
            "buy",
            "buy",
        ),
        (
            inputs(
                parameters=limits(orders_per_minute=2),
                account=Account(quote=D(10_000), ordered_at=(END, END)),
            ),
            "hold",
            "too_many_orders",
        ),
    ],
)
def test_the_rule_acts_or_says_why_not(seen: Inputs, action: str, reasons: str) -> None:
    decision = decide(seen)
    assert (decision.action, decision.reasons) == (action, reasons)
    assert (decision.quantity is None) == (action == "hold")
    assert (order_for(decision, broker="paper") is None) == (action == "hold")


def test_a_buy_spends_its_share_at_the_ask() -> None:
    decision = decide(inputs())
    # 10000 * 0.9 / 9010 = 0.998890122086...
    assert (decision.quantity, decision.price) == (D("0.99889012"), D("9010"))
    assert (decision.bid, decision.ask, decision.side_next) == (D("9000"), D("9010"), "buy")
    assert (decision.forecast_id, decision.window_start) == ("f1", END - 60 * SECOND)


def test_a_sale_sells_all_at_the_bid() -> None:
    decision = decide(inputs(side="sell", account=Account(quote=D(0), base=D("0.123456789"))))
    assert (decision.quantity, decision.price) == (D("0.12345678"), D("9000"))


def test_a_buy_of_everything_leaves_enough_for_the_fee() -> None:
    seen = inputs(parameters=limits(balance_share=D(1)), account=Account(quote=D(9010)))
    # (9010 - 0.00000002) / (9010 * 1.004) = 0.99601593...
    assert decide(seen).quantity == D("0.99601593")


def test_an_order_is_named_by_its_window_alone() -> None:
    one, two = decide(inputs()), decide(inputs(ratio="7", side="sell"))
    assert one.decision_id == two.decision_id
    order = order_for(one, broker="paper")
    assert order is not None
    assert len(order.order_id) == 36
    assert order.order_id != one.decision_id
    later = msgspec.structs.replace(inputs().signal, window_start=END)
    assert decide(inputs(signal=later)).decision_id != one.decision_id


def test_a_decision_is_derived_again_from_its_inputs() -> None:
    decision = decide(inputs())
    assert rederive(decision) == decision
    altered = msgspec.structs.replace(decision, quantity=D(1))
    assert rederive(altered) != altered


def test_unreadable_inputs_are_reported() -> None:
    with pytest.raises(WireError, match="not the inputs"):
        read('{"rule":1}')


class OneSide:
    """A forecast that says buy in one minute only."""

    forecast_id, trained_until = "f2", END - HOUR

    def side_at(self, minute_us: int) -> str | None:
        return "buy" if minute_us == END + 60 * SECOND else None


@pytest.mark.parametrize(
    ("window_end", "ahead", "side"),
    [
        (END, 1, "buy"),
        (END, 0, None),
        (END, 2, None),
        (END + 30 * SECOND, 1, "buy"),
        (END + 60 * SECOND, 0, "buy"),
    ],
)
def test_the_forecast_is_read_ahead_of_the_windows_end(
    window_end: int, ahead: int, side: str | None
) -> None:
    seen = see_forecast(OneSide(), window_end=window_end, lookahead_minutes=ahead, fault=None)
    assert seen == SeenForecast("f2", END - HOUR, side)  # type: ignore[arg-type]


money = st.decimals(min_value=0, max_value=10**7, places=8, allow_nan=False)
price = st.decimals(min_value="0.01", max_value=10**6, places=2, allow_nan=False)


@settings(deadline=None)
@given(
    quote=money,
    base=money,
    bid=price,
    spread=price,
    there=money,
    side=st.sampled_from(["buy", "sell"]),
    ratio=money,
    share=st.decimals(min_value=0, max_value=1, places=3, allow_nan=False),
)
def test_no_decision_can_make_a_balance_negative(  # noqa: PLR0917
    quote: D, base: D, bid: D, spread: D, there: D, side: str, ratio: D, share: D
) -> None:
    from include.trading.account import settle

    top = Top(bid=bid, bid_quantity=there, ask=bid + spread, ask_quantity=there)
    account = Account(quote=quote, base=base)
    seen = inputs(
        side=side,
        ratio=str(ratio),
        top=SeenTop(END, top),
        account=account,
        parameters=limits(balance_share=share),
    )
    decision = decide(seen)
    assert decide(seen) == decision == rederive(decision)
    if order := order_for(decision, broker="paper"):
        done, fills = paper.fill(order, top, fee_bps=D(40))
        assert done.executed == sum((fill.quantity for fill in fills), D(0)) <= there
        after, _ = settle(account, done, fills)
        assert after.quote >= 0
        assert after.base >= 0
