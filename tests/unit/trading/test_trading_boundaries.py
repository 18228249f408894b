"""Off by one in the rules: exactly the minimum, the last unit of the balance, a window twice."""

from decimal import ROUND_CEILING
from decimal import Decimal as D

import msgspec
import pytest

from include.market.events import Top
from include.trading.account import Account
from include.trading.decision import decide
from include.trading.inputs import Inputs, Parameters, SeenForecast, SeenTop, Signal
from include.trading.strategy import Strategy

END, HOUR, S = 1_524_546_960_000_000, 3_600_000_000, 1_000_000
UNIT = D("0.00000001")
PARAMETERS = Parameters(
    ratio_low=D("0.1"),
    ratio_high=D(2),
    balance_share=D(1),
    lookahead_minutes=1,
    fee_bps=D(25),
    forecast_stale_us=48 * HOUR,
    book_stale_us=30 * S,
)
SIGNAL = Signal("gemini", "BTC-USD", "price_volume", D(1), END, END - 60 * S)


def inputs(*, bid: str, ask: str, account: Account, parameters: Parameters = PARAMETERS) -> Inputs:
    return Inputs(
        rule="forecast_and_ratio",
        signal=SIGNAL,
        forecast=SeenForecast("f1", END - HOUR, "buy"),
        top=SeenTop(END - S, Top(D(bid), D(10**9), D(ask), D(10**9))),
        account=account,
        parameters=parameters,
    )


def test_who_holds_exactly_the_minimum_is_in() -> None:
    minimum = PARAMETERS.minimum
    account = Account(quote=D(100_000), base=minimum)
    assert decide(inputs(bid="9000", ask="9010", account=account)).reasons == "already_in"
    less = Account(quote=D(100_000), base=minimum - UNIT)
    assert decide(inputs(bid="9000", ask="9010", account=less)).action == "buy"


@pytest.mark.parametrize("quote", ["100", "99.99999999", "1234.5", "77.77777777"])
@pytest.mark.parametrize("ask", ["0.37", "0.11", "0.53", "0.01"])
def test_cost_and_fee_each_rounded_up_never_exceed_the_balance(quote: str, ask: str) -> None:
    fine = msgspec.structs.replace(PARAMETERS, step=UNIT, price_step=D("0.01"))
    account = Account(quote=D(quote))
    decision = decide(inputs(bid="0.01", ask=ask, account=account, parameters=fine))
    assert decision.quantity is not None and decision.price is not None
    cost = decision.quantity * decision.price
    due = sum(part.quantize(UNIT, ROUND_CEILING) for part in (cost, cost * D("0.0025")))
    assert D(quote) - D("0.0000001") < due <= D(quote)


class Forecast:
    """Says buy for every minute."""

    forecast_id, trained_until, volatility = "f1", END - HOUR, 0.0

    def side_at(self, minute_us: int) -> str:
        return "buy"

    def level_at(self, minute_us: int) -> None:
        return None

    def bounds_at(self, minute_us: int) -> None:
        return None


def test_a_window_that_was_decided_is_late_when_it_comes_again() -> None:
    strategy = Strategy(PARAMETERS, Account(quote=D(10_000)))
    top = SeenTop(END - S, Top(D(9000), D(2), D(9010), D(3)))
    decisions = [strategy.decide(SIGNAL, forecast=Forecast(), top=top) for _ in range(2)]  # type: ignore[arg-type]
    assert [decision.action for decision in decisions] == ["buy", "hold"]
    assert "signal_late" in decisions[1].reasons.split(",")
