"""The rule on imbalance and mid price, worked by hand; limits on the venue's price step."""

from decimal import Decimal as D

import msgspec
import pytest
from msgspec.structs import replace

from include.errors import WireError
from include.market.events import Top
from include.market.measures import imbalance_of
from include.trading.account import Account
from include.trading.decision import decide, decision_id, rederive
from include.trading.inputs import (
    Inputs,
    Parameters,
    SeenForecast,
    SeenTop,
    Signal,
    normalize_inputs,
)
from tests.support.trading_parameters import PARAMETERS as SHARED

AT = 1_524_546_960_000_000
# mid 1000, half a spread 0.5: 5 basis points
TOP = Top(bid=D("999.5"), bid_quantity=D(6), ask=D("1000.5"), ask_quantity=D(2))
PARAMETERS = replace(SHARED, imbalance_threshold=D("0.5"), half_spread_bps=D(5))


IN = Account(quote=D(100), base=D("0.5"))


def inputs(imbalance: str = "0.5", **more: object) -> Inputs:
    found = Inputs(
        rule="imbalance_and_mid",
        signal=Signal("binance", "BTC-USDT", "imbalance", D(imbalance), AT, AT - AT % 10_000_000),
        forecast=SeenForecast(fault="forecast_missing"),
        top=SeenTop(AT, TOP),
        account=Account(quote=D(10_000)),
        parameters=PARAMETERS,
    )
    return msgspec.structs.replace(found, **more)


def limits(**more: object) -> Parameters:
    return msgspec.structs.replace(PARAMETERS, **more)


@pytest.mark.parametrize(
    ("seen", "action", "reasons"),
    [
        (inputs("0.5"), "buy", "buy"),
        (inputs("0.499"), "hold", "imbalance_small"),
        (inputs("-0.499", account=IN), "hold", "imbalance_small"),
        (inputs("-0.5", account=IN), "sell", "sell"),
        (inputs("-0.5"), "hold", "nothing_to_sell"),
        (inputs("1", account=IN), "hold", "already_in"),
        (inputs("0", parameters=limits(imbalance_threshold=D(0))), "hold", "imbalance_small"),
        (inputs("1", parameters=limits(half_spread_bps=D("4.99"))), "hold", "spread_too_wide"),
        (
            inputs("-1", account=IN, parameters=limits(half_spread_bps=D("4.99"))),
            "hold",
            "spread_too_wide",
        ),
        (inputs("1", top=None), "hold", "book_missing"),
        (inputs("1", top=SeenTop(AT - 30_000_001, TOP)), "hold", "book_stale"),
        (inputs("1", vetoes=("gap_open", "stream_lag")), "hold", "gap_open,stream_lag"),
    ],
)
def test_the_rule_acts_or_says_why_not(seen: Inputs, action: str, reasons: str) -> None:
    decision = decide(seen)
    assert (decision.action, decision.reasons) == (action, reasons)
    assert rederive(decision) == decision


def test_it_needs_no_forecast_and_buys_its_share_at_the_ask() -> None:
    decision = decide(inputs("0.5"))
    # 10000 * 0.9 / 1000.5 = 8.99550224...
    assert (decision.quantity, decision.price) == (D("8.99550224"), D("1000.5"))
    assert (decision.ratio, decision.forecast_id) == (D("0.5"), None)


def test_the_two_rules_name_their_decisions_apart() -> None:
    same = {"venue": "gemini", "symbol": "BTC-USD", "window_start": AT}
    assert decision_id("imbalance_and_mid", **same) != decision_id("forecast_and_ratio", **same)  # type: ignore[arg-type]


def test_an_unknown_rule_is_reported() -> None:
    with pytest.raises(WireError, match="rule 'luck' is none of forecast_and_ratio, imbalance_"):
        decide(inputs(rule="luck"))


@pytest.mark.parametrize(
    ("imbalance", "step", "slippage", "limit"),
    [
        ("1", "0.01", "0", "1000.5"),
        ("1", "0.2", "0", "1000.4"),  # a buyer pays no more than the best ask
        ("-1", "0.2", "0", "999.6"),  # a seller gets no less than the best bid
        ("1", "0.01", "10", "1001.5"),  # 1000.5 * 1.001 = 1001.5005
        ("-1", "0.01", "10", "998.51"),  # 999.5 * 0.999 = 998.5005
    ],
)
def test_a_limit_lies_on_the_price_step_the_safe_way(
    imbalance: str, step: str, slippage: str, limit: str
) -> None:
    parameters = limits(price_step=D(step), slippage_bps=D(slippage), half_spread_bps=D(50))
    assert decide(
        inputs(
            imbalance,
            account=Account(quote=D(9000), base=D(0) if imbalance == "1" else D(1)),
            parameters=parameters,
        )
    ).price == D(limit)


def test_one_number_has_one_spelling() -> None:
    spelt = Top(D("999.50000000"), D("6.0000000000"), D("1000.500"), D("2E+0"))
    assert normalize_inputs(inputs(top=SeenTop(AT, spelt))) == inputs()
    assert decide(normalize_inputs(inputs("0.500", top=SeenTop(AT, spelt)))).inputs == (
        decide(inputs("0.5")).inputs
    )


@pytest.mark.parametrize(
    ("bids", "asks", "expected"),
    [
        ("6", "2", "0.5"),
        ("1", "2", "-0.333333333333"),
        ("2", "1", "0.333333333333"),
        ("0", "0", None),
        ("0.0000000002", "0.0000000001", "0.333333333333"),
    ],
)
def test_an_imbalance_has_twelve_decimals(bids: str, asks: str, expected: str | None) -> None:
    found = imbalance_of(Top(bid=D(1), bid_quantity=D(bids), ask=D(2), ask_quantity=D(asks)))
    assert found == (None if expected is None else D(expected))
    assert imbalance_of(Top(bid=D(2), bid_quantity=D(1), ask=D(2), ask_quantity=D(1))) is None
