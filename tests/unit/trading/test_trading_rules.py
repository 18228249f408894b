"""The rule, worked by hand: when it buys, sells and holds, how much, and why."""

from decimal import Decimal as D

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.errors import WireError
from include.market.events import Top
from include.trading import paper
from include.trading.account import Account, ExecutedOrder
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
from include.trading.strategy import Strategy

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


BOUGHT = ExecutedOrder("b", D(1), D(9100), D(9100), D(36))
HOLDING = Account(quote=D(100), base=D(1), last_buy=BOUGHT)  # 9000 at the bid: 109.9 bps lost


@pytest.mark.parametrize(
    ("base", "share", "reasons"),
    [
        ("0.011", "0.01", "buy"),  # 99 of 10099 are below a hundredth
        ("0.012", "0.01", "already_in"),  # 108 of 10108 are above it
        ("0.012", "0.02", "buy"),
        ("0.000009", "0", "buy"),  # below the minimum order
        ("0.00001", "0", "already_in"),
    ],
)
def test_a_crumb_of_base_is_no_position(base: str, share: str, reasons: str) -> None:
    account = Account(quote=D(10_000), base=D(base))
    seen = inputs(account=account, parameters=limits(already_in_share=D(share)))
    assert decide(seen).reasons == reasons


@pytest.mark.parametrize(
    ("rise", "times", "reasons"),
    [
        # bought at 9010 with 40 bps, sold at 9000 with 40 bps: 9046.04 / 8964 - 1 = 91.52 bps
        ("91.6", "1", "buy"),
        ("91.5", "1", "edge_below_cost"),
        ("91.5", "0.5", "buy"),
        ("150", "2", "edge_below_cost"),
        (None, "1", "edge_below_cost"),
        (None, "0", "buy"),
    ],
)
def test_a_rise_below_the_cost_of_the_round_trip_is_left_alone(
    rise: str | None, times: str, reasons: str
) -> None:
    forecast = SeenForecast("f1", END - HOUR, "buy", rise_bps=None if rise is None else D(rise))
    seen = inputs(forecast=forecast, parameters=limits(edge_times=D(times)))
    assert decide(seen).reasons == reasons
    selling = SeenForecast("f1", END - HOUR, "sell")
    sale = inputs(forecast=selling, account=IN, parameters=limits(edge_times=D(times)))
    assert decide(sale).action == "sell"


def test_the_rise_goes_to_the_last_minute_before_the_side_turns() -> None:
    class Hill(FourMinutes):
        """100, 101, 103 (hold), 102 (sell)."""

        levels = (100.0, 101.0, 103.0, 102.0)
        sides = ("sell", "buy", "hold", "sell")

    def rise(minute: int, times: int) -> D | None:
        parameters = limits(edge_times=D(times))
        end = END + minute * 60 * SECOND
        seen = see_forecast(Hill(), window_end=end, parameters=parameters, fault=None)  # type: ignore[arg-type]
        return seen.rise_bps

    assert rise(0, 1) == D(300)
    assert rise(0, 0) is None  # nobody asks
    assert rise(2, 1) is None  # the side is sell


@pytest.mark.parametrize(
    ("stop_bps", "action", "reasons"),
    [
        (100, "sell", "sell,stop_loss"),
        ("109.8", "sell", "sell,stop_loss"),
        (110, "hold", "already_in"),
        (0, "hold", "already_in"),
    ],
)
def test_a_position_that_lost_too_much_is_sold(
    stop_bps: int | str, action: str, reasons: str
) -> None:
    seen = inputs(account=HOLDING, parameters=limits(stop_loss_bps=D(stop_bps)))
    decision = decide(seen)
    assert (decision.action, decision.reasons) == (action, reasons)
    assert rederive(decision) == decision
    halted = inputs(
        account=HOLDING, parameters=limits(stop_loss_bps=D(stop_bps)), vetoes=("halted",)
    )
    assert decide(halted).action == "hold"


def test_after_a_stop_loss_nothing_is_bought_until_the_next_day() -> None:
    parameters = limits(stop_loss_bps=D(100))
    trader = Strategy(parameters, HOLDING)
    sides = {END: "buy", END + 60 * SECOND: "buy", END + 24 * HOUR: "buy"}
    reasons = []
    for end in sides:
        signal = Signal("gemini", "BTC-USD", "price_volume", D(1), end, end - 60 * SECOND)
        decision = trader.decide(signal, forecast=AlwaysUp(end), top=SeenTop(end - SECOND, TOP))
        reasons.append(decision.reasons)
        if order := order_for(decision, broker="paper"):
            trader.settle(*paper.fill(order, TOP, fee_bps=D(40)))
    assert reasons == ["sell,stop_loss", "stop_loss", "buy"]


class AlwaysUp:
    """Says buy at all times, trained an hour before."""

    forecast_id, volatility = "up", 0.0

    def __init__(self, end: int) -> None:
        self.trained_until = end - HOUR

    def side_at(self, minute_us: int) -> str:
        return "buy"

    def level_at(self, minute_us: int) -> float:
        return 1.0

    def bounds_at(self, minute_us: int) -> None:
        return None


def test_a_fall_below_the_highest_worth_of_the_day_stops_buying() -> None:
    # The account is worth 10,000 more in base: 1 at a bid of 12,000, 10,000, then 9,000.
    parameters = limits(max_drawdown=D(2500), already_in_share=D(1))
    trader = Strategy(parameters, Account(quote=D(50_000), base=D(1)))
    reasons = []
    for number, bid in enumerate((12_000, 10_000, 9_000, 9_000)):
        end = END + number * 60 * SECOND if number < 3 else END + 24 * HOUR
        top = Top(bid=D(bid), bid_quantity=D(2), ask=D(bid + 1), ask_quantity=D(2))
        signal = Signal("gemini", "BTC-USD", "price_volume", D(1), end, end - 60 * SECOND)
        decision = trader.decide(signal, forecast=AlwaysUp(end), top=SeenTop(end - SECOND, top))
        reasons.append(decision.reasons)
    assert reasons == ["buy", "buy", "max_drawdown", "buy"]


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
        (inputs(side="hold"), "hold", "forecast_hold"),
        (inputs(side="hold", account=IN), "hold", "forecast_hold"),
        (inputs(forecast=SeenForecast(fault="forecast_damaged")), "hold", "forecast_damaged"),
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


def test_the_side_of_now_is_recorded_beside_that_of_next() -> None:
    seen = SeenForecast("f1", END - HOUR, "buy", side_now="sell")
    decision = decide(inputs(forecast=seen))
    assert (decision.action, decision.side_next, decision.side_now) == ("buy", "buy", "sell")


def test_a_sale_sells_all_at_the_bid() -> None:
    decision = decide(inputs(side="sell", account=Account(quote=D(0), base=D("0.123456789"))))
    assert (decision.quantity, decision.price) == (D("0.12345678"), D("9000"))


def test_a_buy_of_everything_leaves_enough_for_the_fee() -> None:
    seen = inputs(parameters=limits(balance_share=D(1)), account=Account(quote=D(9010)))
    # (9010 - 0.00000002) / (9010 * 1.004) = 0.99601593...
    assert decide(seen).quantity == D("0.99601593")


def test_what_is_withheld_is_neither_sold_nor_paid_with() -> None:
    account = Account(
        quote=D(10_000), base=D("0.5"), quote_withheld=D(4000), base_withheld=D("0.2")
    )
    bought = decide(inputs(account=account, parameters=limits(already_in_share=D(9))))
    assert bought.quantity == D("0.59933407")  # 6000 * 0.9 / 9010
    assert (bought.quote_total, bought.quote_available) == (D(10_000), D(6000))
    sold = decide(inputs(side="sell", account=account))
    assert sold.quantity == D("0.3")
    assert (sold.base_total, sold.base_available) == (D("0.5"), D("0.3"))
    none_left = Account(quote=D(0), base=D(1), base_withheld=D(2))
    assert decide(inputs(side="sell", account=none_left)).reasons == "nothing_to_sell"


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


class FourMinutes:
    """A forecast of four minutes from END on: closes of 100, 101, 99 and 100."""

    forecast_id, trained_until, volatility = "f2", END - HOUR, 0.0
    levels = (100.0, 101.0, 99.0, 100.0)
    sides = ("sell", "buy", "sell", "buy")

    def side_at(self, minute_us: int) -> str | None:
        number = (minute_us - END) // (60 * SECOND)
        return self.sides[number] if 0 <= number < 4 else None

    def level_at(self, minute_us: int) -> float | None:
        number = (minute_us - END) // (60 * SECOND)
        return self.levels[number] if 0 <= number < 4 else None

    def bounds_at(self, minute_us: int) -> None:
        return None


@pytest.mark.parametrize(
    ("minutes", "ahead", "now", "side"),
    [
        (0, 1, "sell", "buy"),  # from 100 to 101
        (1, 1, "buy", "sell"),  # from 101 to 99
        (2, 1, "sell", "buy"),  # from 99 to 100
        (0, 2, "sell", "sell"),  # from 100 to 99, though 101 comes between
        (1, 2, "buy", "sell"),  # from 101 to 100, though the last minute's move is up
        (0.5, 1, "sell", "buy"),
        (3, 1, "buy", None),
        (2, 2, "sell", None),
        (-1, 1, None, "sell"),
        (4, 1, None, None),
    ],
)
def test_a_decision_sees_the_move_from_the_windows_end_to_the_lookahead(
    minutes: float, ahead: int, now: str | None, side: str | None
) -> None:
    seen = see_forecast(
        FourMinutes(),  # type: ignore[arg-type]
        window_end=END + int(minutes * 60 * SECOND),
        parameters=limits(lookahead_minutes=ahead),
        fault=None,
    )
    assert seen == SeenForecast("f2", END - HOUR, side, side_now=now)  # type: ignore[arg-type]


def test_a_move_of_several_minutes_below_the_threshold_is_hold() -> None:
    for hold_bps, side in ((99.0, "sell"), (101.0, "hold")):  # from 100 to 99 are 100 bps
        parameters = limits(lookahead_minutes=2, hold_bps=hold_bps)
        seen = see_forecast(FourMinutes(), window_end=END, parameters=parameters, fault=None)  # type: ignore[arg-type]
        assert seen.side == side


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
