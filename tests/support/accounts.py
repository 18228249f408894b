"""Accounts of a trader in memory: a journal, a consumer, and records of two symbols."""

import json
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal as D
from types import SimpleNamespace
from typing import Any, cast

from include.bus import Record, TopicPartition
from include.market import wire
from include.market.events import Message, Top
from include.market.wire import Topic
from include.serving.account_states import HALTED, halt_name
from include.serving.journal import Journal
from include.settings import load
from streaming.trader.brokers import Broker
from streaming.trader.brokers.paper import PaperBroker
from streaming.trader.config import configure_accounts
from streaming.trader.kill_points import KillPoints, NoKillPoints
from streaming.trader.traded_account import AccountPlan, TradedAccount
from tests.support.trader_child import FixedForecast, Watch

SECOND, MINUTE = 1_000_000, 60_000_000
START = 1_524_546_000_000_000
TWO = "eth symbol=ETH-USD rule=imbalance_and_mid sampling_s=60 half_spread_bps=100"
MARKET = {
    "TICKHOUSE_TRADER_LAG_S": "0",
    "TICKHOUSE_TRADER_SKEW_S": "0",
    "TICKHOUSE_TRADER_MORE_ACCOUNTS": TWO,
}
READ = {TopicPartition(topic, 0): 0 for topic in (Topic.BOOK, Topic.SIGNALS)}
OpenBroker = Callable[[Journal], Broker]


class JournalOfMessages:
    """Keeps state and messages, as the journal in Postgres does."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self.messages: list[Message] = []

    def state(self) -> dict[str, str]:
        return dict(self.values)

    def commit(self, messages: Sequence[Message], *, state: Mapping[str, str]) -> None:
        self.messages += messages
        self.values |= state

    def decision_status(self, decision_id: str, account: str) -> tuple[bool, str | None]:
        ids = {one.decision_id for one in self.events("decision")}
        halts = [self.values.get(name) for name in (HALTED, halt_name(account))]
        return decision_id in ids, next(filter(None, halts), None)

    def priced_decisions(self, rule: str, account: str) -> list[Any]:
        return []

    def events(self, kind: str, account: str = "") -> list[Any]:
        events = [e for m in self.messages if m.kind == kind for e in m.events]
        return [e for e in events if account in ("", e.account)]


def book(offset: int, at: int, bid: int, *, symbol: str) -> Record:
    top = Top(D(bid), D(50), D(bid + 10), D(50))
    message = Message("gemini", symbol, "book", "c", None, at, at, (), top)
    return Record(Topic.BOOK, 0, offset, 0, wire.encode_key(message), wire.encode(message))


def signal(offset: int, kind: str, number: str, at: int, *, symbol: str, source: int = 0) -> Record:
    """A signal of the minute that ends then, or a measure of that book record."""
    body = {
        "v": 1,
        "venue": "gemini",
        "symbol": symbol,
        "type": kind,
        "value": number,
        "timestamp": at,
        "window_start": at - MINUTE,
        "received_time": at + 1,
        "source": {"topic": Topic.BOOK, "partition": 0, "offset": source},
    }
    key = f"gemini|{symbol}".encode()
    return Record(Topic.SIGNALS, 0, offset, 0, key, json.dumps(body).encode())


def market(windows: range) -> list[Record]:
    """BTC: liquidity of each window; ETH: an imbalance a minute. Offsets follow the number."""
    records = []
    for n in windows:
        end = START + n * MINUTE
        records += [
            book(4 * n, end - 1, 9000 + 100 * n, symbol="BTC-USD"),
            book(4 * n + 1, end + 1, 2, symbol="BTC-USD"),
            book(4 * n + 2, end + SECOND, 500 + n, symbol="ETH-USD"),
            *(
                signal(4 * n + place, kind, "1", end, symbol="BTC-USD")
                for place, kind in enumerate(("bid", "ask", "price_volume"))
            ),
            signal(
                4 * n + 3,
                "imbalance",
                "0.9" if n % 2 else "-0.9",
                end + SECOND,
                symbol="ETH-USD",
                source=4 * n + 2,
            ),
        ]
    return records


CONSUMER: Any = SimpleNamespace(partitions_of=lambda keys: set(READ), offsets=READ)


def open_accounts(
    journal: JournalOfMessages,
    *,
    environ: Mapping[str, str] = MARKET,
    brokers: Mapping[str, OpenBroker] | None = None,
    kill_points: KillPoints | None = None,
) -> list[TradedAccount]:
    """The accounts of these settings, opened from the journal and following the consumer."""
    READ.update(dict.fromkeys(READ, 0))
    accounts = []
    for of_account, config in configure_accounts(load(environ)):
        fee = of_account.trader.fee_bps
        open_broker = (brokers or {}).get(config.account, lambda _, fee=fee: PaperBroker(fee))
        forecasts: Any = Watch(FixedForecast(START, "....bbss"))
        plan = AccountPlan(config, open_broker, forecasts, kill_points or NoKillPoints())
        account = TradedAccount(plan, cast(Journal, journal))
        account.open()
        account.follow(CONSUMER)
        accounts.append(account)
    return accounts


def decide_all(accounts: Sequence[TradedAccount], records: Sequence[Record]) -> None:
    """Let each account decide on all of these records; `READ` is how far they reach."""
    READ.update({TopicPartition(one.topic, one.partition): one.offset + 1 for one in records})
    for account in accounts:
        for record in records:
            account.take(record)
        while account.decide_next(READ):
            pass
