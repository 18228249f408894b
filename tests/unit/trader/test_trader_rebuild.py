"""The account out of the lake: after a lost database it is the one the trader had."""

import itertools
from collections.abc import Sequence
from decimal import Decimal as D
from pathlib import Path

import msgspec
import pytest

from include.bus import TopicPartition
from include.market.events import Balance, Event, Message, Order, Top
from include.serving.journal import HALTED, TABLE_OF_KIND, event_row
from include.settings import load
from include.trading import paper
from include.trading.account import Account
from include.trading.decision import order_for
from include.trading.inputs import RecordId, SeenTop, Signal
from include.trading.reasons import Reason
from streaming.trader.config import TraderConfig
from streaming.trader.rebuild import RowsByTable, rebuilt_state, trading_rows
from tests.support.lake_of_rows import at, put
from tests.support.trader_child import FixedForecast

VENUE, SYMBOL = "gemini", "BTC-USD"
MINUTE = 60_000_000
START = 1_524_546_000_000_000
SIDES = "....bbss"


def config_of(folder: Path) -> TraderConfig:
    return TraderConfig.from_settings(
        load({"TICKHOUSE_VAR": str(folder), "TICKHOUSE_TRADER_VENUE": VENUE})
    )


class Trader:
    """Decides as the desk does, on paper, and keeps every message."""

    def __init__(self, config: TraderConfig) -> None:
        self.strategy, self.config = config.strategy(), config
        self.messages: list[Message] = []

    def decide(self, windows: range, *, vetoes: tuple[Reason, ...] = ()) -> None:
        for number in windows:
            end = START + number * MINUTE
            best = Top(D(9000 + 100 * number), D(5), D(9010 + 100 * number), D(5))
            top = SeenTop(end - 1, best, RecordId("market.book", 0, 1000 + number))
            decision = self.strategy.decide(
                Signal(VENUE, SYMBOL, "price_volume", D(1), end, end - MINUTE),
                forecast=FixedForecast(START, SIDES),
                top=top,
                vetoes=vetoes,
                record_id=RecordId("market.signals", 0, 100 + number),
            )
            self._keep("decision", (decision,))
            if order := order_for(decision, broker="paper"):
                self._settle(order, top)

    def _settle(self, order: Order, top: SeenTop) -> None:
        outcome, fills = paper.fill(order, top, fee_bps=self.config.parameters.fee_bps)
        score = self.strategy.settle(outcome, fills)
        account = self.strategy.account
        self._keep("order", (outcome,))
        self._keep("fill", tuple(fills))
        self._keep("balance", (Balance("USD", account.quote), Balance("BTC", account.base)))
        self._keep("score", (score,) if score else ())

    def _keep(self, kind: str, events: Sequence[Event]) -> None:
        if events:
            number = len(self.messages)
            self.messages.append(
                Message(VENUE, SYMBOL, kind, "trader-a", None, 5, number, tuple(events))
            )


def land(lake: str, messages: Sequence[Message], *, symbol: str = SYMBOL) -> None:
    offsets = itertools.count()
    for message in messages:
        table = TABLE_OF_KIND[message.kind]
        rows = [
            event_row(table, event)
            | {
                "venue": VENUE,
                "symbol": symbol,
                "offset": next(offsets),
                "received_time": at(f"12:00:{message.received_time:02}"),
            }
            for event in message.events
        ]
        put(lake, table.name, rows)


def account_of(state: dict[str, str]) -> Account:
    return msgspec.json.decode(state["account"], type=Account)


@pytest.mark.parametrize("count", range(1, 7))
@pytest.mark.parametrize("unlanded", [0, 3])
def test_the_account_after_any_decision_is_the_one_the_trader_had(
    tmp_path: Path, count: int, unlanded: int
) -> None:
    config = config_of(tmp_path)
    trader = Trader(config)
    trader.decide(range(1, count + 1))
    landed = max(0, len(trader.messages) - unlanded)
    land(config.lake, trader.messages[:landed])
    rows_by_table = trading_rows(config, trader.messages[landed:])
    state = rebuilt_state(rows_by_table, config)
    assert account_of(state) == trader.strategy.account
    assert int(state["last_window"]) == trader.strategy.last_window == START + (count - 1) * MINUTE
    assert state["intent"] == "" and HALTED not in state
    offsets = {
        TopicPartition(topic, partition): offset
        for topic, partition, offset in msgspec.json.decode(state["offsets"])
    }
    assert offsets == {
        TopicPartition("market.signals", 0): 100 + count,
        TopicPartition("market.book", 0): 1000 + count,
    }
    assert len(rows_by_table["decisions"]) == count


def test_a_lake_that_repeats_a_decision_gives_it_once(tmp_path: Path) -> None:
    config = config_of(tmp_path)
    trader = Trader(config)
    trader.decide(range(1, 5))
    land(config.lake, trader.messages)
    rows_by_table = trading_rows(config, trader.messages)
    assert {name: len(rows) for name, rows in rows_by_table.items()} == {
        "decisions": 4,
        "orders": 1,
        "fills": 1,
        "balances": 2,
        "scores": 0,
    }
    assert account_of(rebuilt_state(rows_by_table, config)) == trader.strategy.account


def test_another_symbols_account_is_not_taken(tmp_path: Path) -> None:
    config = config_of(tmp_path)
    trader = Trader(config)
    trader.decide(range(1, 5))
    land(config.lake, trader.messages, symbol="ETH-USD")
    assert not any(trading_rows(config, []).values())


def test_balances_alone_are_the_account(tmp_path: Path) -> None:
    rows: RowsByTable = dict.fromkeys(("decisions", "orders", "fills", "scores"), ()) | {
        "balances": [
            {"currency": "USD", "amount": D(964), "order_id": None},
            {"currency": "BTC", "amount": D("0.1186"), "order_id": None},
        ]
    }
    state = rebuilt_state(rows, config_of(tmp_path))
    assert account_of(state) == Account(quote=D(964), base=D("0.1186"))


def test_an_order_of_unknown_outcome_is_resolved_and_not_forgotten(tmp_path: Path) -> None:
    config = config_of(tmp_path)
    trader = Trader(config)
    trader.decide(range(1, 4))
    (decision,) = trader.messages[2].events
    state = rebuilt_state(trading_rows(config, trader.messages[:3]), config)
    assert msgspec.json.decode(state["intent"], type=Order).decision_id == decision.decision_id  # type: ignore[union-attr]


def test_a_halted_trader_stays_halted(tmp_path: Path) -> None:
    config = config_of(tmp_path)
    trader = Trader(config)
    trader.decide(range(1, 2), vetoes=(Reason.HALTED,))
    assert HALTED in rebuilt_state(trading_rows(config, trader.messages), config)
