"""Binance's aggregate trades in the flow of a combined stream, where a shorter path reads them."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.errors import RejectedFrame
from include.market.events import Frame, LedgerEntry, Message, Trade
from streaming.feeds.venues.binance.decoder import BinanceDecoder

ORDINARY = {
    "e": "aggTrade",
    "E": 1617566591315,
    "s": "BTCUSDT",
    "a": 665,
    "p": "58001.03000000",
    "q": "0.08620500",
    "f": 745,
    "l": 747,
    "T": 1617566591314,
    "m": True,
    "M": True,
}


def following(**changed: Any) -> tuple[Message, ...]:
    """What is decoded of a trade (665 unless changed) on a connection that has decoded 664."""
    decoder = BinanceDecoder(symbols=("BTC-USDT",), conn="c", last_ids={"BTC-USDT": 664})
    framed = {"stream": "btcusdt@aggTrade", "data": ORDINARY | changed}
    text = json.dumps(framed, separators=(",", ":"))
    return decoder.decode(Frame(data=text.encode(), received_time=5)).messages


def test_an_ordinary_trade_that_follows_is_decoded_whole() -> None:
    trade = Trade(
        "665", Decimal("58001.03"), Decimal("0.086205"), "sell", 1617566591314000, 745, 747
    )
    (message,) = following()
    assert message == Message(
        venue="binance",
        symbol="BTC-USDT",
        kind="trade",
        conn="c",
        seq=(665, 665),
        venue_time=1617566591315000,
        received_time=5,
        events=(trade,),
    )
    (bought,) = following(m=False)
    assert isinstance(bought.events[0], Trade) and bought.events[0].side == "buy"


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"p": "-58001.03000000"}, "out_of_range"),
        ({"p": "0.00000000"}, "out_of_range"),
        ({"p": "1000000000000.00000000"}, "out_of_range"),
        ({"q": "-0.08620500"}, "out_of_range"),
        ({"q": "0.00000000"}, "out_of_range"),
        ({"q": "1000000000000.00000000"}, "out_of_range"),
        ({"q": "NaN"}, "out_of_range"),
        ({"p": "Infinity"}, "out_of_range"),
        ({"p": "58001.123456789"}, "too_fine"),
        ({"q": "0.00000000001"}, "too_fine"),
        ({"s": "DOGEUSDT"}, "unknown_symbol"),
        ({"a": -1}, "wrong_type"),
    ],
)
def test_a_wrong_value_is_refused_in_the_flow_too(changed: dict[str, Any], reason: str) -> None:
    with pytest.raises(RejectedFrame) as refused:
        following(**changed)
    assert refused.value.reason == reason


def test_a_hole_and_a_repeat_are_seen_in_the_flow() -> None:
    gap, message = following(a=668)
    assert gap.events == (LedgerEntry("gap", "missing", 665, 667),) and message.seq == (668, 668)
    assert following(a=664) == ()


@given(
    milliseconds=st.integers(946_684_800_000, 4_102_444_799_999),
    price=st.decimals("0.00000001", "999999999999.99999999", places=8),
    fine=st.tuples(st.booleans(), st.booleans()),
    padded=st.booleans(),
)
def test_times_in_either_unit_and_prices_of_any_length_are_decoded_alike(
    milliseconds: int, price: Decimal, fine: tuple[bool, bool], padded: bool
) -> None:
    sent_at, at = (
        milliseconds * 1000 if micros and milliseconds >= 10**11 else milliseconds
        for micros in fine
    )
    text = f"{price:f}" if padded else f"{price:f}".rstrip("0").rstrip(".")
    (message,) = following(E=sent_at, T=at, p=text)
    (trade,) = message.events
    assert isinstance(trade, Trade) and trade.price == Decimal(text)
    assert message.venue_time == trade.traded_at == milliseconds * 1000
