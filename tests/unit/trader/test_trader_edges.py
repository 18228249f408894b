"""Vetoes at their very limits, the levels in reach, and averages that come twice."""

from decimal import Decimal as D

import msgspec
import pytest

from include.bus import Record
from include.market.events import BookChange, BookSide, LedgerEntry, Message, Top
from include.market.wire import Topic, TopicPartition
from include.trading.inputs import RecordId, Signal
from streaming.trader.followers.averages import AverageFollower, AverageSignals
from streaming.trader.followers.depth import MAX_LEVELS, Depth
from streaming.trader.vetoes import Breaker, ClockSkew, Gaps, Lag

S = 1_000_000


def gaps_after(*entries: LedgerEntry, venue: str = "binance") -> Gaps:
    gaps = Gaps(venue=venue, symbol="BTC-USDT")
    for entry in entries:
        gaps.take(Message(venue, "BTC-USDT", "ledger", "c", None, None, 0, (entry,)))
    return gaps


def gap(first: int, last: int) -> LedgerEntry:
    return LedgerEntry("gap", "missing", first, last)


@pytest.mark.parametrize(
    ("entry", "first", "last", "is_open"),
    [
        ("healed", 5, 9, False),
        ("lost", 5, 9, False),
        ("healed", 1, 20, False),
        ("healed", 6, 9, True),
        ("healed", 5, 8, True),
        ("healed", None, 9, True),
        ("healed", 5, None, True),
        ("recovered", 5, 9, True),
    ],
)
def test_a_hole_of_trades_is_closed_by_what_covers_it(
    entry: str, first: int | None, last: int | None, is_open: bool
) -> None:
    closing = LedgerEntry(entry, "x", first, last)
    assert bool(gaps_after(gap(5, 9), closing).veto()) is is_open


def test_each_hole_is_closed_on_its_own_and_an_empty_one_is_none() -> None:
    healed = LedgerEntry("healed", "x", 5, 9)
    assert gaps_after(gap(5, 9), gap(20, 20), healed).veto()
    assert not gaps_after(gap(5, 9), gap(20, 20), healed, LedgerEntry("lost", "x", 20, 20)).veto()
    assert not gaps_after(gap(9, 8)).veto()
    assert gaps_after(gap(9, 9)).veto()


def test_a_broken_book_waits_for_a_connection_or_a_snapshot() -> None:
    broken = LedgerEntry("gap", "broken_chain")
    assert gaps_after(broken).veto()
    assert gaps_after(broken, LedgerEntry("recovered", "frames")).veto()
    for entry in (LedgerEntry("connect", ""), LedgerEntry("recovered", "snapshot")):
        assert not gaps_after(broken, entry).veto()
        assert gaps_after(gap(5, 9), broken, entry).veto()  # trades are still missing


@pytest.mark.parametrize(
    ("limit_us", "skew_us", "is_apart"),
    [(2 * S, 2 * S, False), (2 * S, 2 * S + 1, True), (0, 9 * S, False), (1, 2, True)],
)
def test_clocks_may_be_apart_by_exactly_the_limit(
    limit_us: int, skew_us: int, is_apart: bool
) -> None:
    for sign in (1, -1):
        skew = ClockSkew(limit_us)
        skew.take(
            msgspec.json.encode({"venue_time": 100 * S, "received_time": 100 * S + sign * skew_us})
        )
        assert bool(skew.veto()) is is_apart


@pytest.mark.parametrize(
    ("limit_us", "age_us", "is_late"),
    [(2 * S, 2 * S, False), (2 * S, 2 * S + 1, True), (0, 9 * S, False), (2 * S, -9 * S, False)],
)
def test_a_signal_may_be_as_old_as_the_limit(limit_us: int, age_us: int, is_late: bool) -> None:
    signal = Signal("gemini", "BTC-USD", "price_volume", D(1), 100 * S, 40 * S)
    assert bool(Lag(limit_us, now_us=lambda: 100 * S + age_us).veto(signal)) is is_late


def test_a_breaker_lets_one_try_through_after_it_cooled_down() -> None:
    now = [0.0]
    breaker = Breaker(failures=2, cool_down_s=30, clock=lambda: now[0])
    breaker.count_failure("a")
    assert (breaker.open_s, breaker.veto()) == (0, None)
    breaker.count_failure("b")
    assert breaker.open_s == 30 and breaker.veto()
    now[0] = 29.5
    assert breaker.open_s == 0.5
    now[0] = 30
    assert not breaker.veto()
    breaker.count_failure("c")  # the one try
    assert breaker.open_s == 30
    breaker.count_success()
    assert not breaker.veto()
    breaker.count_failure("d")
    assert not breaker.veto()


def change(
    side: BookSide, price: int, quantity: int = 1, *, reason: str | None = None
) -> BookChange:
    return BookChange(side, D(price), D(quantity), reason=reason)


TOP = Top(D(1000), D(1), D(1001), D(1))


def test_levels_are_in_reach_up_to_the_slippage_and_none_while_the_book_is_unknown() -> None:
    depth = Depth(slippage_bps=D(100))  # 1 %: bids from 990, asks to 1011.01
    assert depth.bids(TOP) == depth.asks(TOP) == ()
    depth.apply([change("bid", 1000)], top=TOP)
    assert depth.bids(TOP) == ()
    snapshot = [change("bid", price, reason="initial") for price in (989, 990, 1000, 1005)]
    snapshot += [change("ask", price, reason="initial") for price in (999, 1001, 1011, 1012)]
    assert depth.apply(snapshot, top=TOP)
    assert [price for price, _ in depth.bids(TOP)] == [1000, 990]
    assert [price for price, _ in depth.asks(TOP)] == [1001, 1011]
    assert not depth.apply([change("bid", 995, 7), change("ask", 1011, 0)], top=TOP)
    assert depth.bids(TOP) == ((D(1000), D(1)), (D(995), D(7)), (D(990), D(1)))
    assert [price for price, _ in depth.asks(TOP)] == [1001]
    depth.apply([], top=None)
    assert depth.bids(TOP) == depth.asks(TOP) == ()


def test_of_many_levels_the_nearest_are_given() -> None:
    depth = Depth(slippage_bps=D(5000))
    depth.apply([change("bid", 1000 - n, reason="initial") for n in range(40)], top=TOP)
    prices = [price for price, _ in depth.bids(TOP)]
    assert prices == [1000 - n for n in range(MAX_LEVELS)] and MAX_LEVELS == 25


def average(start_s: int, value: str = "100", kind: str = "average_price") -> Signal:
    return Signal("suppliers", "BTC-USD", kind, D(value), (start_s + 60) * S, start_s * S)


def test_of_an_average_that_comes_twice_the_first_is_decided_and_none_of_before() -> None:
    signals = AverageSignals(symbol="BTC-USD", window_us=60 * S, last_window=100 * S)
    ids = [RecordId(Topic.SIGNALS, 0, offset) for offset in range(5)]
    for start_s, record_id in zip((90, 100, 110, 110, 120), ids, strict=True):
        signals.add(average(start_s, str(start_s)), record_id)
    assert signals.unfinished_records() == [ids[2], ids[4]]
    decided = []
    while (head := signals.head(is_book_read=lambda: True)) is not None:
        decided.append(head.signal.value)
        signals.pop()
    assert decided == [110, 120] and signals.unfinished_records() == []


def test_averages_of_others_other_signals_and_junk_are_passed_over() -> None:
    signals = AverageSignals(symbol="BTC-USD", window_us=60 * S)
    follower = AverageFollower(
        signals, venue="gemini", symbol="BTC-USD", end_offsets=dict, depth=None
    )
    values = [
        (b"suppliers|BTC-USD", msgspec.json.encode(average(10, kind="mid_price"))),
        (b"suppliers|BTC-USD", msgspec.json.encode(average(20, "-1"))),
        (b"suppliers|BTC-USD", b"junk"),
        (b"suppliers|BTC-USD", b'{"venue":"\xff"}'),
        (b"suppliers|ETH-USD", msgspec.json.encode(average(30))),
        (b"gemini|BTC-USD", msgspec.json.encode(average(40))),
        (b"suppliers|BTC-USD", msgspec.json.encode(average(50))),
    ]
    for offset, (key, value) in enumerate(values):
        follower.take(Record(Topic.SIGNALS, 0, offset, 0, key, value))
    assert [record.offset for record in signals.unfinished_records()] == [6]
    assert follower.unreadable == 2


def test_an_average_waits_for_the_book_to_pass_it_or_to_be_read_to_its_end() -> None:
    ends = {TopicPartition(Topic.BOOK, 0): 7}
    follower = AverageFollower(
        AverageSignals(symbol="BTC-USD", window_us=60 * S),
        venue="gemini",
        symbol="BTC-USD",
        end_offsets=lambda: ends,
        depth=None,
    )
    value = msgspec.json.encode(average(10))
    follower.take(Record(Topic.SIGNALS, 0, 4, 0, b"suppliers|BTC-USD", value))
    assert follower.next({TopicPartition(Topic.BOOK, 0): 6}) is None
    moment = follower.next({TopicPartition(Topic.BOOK, 0): 7})
    assert moment is not None
    assert (moment.signal, moment.record_id, moment.top) == (
        average(10),
        RecordId(Topic.SIGNALS, 0, 4),
        None,
    )
