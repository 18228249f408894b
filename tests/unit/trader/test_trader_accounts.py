"""Several accounts in one trader: each decides on its own, and one that fails stops no other."""

import itertools
from dataclasses import replace
from decimal import Decimal as D

import pytest

from include.bus import TopicPartition
from include.errors import OrderRefused, SettingsError, Unreachable
from include.serving.account_states import halt_name
from include.serving.journal import Journal
from include.settings import load
from include.trading.decision import decision_id, rederive
from streaming.trader import traded_account
from streaming.trader.brokers import Broker
from streaming.trader.brokers.paper import PaperBroker
from streaming.trader.config import TraderConfig
from streaming.trader.session import require_any
from tests.support.accounts import (
    CONSUMER,
    MARKET,
    READ,
    START,
    JournalOfMessages,
    decide_all,
    market,
    open_accounts,
)

IDS = {"market.book": "first", "market.signals": "first"}
OF_MAIN = ["forecast_silent", "forecast_silent", "buy", "already_in", "sell", "nothing_to_sell"]
OF_ETH = ["buy", "sell", "buy", "sell", "buy", "sell"]


@pytest.fixture(autouse=True)
def book_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def ranges(*_: object) -> dict[TopicPartition, tuple[int, int]]:
        return {partition: (0, end) for partition, end in READ.items()}

    monkeypatch.setattr(traded_account, "offset_ranges", ranges)


def reasons(journal: JournalOfMessages, account: str) -> list[str]:
    return [one.reasons for one in journal.events("decision", account)]


def test_two_accounts_on_two_symbols_decide_by_two_rules() -> None:
    journal = JournalOfMessages()
    decide_all(open_accounts(journal), market(range(1, 7)))
    assert reasons(journal, "main") == OF_MAIN
    assert reasons(journal, "eth") == OF_ETH
    decisions = journal.events("decision")
    assert len({one.decision_id for one in decisions}) == 12
    assert [rederive(one) for one in decisions] == decisions
    for kind in ("order", "fill", "balance", "score"):
        messages = [message for message in journal.messages if message.kind == kind]
        assert {(m.symbol, e.account) for m in messages for e in m.events} == {
            ("BTC-USD", "main"),
            ("ETH-USD", "eth"),
        }
    held = {(b.account, b.currency): b.amount for b in journal.events("balance")}
    assert held["main", "USD"] == D("10110.93877545")  # as in the kill tests
    assert held["main", "BTC"] == held["eth", "ETH"] == 0


def test_an_account_that_has_decided_nothing_goes_on_where_it_began() -> None:
    """Else the offsets of one that has decided would be where the other goes on."""
    journal = JournalOfMessages()
    accounts = open_accounts(journal)
    first, second = market(range(1, 4)), market(range(4, 7))
    decide_all(accounts[:1], first)
    again = open_accounts(journal)
    begins = [account.begins_at({part: (0, 99) for part in READ}, IDS) for account in again]
    assert [begin[TopicPartition("market.book", 0)] > 0 for begin in begins] == [True, False]
    decide_all(again, [*first, *second])
    assert (reasons(journal, "main"), reasons(journal, "eth")) == (OF_MAIN, OF_ETH)


def test_a_topic_that_was_made_anew_is_read_from_its_beginning() -> None:
    """Else nothing is decided until it has as many messages as the one before it."""
    journal = JournalOfMessages()
    decide_all(open_accounts(journal), market(range(1, 4)))
    accounts = open_accounts(journal)
    begins = accounts[0].begins_at(dict.fromkeys(READ, (0, 1)), IDS)
    assert set(begins.values()) == {0}
    decide_all(accounts[:1], [replace(one, offset=one.offset - 16) for one in market(range(4, 7))])
    assert reasons(journal, "main") == OF_MAIN


def test_a_topic_of_another_id_is_read_from_its_beginning_however_long_it_is() -> None:
    """Its offsets are those of other messages: going on in the middle would pass over the first."""
    journal = JournalOfMessages()
    ranges = dict.fromkeys(READ, (0, 99))
    book, signals = (TopicPartition(topic, 0) for topic in IDS)
    recreated = IDS | {book.topic: "second"}
    decide_all(open_accounts(journal), market(range(1, 4)))
    turns = ((IDS, True), (IDS, True), (recreated, False))
    for end, (ids, is_read_on) in enumerate((*turns, (recreated, True)), start=4):
        account = open_accounts(journal)[0]
        begins = account.begins_at(ranges, ids)
        assert (begins[book] > 0, begins[signals] > 0) == (is_read_on, True)
        account.follow(CONSUMER)
        decide_all([account], market(range(1, end)))
    assert reasons(journal, "main") == OF_MAIN


@pytest.mark.parametrize("count", range(1, 6))
def test_a_restart_goes_on_for_each_account_as_without_one(count: int) -> None:
    whole, journal = JournalOfMessages(), JournalOfMessages()
    decide_all(open_accounts(whole), market(range(1, 7)))
    decide_all(open_accounts(journal), market(range(1, count + 1)))
    decide_all(open_accounts(journal), market(range(1, 7)))
    for account in ("main", "eth"):
        assert journal.events("decision", account) == whole.events("decision", account)
        assert journal.events("balance", account) == whole.events("balance", account)


def test_a_dead_process_loses_and_doubles_nothing_of_either_account() -> None:
    whole = JournalOfMessages()
    decide_all(open_accounts(whole), market(range(1, 7)))
    for point, count in itertools.product(("before commit", "after commit"), (1, 2, 5, 9)):
        journal = JournalOfMessages()
        with pytest.raises(KeyboardInterrupt):
            accounts = open_accounts(journal, kill_points=DieAt(point, count))
            decide_all(accounts, market(range(1, 7)))
        decide_all(open_accounts(journal), market(range(1, 7)))
        for account in ("main", "eth"):
            assert journal.events("decision", account) == whole.events("decision", account)
            assert journal.events("fill", account) == whole.events("fill", account)


class DieAt:
    """Ends the process the COUNT-th time that a point is reached."""

    def __init__(self, point: str, count: int) -> None:
        self._point, self._left = point, count

    def reach(self, point: str) -> None:
        self._left -= point == self._point
        if not self._left:
            raise KeyboardInterrupt


class FailingBroker(PaperBroker):
    """Fails once at its second order, and refuses the symbol as long as `refuses`."""

    def __init__(self) -> None:
        super().__init__(D(40))
        self.refuses, self.orders = False, 0

    def instrument(self) -> None:
        if self.refuses:
            raise OrderRefused("InvalidSymbol", "the venue has no ETH-USD")

    def place(self, *order_and_top: object) -> object:  # type: ignore[override]
        self.orders += 1
        if self.orders == 2:
            raise Unreachable("the venue does not answer")
        return super().place(*order_and_top)  # type: ignore[arg-type]


def test_an_account_that_fails_is_tried_again_and_the_other_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broker, journal, now = FailingBroker(), JournalOfMessages(), [0.0]
    monkeypatch.setattr(traded_account.time, "monotonic", lambda: now[0])
    brokers = {"eth": lambda _: broker}
    accounts = open_accounts(journal, brokers=brokers)  # type: ignore[arg-type]
    decide_all(accounts, market(range(1, 7)))
    assert (reasons(journal, "main"), reasons(journal, "eth")) == (OF_MAIN, OF_ETH[:1])
    require_any(accounts)
    assert journal.values["eth/failure"] == "the venue does not answer"
    assert not accounts[1].decide_next(READ)  # it is not time yet
    now[0] = 60.0
    decide_all(accounts, [])
    require_any(accounts)
    assert (reasons(journal, "eth"), journal.values["eth/failure"]) == (OF_ETH, "")
    ids = [one.decision_id for one in journal.events("decision")]
    assert len(ids) == len(set(ids)) == 12


def test_an_account_whose_symbol_is_refused_stops_no_other_and_is_looked_at_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broker, journal, now = FailingBroker(), JournalOfMessages(), [0.0]
    broker.refuses, broker.orders = True, 2
    monkeypatch.setattr(traded_account.time, "monotonic", lambda: now[0])
    accounts = open_accounts(journal, brokers={"eth": lambda _: broker})  # type: ignore[arg-type]
    decide_all(accounts, market(range(1, 7)))
    require_any(accounts)
    assert "no ETH-USD" in journal.values["eth/failure"]
    assert (reasons(journal, "main"), reasons(journal, "eth")) == (OF_MAIN, [])
    broker.refuses, now[0] = False, 61.0
    decide_all(accounts, [])
    assert reasons(journal, "eth") == OF_ETH


def test_a_session_ends_when_every_account_has_failed() -> None:
    def refuse(_: Journal) -> Broker:
        raise OrderRefused("position_differs", "the venue holds something else")

    def lose(_: Journal) -> Broker:
        raise Unreachable("the venue does not answer")

    alone = {name: text for name, text in MARKET.items() if "MORE" not in name}
    with pytest.raises(OrderRefused):
        require_any(open_accounts(JournalOfMessages(), environ=alone, brokers={"main": refuse}))
    with pytest.raises(Unreachable):  # what another try may help
        brokers = {"main": refuse, "eth": lose}
        require_any(open_accounts(JournalOfMessages(), brokers=brokers))


def test_a_halt_by_name_is_of_that_account_alone() -> None:
    journal = JournalOfMessages()
    journal.values[halt_name("eth")] = "by hand"
    decide_all(open_accounts(journal), market(range(1, 4)))
    assert reasons(journal, "main") == OF_MAIN[:3]
    assert all(text.startswith("halted") for text in reasons(journal, "eth"))


def test_accounts_of_the_same_market_and_rule_have_ids_of_their_own() -> None:
    def id_of(account_name: str) -> str:
        return decision_id(
            "price_and_average",
            venue="all",
            symbol="BTC-USD",
            window_start=START,
            account_name=account_name,
        )

    assert len({id_of("main"), id_of("a"), id_of("b")}) == 3
    assert id_of("main") == decision_id(
        "price_and_average", venue="all", symbol="BTC-USD", window_start=START
    )


@pytest.mark.parametrize(
    ("accounts", "fault"),
    [
        ("eth symbol=ETHUSD", "account eth: TICKHOUSE_TRADER_SYMBOL='ETHUSD'"),
        ("eth sybol=ETH-USD", "account eth: 'sybol=ETH-USD' is not SETTING=VALUE"),
        ("eth; eth", "account eth is there twice"),
        ("main symbol=ETH-USD", "account main is there twice"),
        ("e/h", "account 'e/h': a name has"),
        ("eth ratio_low=3", "account eth: TICKHOUSE_TRADER_RATIO_LOW=3 is not below"),
        ("eth account=x", "'account=x' is not SETTING=VALUE"),
    ],
)
def test_accounts_that_cannot_be_are_refused(accounts: str, fault: str) -> None:
    with pytest.raises(SettingsError, match="account") as refused:
        load({"TICKHOUSE_TRADER_MORE_ACCOUNTS": accounts})
    assert fault in str(refused.value)


def test_one_account_alone_orders_at_gemini() -> None:
    environ = {"TICKHOUSE_TRADER_BROKER": "gemini", "TICKHOUSE_TRADER_MORE_ACCOUNTS": "eth"}
    with pytest.raises(SettingsError, match="main and eth have the broker gemini"):
        load(environ)
    load(environ | {"TICKHOUSE_TRADER_MORE_ACCOUNTS": "eth broker=paper"})


def test_every_number_of_the_rule_that_is_a_setting_comes_from_it() -> None:
    names = {
        "average_band_bps": "71",
        "balance_share": "0.31",
        "imbalance_threshold": "0.32",
        "half_spread_bps": "73",
        "largest_order": "74",
        "largest_position": "75",
        "daily_loss": "76",
        "edge_times": "77",
        "stop_loss_bps": "78",
        "max_drawdown": "79",
        "already_in_share": "0.8",
        "slippage_bps": "81",
        "fee_bps": "82",
        "ratio_low": "0.83",
        "ratio_high": "84",
    }
    settings = load({f"TICKHOUSE_TRADER_{name.upper()}": text for name, text in names.items()})
    parameters = TraderConfig.from_settings(settings).parameters
    assert {name: str(getattr(parameters, name)) for name in names} == names
