"""The account out of the lake: after a lost database it is the one the trader had."""

import itertools
from collections.abc import Iterator, Sequence
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import msgspec
import pytest

from include.bus import Record, TopicPartition
from include.market import wire
from include.market.events import Balance, Event, Message, Order, Top
from include.serving.account_states import halt_name
from include.serving.journal import TABLE_OF_KIND, event_row
from include.settings import load
from include.trading import paper
from include.trading.account import Account
from include.trading.decision import order_for
from include.trading.inputs import RecordId, SeenTop, Signal
from include.trading.reasons import Reason
from streaming.trader import rebuild
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
    assert state["intent"] == "" and halt_name("main") not in state
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
    assert halt_name("main") in rebuilt_state(trading_rows(config, trader.messages), config)


class JournalInMemory:
    """A journal with these named values, and what was restored into it."""

    def __init__(self, **state: str) -> None:
        self.values, self.rows_by_table = state, None  # type: ignore[var-annotated]

    def state(self) -> dict[str, str]:
        return self.values

    def restore(self, rows_by_table: RowsByTable, *, state: dict[str, str]) -> None:
        self.rows_by_table, self.values = rows_by_table, state


def keep_in_kafka(
    monkeypatch: pytest.MonkeyPatch, config: TraderConfig, values: Sequence[bytes]
) -> None:
    """Kafka has these values at offsets from 3 on of the topic of decisions, all unlanded."""
    decisions = TopicPartition("trading.decisions", 0)

    def offset_ranges(bootstrap: str, topics: Sequence[str]) -> dict[TopicPartition, Any]:
        assert bootstrap == config.bootstrap and decisions.topic in topics
        return {decisions: (0, 9)}

    def landed_offsets(lake: str, ranges: Any) -> dict[TopicPartition, int]:
        assert (lake, ranges) == (config.lake, {decisions: (0, 9)})
        return {decisions: 3}

    def read_from(bootstrap: str, _topics: Any, *, offsets: Any) -> Iterator[Record]:
        assert (bootstrap, offsets) == (config.bootstrap, {decisions: 3})
        for number, value in enumerate(values):
            yield Record(*decisions, 3 + number, 0, b"", value)

    monkeypatch.setattr(rebuild, "offset_ranges", offset_ranges)
    monkeypatch.setattr(rebuild, "landed_offsets", landed_offsets)
    monkeypatch.setattr(rebuild, "read_from", read_from)


def test_an_empty_journal_is_filled_from_the_lake_and_what_kafka_still_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    config, journal = config_of(tmp_path), JournalInMemory()
    trader = Trader(config)
    trader.decide(range(1, 5))
    land(config.lake, trader.messages[:2])
    foreign = [msgspec.structs.replace(m, symbol="ETH-USD") for m in trader.messages]
    values = [b"junk", *map(wire.encode, [*foreign, *trader.messages[2:]])]
    keep_in_kafka(monkeypatch, config, values)
    assert rebuild.rebuild_journal(journal, config)  # type: ignore[arg-type]
    assert account_of(journal.values) == trader.strategy.account
    assert journal.rows_by_table is not None
    assert {name: len(rows) for name, rows in journal.rows_by_table.items()} == {
        "decisions": 4,
        "orders": 1,
        "fills": 1,
        "balances": 2,
        "scores": 0,
    }
    assert "account rebuilt from the lake" in caplog.text
    assert "decisions=4 orders=1 fills=1 balances=2 scores=0" in caplog.text


def test_a_journal_with_an_account_or_a_world_without_any_is_left_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = config_of(tmp_path)
    keep_in_kafka(monkeypatch, config, [])
    for journal in (JournalInMemory(account="{}"), JournalInMemory()):
        assert not rebuild.rebuild_journal(journal, config)  # type: ignore[arg-type]
        assert journal.rows_by_table is None
