"""What keeps orders back from outside the rule: gaps, skew, lag, a breaker; and the pace."""

from dataclasses import dataclass, field
from decimal import Decimal as D

import pytest

from include.bus import Record
from include.errors import Unreachable
from include.market import wire
from include.market.events import LedgerEntry, Message
from include.market.wire import Topic
from include.rate_limiter import RateLimiter
from include.settings import Settings, load
from include.trading.inputs import Signal
from streaming.trader.config import TraderConfig
from streaming.trader.vetoes import Breaker, Vetoes, exclude_ledger

NOW = 1_800_000_000_000_000
S = 1_000_000
SIGNAL = Signal("gemini", "BTC-USD", "price_volume", D(1), NOW - 20 * S, NOW - 80 * S)


def settings(**more: str) -> Settings:
    return load({f"TICKHOUSE_{name}": value for name, value in more.items()})


def record_of(
    kind: str,
    *events: LedgerEntry,
    symbol: str = "BTC-USD",
    venue: str = "gemini",
    venue_time: int | None = None,
    received: int = NOW,
) -> Record:
    message = Message(venue, symbol, kind, "c", None, venue_time, received, events)
    topic = Topic.LEDGER if kind == "ledger" else Topic.BOOK
    return Record(topic, 0, 0, 0, wire.encode_key(message), wire.encode(message))


def watch(*records: Record, **more: str) -> tuple[str, ...]:
    found = Vetoes(TraderConfig.from_settings(settings(**more)), now_us=lambda: NOW)
    for record in records:
        found.take(record)
    return found.reasons(SIGNAL)


def gap(first: int | None, last: int | None, cause: str = "missing") -> LedgerEntry:
    return LedgerEntry("gap", cause, first, last)


CONNECT = LedgerEntry("connect", "start")


def healed(first: int, last: int) -> LedgerEntry:
    return LedgerEntry("healed", "refilled by REST", first, last)


@pytest.mark.parametrize(
    ("entries", "is_open"),
    [
        ([CONNECT], False),
        ([gap(5, 9)], True),  # Gemini's socket sequence
        ([gap(5, 9), CONNECT], False),  # a fresh snapshot
        ([gap(5, 9, "between_connections")], True),
        ([gap(5, 9, "between_connections"), CONNECT], True),  # trades are still missing
        ([gap(5, 9, "between_connections"), healed(5, 9)], False),
        ([gap(5, 9, "between_connections"), healed(5, 8)], True),
        ([gap(5, 9, "between_connections"), healed(5, 8), healed(9, 9)], False),
        ([gap(5, 9, "between_connections"), healed(7, 7), healed(1, 6)], True),
        (
            [gap(5, 9, "between_connections"), gap(12, 13, "between_connections"), healed(5, 9)],
            True,
        ),
        ([gap(5, 4, "between_connections")], False),  # nothing lies between
        ([gap(None, None, "broken_chain")], True),
        ([LedgerEntry("disconnect", "x"), LedgerEntry("stale", "silent")], False),
    ],
)
def test_a_gap_is_open_until_it_is_healed_or_the_book_is_fresh(
    entries: list[LedgerEntry], is_open: bool
) -> None:
    assert watch(*[record_of("ledger", entry) for entry in entries]) == (("gap_open",) * is_open)


def test_in_a_recorded_market_trades_lost_between_connections_hold_nothing_back() -> None:
    lost = record_of("ledger", gap(1, 9, "between_connections"))
    broken = record_of("ledger", gap(1, 9))
    again = record_of("ledger", CONNECT)
    assert watch(lost) == watch(lost, again) == ("gap_open",)
    assert watch(lost, SIMULATOR_TAPE="/tapes/btcusd_a") == ()
    assert watch(broken, SIMULATOR_TAPE="/tapes/btcusd_a") == ("gap_open",)
    assert watch(broken, again, SIMULATOR_TAPE="/tapes/btcusd_a") == ()


def test_gaps_of_others_are_not_ours() -> None:
    others = [
        record_of("ledger", gap(5, 9), symbol="ETH-USD"),
        record_of("ledger", gap(5, 9), venue="b"),
    ]
    assert watch(*others, Record(Topic.LEDGER, 0, 0, 0, b"gemini|BTC-USD", b"junk")) == ()


@pytest.mark.parametrize(
    ("apart_s", "more", "reasons"),
    [
        (5, {}, ()),
        (5.000001, {}, ("clock_skew",)),
        (-6, {}, ("clock_skew",)),
        (6, {"TRADER_SKEW_S": "0"}, ()),
        (6, {"SIMULATOR_TAPE": "btcusd_2018"}, ()),
    ],
)
def test_clocks_that_are_apart_forbid_orders(
    apart_s: float, more: dict[str, str], reasons: tuple[str, ...]
) -> None:
    record = record_of("book", venue_time=NOW - int(apart_s * S))
    assert watch(record, **more) == reasons


def test_the_newest_book_message_gives_the_skew() -> None:
    assert watch(record_of("book", venue_time=NOW - 9 * S), record_of("book", venue_time=NOW)) == ()
    assert watch(record_of("book", venue_time=NOW - 9 * S), record_of("book")) == ("clock_skew",)


@pytest.mark.parametrize(
    ("more", "reasons"),
    [
        ({}, ()),
        ({"TRADER_LAG_S": "20"}, ()),
        ({"TRADER_LAG_S": "19.9"}, ("stream_lag",)),
        ({"TRADER_LAG_S": "19.9", "SIMULATOR_TAPE": "btcusd_2018"}, ()),
        ({"TRADER_LAG_S": "0"}, ()),
    ],
)
def test_an_old_signal_is_not_acted_on(more: dict[str, str], reasons: tuple[str, ...]) -> None:
    assert watch(**more) == reasons


def test_the_ledger_is_read_from_its_beginning_at_every_start() -> None:
    assert exclude_ledger({(Topic.LEDGER, 0): 7, (Topic.BOOK, 0): 3}) == {(Topic.BOOK, 0): 3}


@dataclass
class Clock:
    now_s: float = 0.0
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now_s += seconds


def test_a_breaker_opens_after_failures_in_a_row_and_closes_again() -> None:
    clock = Clock()
    breaker = Breaker(failures=3, cool_down_s=60, clock=clock)
    breaker.count_failure("1")
    breaker.count_failure("2")
    breaker.count_success()
    for _ in range(2):
        breaker.count_failure("again")
    assert breaker.open_s == 0
    breaker.count_failure("third")
    assert breaker.open_s == 60
    clock.now_s = 60.0
    assert breaker.open_s == 0  # one try
    breaker.count_failure("still")
    assert breaker.open_s == 60  # and one failure is enough
    clock.now_s = 120.0
    breaker.count_success()
    breaker.count_failure("1")
    assert breaker.open_s == 0


def test_a_fault_passes_through_the_breakers_watch_and_is_counted() -> None:
    breaker = Breaker(failures=1, cool_down_s=60, clock=Clock())
    with pytest.raises(Unreachable), breaker.count_failures():
        raise Unreachable("no answer")
    assert breaker.open_s == 60


def test_a_rate_is_kept() -> None:
    clock = Clock()
    limiter = RateLimiter(2, within_s=1.0)
    begun = []
    for _ in range(5):
        clock.sleep(limiter.claim(clock.now_s))
        begun.append(clock.now_s)
        clock.now_s += 0.1
    assert begun == pytest.approx([0.0, 0.1, 1.0, 1.1, 2.0])
