"""A venue's steps and minimum order: read, and kept by every order in the safe direction."""

import json
from decimal import Decimal as D

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.errors import WireError
from include.market.events import Top
from include.trading.account import Account
from include.trading.decision import decide
from include.trading.inputs import Inputs, SeenForecast, SeenTop, Signal
from include.trading.instrument import (
    KNOWN_INSTRUMENTS,
    Instrument,
    add_instrument,
    parse_gemini_instrument,
)
from include.trading.money import round_down, round_up
from tests.support.trading_parameters import PARAMETERS

END = 1_524_546_960_000_000
RECORDED = (
    b'{"symbol":"BTCUSD","base_currency":"BTC","quote_currency":"USD","tick_size":1e-08,'
    b'"quote_increment":0.01,"min_order_size":"0.00001","status":"open","wrap_enabled":false}'
)


def test_the_recorded_details_of_btcusd_are_read() -> None:
    assert parse_gemini_instrument(RECORDED) == Instrument(
        D("0.00001"), D("0.00000001"), D("0.01"), is_open=True
    )
    assert parse_gemini_instrument(RECORDED) == KNOWN_INSTRUMENTS["gemini", "BTC-USD"]


def test_a_step_does_not_pass_through_a_float() -> None:
    fine = RECORDED.replace(b'"quote_increment":0.01', b'"quote_increment":0.12345678901234567891')
    assert parse_gemini_instrument(fine).price_step == D("0.12345678901234567891")


@pytest.mark.parametrize(
    ("status", "takes_orders"),
    [
        ("open", True),
        ("limit_only", True),
        ("closed", False),
        ("cancel_only", False),
        ("post_only", False),
        ("new word", False),
    ],
)
def test_a_market_takes_limit_orders_or_not(status: str, takes_orders: bool) -> None:
    details = json.loads(RECORDED) | {"status": status}
    assert parse_gemini_instrument(json.dumps(details).encode()).is_open is takes_orders


@pytest.mark.parametrize(
    "spoilt",
    [
        b"",
        b"[]",
        b"<html>",
        b"{}",
        RECORDED.replace(b"1e-08", b"0"),
        RECORDED.replace(b"0.01", b"-1"),
        RECORDED.replace(b'"0.00001"', b'"NaN"'),
        RECORDED.replace(b'"0.00001"', b"null"),
    ],
)
def test_other_replies_are_refused(spoilt: bytes) -> None:
    with pytest.raises(WireError, match="no symbol details"):
        parse_gemini_instrument(spoilt)


@pytest.mark.parametrize(
    ("amount", "step", "down", "up"),
    [
        ("1.237", "0.01", "1.23", "1.24"),
        ("1.23", "0.01", "1.23", "1.23"),
        ("1.237", "0.05", "1.2", "1.25"),
        ("7", "2.5", "5", "7.5"),
        ("0.3", "0.1", "0.3", "0.3"),
        ("123456789.123", "0.25", "123456789", "123456789.25"),
    ],
)
def test_amounts_are_brought_onto_a_step(amount: str, step: str, down: str, up: str) -> None:
    assert (round_down(D(amount), D(step)), round_up(D(amount), D(step))) == (D(down), D(up))


steps = st.sampled_from([D(text) for text in ("1e-8", "0.00005", "0.001", "0.01", "0.25", "0.5")])
money = st.decimals(min_value=0, max_value=10**6, places=8, allow_nan=False)
price = st.decimals(min_value="0.5", max_value=10**5, places=2, allow_nan=False)


@settings(deadline=None)
@given(
    step=steps,
    price_step=steps,
    minimum=steps,
    quote=money,
    base=money,
    bid=price,
    spread=price,
    buys=st.booleans(),
    slippage=st.sampled_from([D(0), D(7), D(50)]),
)
def test_every_order_is_on_the_steps_and_never_too_willing(  # noqa: PLR0917
    step: D,
    price_step: D,
    minimum: D,
    quote: D,
    base: D,
    bid: D,
    spread: D,
    buys: bool,
    slippage: D,
) -> None:
    instrument = Instrument(minimum=minimum, step=step, price_step=price_step)
    parameters = msgspec.structs.replace(
        add_instrument(PARAMETERS, instrument), slippage_bps=slippage
    )
    top = Top(bid=bid, bid_quantity=D(1), ask=bid + spread, ask_quantity=D(1))
    held = D(0) if buys else base
    decision = decide(
        Inputs(
            "forecast_and_ratio",
            Signal("gemini", "BTC-USD", "price_volume", D(1), END, END - 1),
            SeenForecast("f", END - 60_000_000, "buy" if buys else "sell"),
            SeenTop(END, top),
            Account(quote=quote, base=held),
            parameters,
        )
    )
    if decision.quantity is None or decision.price is None:
        return
    assert decision.quantity % step == 0
    assert decision.price % price_step == 0
    assert decision.quantity >= minimum
    far = slippage / 10_000
    if buys:
        assert top.ask * (1 + far) - price_step < decision.price <= top.ask * (1 + far)
        assert decision.quantity * decision.price <= quote
    else:
        assert top.bid * (1 - far) <= decision.price < top.bid * (1 - far) + price_step
        assert held - step < decision.quantity <= held
