"""The trader on 18 recorded minutes of Gemini: its decisions are those its facts call for.

The oracle (tests/support/tape_facts) shares no code with the trader.
"""

import json
from decimal import Decimal as D
from pathlib import Path

import pytest

from include.bus import Record
from include.market import wire
from include.market.events import Decision
from include.market.wire import Topic
from include.trading import paper
from include.trading.account import Account
from include.trading.decision import order_for, rederive
from include.trading.inputs import Parameters
from include.trading.strategy import Strategy
from streaming.feeds.tape import read_tape
from streaming.feeds.venues.gemini.v1 import GeminiV1Decoder
from streaming.trader.followers.window_signals import WindowSignals
from streaming.trader.followers.windows import WindowFollower
from tests.support.tape_facts import KEY, MINUTE, POSITION, SHARE, TAPE, Facts, ThreeByThree


def records(path: Path, facts: Facts) -> tuple[list[Record], list[Record]]:
    """The tape as the feed sends it, and the oracle's ratios as Spark sends its signals."""
    decoder = GeminiV1Decoder(symbol="BTC-USD", conn="tape")
    messages = [m for one in read_tape(path) for m in decoder.decode(one).messages]
    books = [wire.encode(one) for one in messages if one.kind == "book"]
    signals = [
        json.dumps(
            {
                "v": 1,
                "venue": "gemini",
                "symbol": "BTC-USD",
                "type": "price_volume",
                "value": f"{ratio:.12f}",
                "timestamp": end,
                "window_start": end - MINUTE,
            }
        )
        for end, ratio in facts.signals()
    ]
    return (
        [Record(Topic.BOOK, 0, n, 0, KEY, one) for n, one in enumerate(books)],
        [Record(Topic.SIGNALS, 0, n, 0, KEY, one.encode()) for n, one in enumerate(signals)],
    )


def decisions(books: list[Record], signals: list[Record]) -> list[Decision]:
    parameters = Parameters(
        ratio_low=D("0.1"),
        ratio_high=D(2),
        balance_share=SHARE,
        lookahead_minutes=1,
        fee_bps=D(40),
        forecast_stale_us=10**12,
        book_stale_us=30_000_000,
        already_in_share=POSITION,
    )
    signals_of_windows = WindowSignals(
        venue="gemini", symbol="BTC-USD", window_us=MINUTE, delay_us=10_000_000
    )
    market = WindowFollower(
        signals_of_windows,
        key=KEY,
        end_offsets=lambda: {(Topic.BOOK, 0): len(books)},
        depth=None,
    )
    trader, made = Strategy(parameters, Account(quote=D(10_000))), []
    for record in [*books, *signals]:
        market.take(record)
    while found := market.next({(Topic.BOOK, 0): len(books)}):
        signal, record_id, top = found
        made.append(trader.decide(signal, forecast=ThreeByThree(), top=top, record_id=record_id))  # type: ignore[arg-type]
        if order := order_for(made[-1], broker="paper"):
            trader.settle(*paper.fill(order, top.best if top else None, fee_bps=D(40)))
    return made


@pytest.fixture(scope="module")
def tape(shared_data: Path) -> tuple[Facts, list[Record], list[Record]]:
    facts = Facts(shared_data / TAPE)
    return facts, *records(shared_data / TAPE, facts)


def test_the_decisions_are_those_the_tape_calls_for(
    tape: tuple[Facts, list[Record], list[Record]],
) -> None:
    facts, books, signals = tape
    made = decisions(books, signals)
    expected = facts.expected()
    assert len(made) == len(expected) == 18
    for number, (one, (action, quantity, price)) in enumerate(zip(made, expected, strict=True)):
        assert (one.action, one.price) == (action, price), (number, one.reasons)
        assert abs((one.quantity or 0) - (quantity or 0)) <= D("0.00000001")
    assert {one.action for one in made} == {"buy", "sell", "hold"}
    assert [rederive(one) for one in made] == made


def test_cutting_off_the_future_changes_no_decision(
    tape: tuple[Facts, list[Record], list[Record]],
) -> None:
    _, books, signals = tape
    made = decisions(books, signals)
    for kept in (5, 12):
        end = json.loads(signals[kept - 1].value)["timestamp"]
        past = [one for one in books if (wire.decode(one.value).venue_time or 0) <= end]
        assert len(past) < len(books)
        assert decisions(past, signals[:kept]) == made[:kept]
