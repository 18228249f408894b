"""The rule on the suppliers' average: decided by hand, and followed from its records."""

import json
from decimal import Decimal as D

import pytest
from msgspec.structs import replace

from include.bus import Record, TopicPartition
from include.market import wire
from include.market.events import Message, Top
from include.market.wire import Topic
from include.settings import load
from include.trading.account import Account
from include.trading.decision import decide, rederive
from include.trading.inputs import Inputs, SeenForecast, SeenTop, Signal
from streaming.trader.config import TraderConfig
from streaming.trader.trace.checks import check_signal
from tests.support.trading_parameters import PARAMETERS as SHARED

S = 1_000_000
AT = 1_524_546_960 * S
IN = Account(quote=D(100), base=D("0.5"))
PARAMETERS = replace(SHARED, average_band_bps=D(10))


def inputs(mid: str, *, account: Account, average: str = "1000") -> Inputs:
    top = Top(bid=D(mid) - 1, bid_quantity=D(6), ask=D(mid) + 1, ask_quantity=D(2))
    return Inputs(
        rule="price_and_average",
        signal=Signal("suppliers", "BTC-USD", "average_price", D(average), AT, AT - 60 * S),
        forecast=SeenForecast(),
        top=SeenTop(AT, top),
        account=account,
        parameters=PARAMETERS,
    )


@pytest.mark.parametrize(
    ("mid", "account", "action", "reasons"),
    [
        ("999", Account(quote=D(10_000)), "buy", "buy"),  # 10 basis points below 1000
        ("999.01", Account(quote=D(10_000)), "hold", "average_near"),
        ("1000", Account(quote=D(10_000)), "hold", "average_near"),
        ("1000.99", IN, "hold", "average_near"),
        ("1001", IN, "sell", "sell"),
        ("1001", Account(quote=D(10_000)), "hold", "nothing_to_sell"),
    ],
)
def test_far_below_the_average_it_buys_and_far_above_it_sells(
    mid: str, account: Account, action: str, reasons: str
) -> None:
    decision = decide(inputs(mid, account=account))
    assert (decision.action, decision.reasons) == (action, reasons)
    assert rederive(decision) == decision


def test_the_trace_of_an_average_compares_it_with_the_lakes_row() -> None:
    seen = inputs("999", account=IN)
    row = {"type": "average_price", "value": D(1000)}
    assert [check.ok for check in check_signal([row], [], [], seen)] == [True]
    assert [check.ok for check in check_signal([row | {"value": D(1)}], [], [], seen)] == [False]


def average(offset: int, end_s: int, value: str, symbol: str = "BTC-USD") -> Record:
    told = {
        "v": 1,
        "venue": "suppliers",
        "symbol": symbol,
        "type": "average_price",
        "value": value,
        "timestamp": AT + end_s * S,
        "window_start": AT + (end_s - 60) * S,
    }
    key = f"suppliers|{symbol}".encode()
    return Record(Topic.SIGNALS, 0, offset, 0, key, json.dumps(told).encode())


def book(offset: int, at_s: int, bid: int) -> Record:
    top = Top(D(bid), D(1), D(bid + 1), D(1))
    at = AT + at_s * S
    message = Message("gemini", "BTC-USD", "book", "c", None, at, at, (), top)
    return Record(Topic.BOOK, 0, offset, 0, b"gemini|BTC-USD", wire.encode(message))


def test_the_trader_follows_the_averages_of_its_symbol_each_once_with_its_top() -> None:
    config = TraderConfig.from_settings(load({"TICKHOUSE_TRADER_RULE": "price_and_average"}))
    read = {TopicPartition(Topic.BOOK, 0): 9}
    follower = config.follower(lambda: read)
    for record in (
        book(0, 5, 100),
        book(1, 15, 200),
        average(0, 10, "150"),
        average(1, 10, "150"),
        average(2, 10, "7", symbol="ETH-USD"),
        average(3, 20, "155"),
        book(2, 25, 300),
    ):
        follower.take(record)
    moments = []
    while moment := follower.next(read):
        assert moment.top is not None and moment.top.best is not None
        moments.append((moment.signal.value, moment.top.best.bid))
    assert moments == [(D(150), D(100)), (D(155), D(200))]
    assert (
        follower.resume_at({TopicPartition(Topic.SIGNALS, 0): 4})[TopicPartition(Topic.SIGNALS, 0)]
        == 4
    )
